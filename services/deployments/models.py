"""How each deployment of a dashboard is: frozen values. Pure.

What is not known is None with the reason, and a sum of which a part is not known is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.errors import Problem
from services.figures import Amount, Measure


class State(StrEnum):
    """How far the dashboard is with a deployment."""

    RUNNING = "running"
    READING = "first figures are read"
    STARTING = "starting"
    FAILED = "failed to start"


@dataclass(frozen=True, slots=True)
class Figure:
    """What a deployment has of one measure; `amount` is None for the `reason`.

    `absent` is one whose store no address was given for: it adds nothing to a sum.
    """

    amount: Amount | None = None
    reason: Problem | None = None
    exact: bool = True
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """One deployment, as one viewer may see it.

    `problem` says why it does not run, `wrong` what is wrong with its settings in the file while it
    runs by earlier ones. `tenants`, `at` and `firing` are None where they are not known, `down`
    names what was asked and did not answer. `whole` is whether the viewer sees every tenant.
    """

    name: str
    color: str
    labels: Mapping[str, str] = field(default_factory=dict)
    state: State = State.STARTING
    problem: str = ""
    wrong: str = ""
    tenants: int | None = None
    figures: Mapping[Measure, Figure] = field(default_factory=dict)
    at: datetime | None = None
    down: Sequence[str] = ()
    firing: int | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum over deployments; `value` is None where it is not known of each of `unknown`."""

    value: int | None
    unknown: Sequence[str] = ()
    exact: bool = True


def sum_of(standings: Iterable[Standing], measure: Measure, *, size: bool = False) -> Sum:
    """Add up what all have of a measure: the counts, or with `size` the bytes."""
    total, unknown, exact = 0, [], True
    for each in standings:
        figure = each.figures.get(measure, Figure())
        if figure.absent:
            continue
        amount = figure.amount
        found = None if amount is None else amount.bytes if size else amount.count
        if found is None:
            unknown.append(each.name)
        else:
            total += found
            exact = exact and figure.exact
    return Sum(None if unknown else total, unknown, exact)


def tenants_of(standings: Iterable[Standing]) -> Sum:
    """Add up the tenants; one that is in several deployments counts in each."""
    return _sum((each.name, each.tenants) for each in standings)


def firing_of(standings: Iterable[Standing]) -> Sum:
    """Add up the alerts that fire."""
    return _sum((each.name, each.firing) for each in standings)


def _sum(values: Iterable[tuple[str, int | None]]) -> Sum:
    found = list(values)
    unknown = [name for name, value in found if value is None]
    return Sum(None if unknown else sum(value or 0 for _, value in found), unknown)
