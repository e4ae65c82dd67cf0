"""Conditions of limits: who is near one, who is over, and who is to be. Pure."""

from __future__ import annotations

from collections.abc import Callable

from services.alerts.ahead import within
from services.alerts.look import Look
from services.alerts.models import Sighting, Verdict
from services.errors import Problem
from services.isolation.severity import Severity
from services.limits.models import Standing, Standings, State


def at(state: State, severity: Severity) -> Callable[[Look], Verdict]:
    """Return what sees who is in a state, near or over; it is left only once it has come back."""

    def limit(look: Look) -> Verdict:
        if isinstance(look.standings, Problem):
            return Verdict(unknown=look.standings)
        every = look.standings.every
        seen = tuple(_sighting(each, severity) for each in every if each.state is state)
        return Verdict(seen, _unknown(look.standings))

    return limit


def ahead(look: Look) -> Verdict:
    """See who is likely to come to a limit soon. Where a past bears no forecast nobody is seen."""
    if isinstance(look.coming, Problem):
        return Verdict(unknown=look.coming)
    seen = tuple(
        Sighting(
            f"{each.tenant} {each.quantity}", Severity.MEDIUM, (each.tenant,), (each.tenant,),
            {"quantity": each.quantity, "used": each.used, "most": each.most,
             "likely": f"{each.likely:%Y-%m-%d}"},
        )
        for each in look.coming if within(each, look.now, look.thresholds.ahead)
    )  # fmt: skip
    return Verdict(seen, _unknown(look.standings))


def _unknown(standings: Standings | Problem) -> Problem | None:
    """Return why it is not known of somebody how much of a limit is used."""
    if isinstance(standings, Problem):
        return standings
    every = standings.every
    return next((each.reason for each in every if each.state is State.UNKNOWN), None)


def _sighting(standing: Standing, severity: Severity) -> Sighting:
    whose = (standing.tenant,)
    used = 0 if standing.used is None else standing.used.value
    return Sighting(
        f"{standing.tenant} {standing.quantity}", severity, whose, whose,
        {"quantity": standing.quantity, "used": used, "most": standing.most},
    )  # fmt: skip
