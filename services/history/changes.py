"""What a snapshot adds to the past: the figures that changed, and what was known. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from services.figures import Amount, Measure, StoreState, Usage
from services.history.models import (
    FLEET,
    NOBODY,
    NOTHING,
    PREDICTION_BYTES,
    SHARED,
    Figure,
    Figures,
    Holder,
    OwnerKind,
    figures_of,
    group,
    looked_at,
    quantities_of,
)
from services.history.rollup import Look
from services.usage.snapshot import Snapshot, StoreFigures
from services.usage.sums import add_usages

_NO_SIZE = "its size is not told"


@dataclass(frozen=True, slots=True)
class Present:
    """What is known last: each holder's figures, and the newest look at each quantity.

    `usages` are those that the figures were of in the last snapshot, where that is at hand.
    """

    figures: Mapping[Holder, Figures] = field(default_factory=dict)
    looks: Mapping[str, Look] = field(default_factory=dict)
    usages: Mapping[Holder, Usage] = field(default_factory=dict)

    @property
    def known(self) -> frozenset[str]:
        """The quantities that were known at the last look."""
        return frozenset(quantity for quantity, look in self.looks.items() if not look.reason)


@dataclass(frozen=True, slots=True)
class Change:
    """What one snapshot adds: whole figures of the holders that changed, and looks.

    A look that `Present` has too, by quantity and beginning, is the same one, grown.
    """

    figures: Mapping[Holder, Figures]
    looks: tuple[tuple[str, Look], ...]
    usages: Mapping[Holder, Usage]

    def after(self, present: Present) -> Present:
        """Return what is known last once this is added."""
        figures = {**present.figures, **self.figures}
        return Present(figures, {**present.looks, **dict(self.looks)}, self.usages)


def change_of(snapshot: Snapshot, present: Present, at: int, *, gap: int) -> Change:
    """Return what a snapshot of a second adds; after `gap` seconds nobody has looked meanwhile.

    What a snapshot does not know stays as it was last: the look says that it is not known.
    """
    usages = dict(_usages(snapshot))
    reasons = dict(_reasons(snapshot, usages.values()))
    known = frozenset(quantity for quantity, reason in reasons.items() if not reason)
    seen = present.usages if known == present.known else {}
    figures = dict(_changed(usages, seen, present.figures, known))
    shared = dict(_shared({**present.figures, **figures}))
    if shared != present.figures.get(SHARED, {}):
        figures[SHARED] = shared
    fleet = dict(_fleet(_margins(snapshot, usages.values()), present.figures, figures))
    if fleet != present.figures.get(FLEET, {}):
        figures[FLEET] = fleet
    looks = (
        (quantity, look) for quantity, reason in reasons.items()
        for look in _looks(present.looks.get(quantity), at, reason, gap)
    )  # fmt: skip
    return Change(figures, tuple(looks), usages)


def _usages(snapshot: Snapshot) -> Iterator[tuple[Holder, Usage]]:
    for each in snapshot.tenants:
        yield Holder(OwnerKind.TENANT, str(each.tenant)), each.usage
    yield NOBODY, snapshot.unattributed.usage
    groups: dict[Holder, list[Usage]] = {}
    for part in snapshot.shared:
        groups.setdefault(group(map(str, part.claim.tenants)), []).append(part.usage)
    for who, usages in groups.items():
        yield who, add_usages(usages)


def _changed(
    usages: Mapping[Holder, Usage],
    seen: Mapping[Holder, Usage],
    last: Mapping[Holder, Figures],
    known: frozenset[str],
) -> Iterator[tuple[Holder, Figures]]:
    """Yield the new figures of holders; of one whose usage is as it was seen there are none."""
    for holder, usage in usages.items():
        last_seen = seen.get(holder)
        if usage is not last_seen and usage != last_seen:  # most are the very same
            before = last.get(holder, {})
            after = dict(_merged(figures_of(usage), before, known))
            if after != before:
                yield holder, after
    for holder in last.keys() - usages.keys() - {FLEET, SHARED}:
        after = dict(_merged({}, last[holder], known))
        if after != last[holder]:
            yield holder, after


def _shared(kept: Mapping[Holder, Figures]) -> Iterator[tuple[str, Figure]]:
    """Yield the sums of all groups; their errors are independent."""
    groups = [figures for holder, figures in kept.items() if holder.kind is OwnerKind.GROUP]
    for quantity in {name for figures in groups for name in figures}:
        some = [figures[quantity] for figures in groups if quantity in figures]
        value = sum(figure.value for figure in some)
        if value:
            yield quantity, Figure(value, round(math.hypot(*(figure.margin for figure in some))))


def _fleet(
    margins: Figures, last: Mapping[Holder, Figures], changed: Mapping[Holder, Figures]
) -> Iterator[tuple[str, Figure]]:
    """Yield the sums of what is kept of all others: they hold at every moment."""
    sums = Counter({quantity: figure.value for quantity, figure in last.get(FLEET, {}).items()})
    for holder, figures in changed.items():
        if holder.kind is not OwnerKind.GROUP:  # it is in what is shared
            sums.update({quantity: figure.value for quantity, figure in figures.items()})
            sums.subtract({q: figure.value for q, figure in last.get(holder, {}).items()})
    for quantity, value in sums.items():
        if value:
            yield quantity, Figure(value, margins.get(quantity, NOTHING).margin)


def _margins(snapshot: Snapshot, usages: Iterable[Usage]) -> Figures:
    """Return how sure it is what all hold together."""
    totals = {measure.value: snapshot.stores[measure].total for measure in Measure}
    margin = math.hypot(*(each.predictions.bytes_margin for each in usages if each.predictions))
    return figures_of(Usage(**totals, keys_by_kind=None, predictions=Amount(bytes_margin=margin)))


def _merged(now: Figures, before: Figures, known: frozenset[str]) -> Iterator[tuple[str, Figure]]:
    for quantity in now.keys() | before.keys():
        old, new = before.get(quantity), now.get(quantity)
        if looked_at(quantity) not in known or (old and new and not new.differs(old)):
            new = old
        if new is not None:
            yield quantity, new


def _reasons(snapshot: Snapshot, usages: Iterable[Usage]) -> Iterator[tuple[str, str]]:
    """Yield each quantity that was looked for, and why it is not known: empty where it is."""
    for measure in Measure:
        figures = snapshot.stores[measure]
        if figures.state is StoreState.NOT_CONFIGURED:
            continue
        count, size = quantities_of(measure)
        reason = _reason(figures)
        yield count, reason
        sized = figures.total is not None and figures.total.bytes is not None
        reason = reason or ("" if sized else _NO_SIZE)
        yield size, reason
        if measure is Measure.KEYS:
            whole = all(_is_sized(usage.predictions) for usage in usages)
            yield PREDICTION_BYTES, reason or ("" if whole else _NO_SIZE)


def _is_sized(amount: Amount | None) -> bool:
    return amount is not None and (amount.bytes is not None or not amount.count)


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
