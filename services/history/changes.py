"""What a snapshot adds to the past: the figures that changed, and what was known. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from services.figures import Measure, StoreState
from services.history.models import (
    FLEET,
    NOBODY,
    NOTHING,
    SHARED,
    Figure,
    Figures,
    Holder,
    OwnerKind,
    figures_of,
    looked_at,
    quantities_of,
)
from services.history.rollup import Look
from services.usage.rollup import add_usages
from services.usage.snapshot import Snapshot, StoreFigures

_NO_SIZE = "its size is not told"


@dataclass(frozen=True, slots=True)
class Present:
    """What is known last: each holder's figures, and the newest look at each quantity."""

    figures: Mapping[Holder, Figures] = field(default_factory=dict)
    looks: Mapping[str, Look] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What one snapshot adds: whole figures of the holders that changed, and looks.

    A look that `Present` has too, by quantity and beginning, is the same one, grown.
    """

    figures: Mapping[Holder, Figures]
    looks: tuple[tuple[str, Look], ...]

    def after(self, present: Present) -> Present:
        """Return what is known last once this is added."""
        return Present({**present.figures, **self.figures}, {**present.looks, **dict(self.looks)})


def change_of(snapshot: Snapshot, present: Present, at: int, *, gap: int) -> Change:
    """Return what a snapshot of a second adds; after `gap` seconds nobody has looked meanwhile.

    What a snapshot does not know stays as it was last: the look says that it is not known.
    """
    reasons = dict(_reasons(snapshot))
    known = frozenset(quantity for quantity, reason in reasons.items() if not reason)
    now = _now(snapshot)
    figures = dict(_changed(now, present.figures, known))
    fleet = dict(_fleet(now[FLEET], present.figures, figures))
    if fleet != present.figures.get(FLEET, {}):
        figures[FLEET] = fleet
    return Change(
        figures,
        tuple(
            (quantity, look) for quantity, reason in reasons.items()
            for look in _looks(present.looks.get(quantity), at, reason, gap)
        ),
    )  # fmt: skip


def _now(snapshot: Snapshot) -> dict[Holder, dict[str, Figure]]:
    usages = {Holder(OwnerKind.TENANT, str(each.tenant)): each.usage for each in snapshot.tenants}
    usages[NOBODY] = snapshot.unattributed.usage
    if snapshot.shared:
        usages[SHARED] = add_usages(part.usage for part in snapshot.shared)
    usages[FLEET] = add_usages(list(usages.values()))
    return {holder: figures_of(usage) for holder, usage in usages.items()}


def _changed(
    now: Mapping[Holder, Figures], last: Mapping[Holder, Figures], known: frozenset[str]
) -> Iterator[tuple[Holder, Figures]]:
    for holder in (now.keys() | last.keys()) - {FLEET}:
        before = last.get(holder, {})
        after = dict(_merged(now.get(holder, {}), before, known))
        if after != before:
            yield holder, after


def _fleet(
    now: Figures, last: Mapping[Holder, Figures], changed: Mapping[Holder, Figures]
) -> Iterator[tuple[str, Figure]]:
    """Yield the sums of what is kept of all holders: they hold at every moment."""
    sums = Counter({quantity: figure.value for quantity, figure in last.get(FLEET, {}).items()})
    for holder, figures in changed.items():
        sums.update({quantity: figure.value for quantity, figure in figures.items()})
        sums.subtract({q: figure.value for q, figure in last.get(holder, {}).items()})
    for quantity, value in sums.items():
        if value:
            yield quantity, Figure(value, now.get(quantity, NOTHING).margin)


def _merged(now: Figures, before: Figures, known: frozenset[str]) -> Iterator[tuple[str, Figure]]:
    for quantity in now.keys() | before.keys():
        old, new = before.get(quantity), now.get(quantity)
        if looked_at(quantity) not in known or (old and new and not new.differs(old)):
            new = old
        if new is not None:
            yield quantity, new


def _reasons(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Yield each quantity that was looked for, and why it is not known: empty where it is."""
    for measure in Measure:
        figures = snapshot.stores[measure]
        if figures.state is StoreState.NOT_CONFIGURED:
            continue
        count, size = quantities_of(measure)
        reason = _reason(figures)
        yield count, reason
        sized = figures.total is not None and figures.total.bytes is not None
        yield size, reason or ("" if sized else _NO_SIZE)


def _reason(figures: StoreFigures) -> str:
    problem = figures.unread
    return "" if problem is None else str(problem.nameless())


def _looks(last: Look | None, at: int, reason: str, gap: int) -> Iterator[Look]:
    """Yield the last look, grown until now if somebody has looked all the time, or a new one."""
    if last is not None and at - last.ended <= gap:
        same = last.reason == reason
        yield replace(last, ended=at + same)
        if same:
            return
    yield Look(at, at + 1, reason)
