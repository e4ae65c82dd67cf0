"""Pending, firing, resolved: what becomes of alerts by what is seen now. Pure.

What is seen fires once it was seen for long enough, and what fires is over once it was known not
to be there for long enough: it never flaps. While a condition is unknown nothing of it begins to
be over. A time that goes back, or in which nobody looked, counts for neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.alerts.models import Alert, AlertState, Condition, Sighting, Verdict
from services.errors import Problem

UNWATCHED = timedelta(minutes=10)
"""After so long without a look, what was seen or missed before counts no more as since then."""

NewId = Callable[[], str]

_ABSENT = Verdict()


@dataclass(frozen=True, slots=True)
class Step:
    """What one look changes: alerts as they are now, and the ids of those that are forgotten."""

    alerts: tuple[Alert, ...]
    forgotten: tuple[str, ...]


def step(
    alerts: Iterable[Alert], verdicts: Mapping[str, Verdict],
    table: Mapping[str, Condition], *, now: datetime, new_id: NewId,
) -> Step:  # fmt: skip
    """Return what becomes of the alerts that are not over. A code that is in no table is over."""
    live = {alert.key: alert for alert in alerts if alert.state is not AlertState.RESOLVED}
    seen = {
        (code, each.subject): each for code, verdict in verdicts.items() if code in table
        for each in verdict.seen
    }  # fmt: skip
    known: list[Alert] = []
    forgotten: list[str] = []
    for key, alert in live.items():
        condition = table.get(alert.code)
        verdict = verdicts.get(alert.code, Verdict(unknown=Problem("not looked at")))
        if condition is None:
            after = _missed(alert, now, clears=timedelta(0))
        elif key in seen:
            after = _seen(alert, seen[key], now, holds=condition.holds)
        elif verdict.unknown is not None:
            after = replace(alert, missed=None)
        else:
            after = _missed(alert, now, clears=condition.clears)
        if after is None:
            forgotten.append(alert.id)
        elif after != alert:
            known.append(after)
    known += _begun(seen, live.keys(), table, now, new_id)
    return Step(tuple(known), tuple(forgotten))


def _begun(
    seen: Mapping[tuple[str, str], Sighting], live: Iterable[tuple[str, str]],
    table: Mapping[str, Condition], now: datetime, new_id: NewId,
) -> Iterator[Alert]:  # fmt: skip
    for key in seen.keys() - set(live):
        code, subject = key
        new = Alert(new_id(), code, subject, seen[key].severity, AlertState.PENDING, now, now)
        yield _seen(new, seen[key], now, holds=table[code].holds)


def _seen(alert: Alert, sighting: Sighting, now: datetime, *, holds: timedelta) -> Alert:
    began = alert.began
    if alert.state is AlertState.PENDING and not alert.seen <= now < alert.seen + UNWATCHED:
        began = now
    after = replace(
        alert, severity=sighting.severity, tenants=sighting.tenants, concerns=sighting.concerns,
        facts=sighting.facts, began=began, seen=now, missed=None,
    )  # fmt: skip
    if alert.state is AlertState.PENDING and now - began >= holds:
        return replace(after, state=AlertState.FIRING, fired=now)
    return after


def _missed(alert: Alert, now: datetime, *, clears: timedelta) -> Alert | None:
    """Return an alert that is not there now; None for one that never fired."""
    if alert.state is AlertState.PENDING:
        return None
    missed = alert.missed
    if missed is None or missed > now:
        missed = now
    if now - missed < clears:
        return replace(alert, missed=missed)
    ended = max(missed, alert.fired or missed)
    return replace(alert, state=AlertState.RESOLVED, missed=missed, ended=ended)
