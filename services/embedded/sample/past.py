"""A year that leads to what the sample fleet has now, generated from a seed. Pure.

Each moment is a snapshot of the fleet as it is now, with less of everything, and goes through what
records real ones: so sums hold, and what was not known is unknown.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from services.embedded.sample.patterns import random_of
from services.errors import Fault, Problem
from services.figures import STORE_OF, Amount, Measure, StoreState, Usage
from services.history.changes import Present, change_of
from services.history.models import ROLLED, Grain, Holder, second
from services.history.ports import Head, MadeUp
from services.history.record import CHANGES_KEPT
from services.history.rollup import Look
from services.history.rows import Row, figures_at_end, rolled, row_of
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import ClaimState
from services.usage.snapshot import Snapshot, StoreFigures, TenantUsage

_DAY = Grain.DAY.seconds
_YEAR, _OFTEN, _HOURS_KEPT = 365 * _DAY, 3 * _DAY, 90 * _DAY
_DAILY = 92  # days ago
_STEP = 6 * Grain.HOUR.seconds  # in the last days
_GAP = 3 * _DAY
_AWAY = range(196, 203)  # days ago, on which no dashboard ran
_DOWN = {41: Measure.KEYS, 120: Measure.VECTORS}  # days ago
_BUSY = 40  # patterns of a tenant that learns every day; a small one does every other week
_LEFT = TenantKey("tenant", "wayne-trial")
"""Somebody who came and went within the year."""

_CAME, _WENT = 260, 64  # days ago


def year_before(snapshot: Snapshot, seed: int = 7) -> MadeUp:
    """Return a year that ends a second before a snapshot, with what it has."""
    at = second(snapshot.collected_at)
    present, changes = Present(), defaultdict[Holder, dict[int, Row]](dict)
    looks: dict[tuple[str, int], Look] = {}
    moments = list(_moments(at))
    for when in moments:
        change = change_of(_as_it_was(snapshot, when, at, seed), present, when, gap=_GAP)
        for holder, figures in change.figures.items():
            changes[holder][when] = row_of(figures)
        looks |= {(quantity, look.began): look for quantity, look in change.looks}
        present = change.after(present)
    head = Head(len(moments), moments[-1], {grain: grain.start(at) for grain in ROLLED})
    return MadeUp(_rows(changes, looks, head), tuple(_named(looks)), head)


def _moments(at: int) -> Iterator[int]:
    """Yield when something changed: each third day, each day, of late more often, and just now."""
    for day in range(_YEAR // _DAY, _OFTEN // _DAY, -1):
        if day not in _AWAY and (day < _DAILY or day % 3 == 0):
            yield at - day * _DAY
    yield from range(at - _OFTEN, at - 1, _STEP)
    yield at - 1


def _named(looks: Mapping[tuple[str, int], Look]) -> Iterator[tuple[str, Look]]:
    return ((quantity, look) for (quantity, _), look in looks.items())


def _rows(
    changes: Mapping[Holder, Mapping[int, Row]], looks: Mapping[tuple[str, int], Look], head: Head
) -> dict[Grain, dict[int, dict[Holder, Row]]]:
    """Return what is kept of changes of which nothing was rolled up so far."""
    known = defaultdict[str, list[Look]](list)
    for quantity, look in _named(looks):
        known[quantity].append(look)
    rows: dict[Grain, dict[int, dict[Holder, Row]]] = {Grain.SECOND: {}}
    for grain, kept in ((Grain.HOUR, _HOURS_KEPT), (Grain.DAY, _YEAR + _DAY)):
        since, until = head.rolled[grain] - kept, head.rolled[grain]
        some = {holder: _between(each, since, until) for holder, each in changes.items()}
        before = {holder: _newest(each, since) for holder, each in changes.items()}
        rows[grain] = rolled(some, known, grain.seconds, before)
    for holder, each in changes.items():
        for at, row in _between(each, head.last - CHANGES_KEPT, head.last + 1).items():
            rows[Grain.SECOND].setdefault(at, {})[holder] = row
    return rows


def _between(rows: Mapping[int, Row], since: int, until: int) -> dict[int, Row]:
    return {at: row for at, row in rows.items() if since <= at < until}


def _newest(rows: Mapping[int, Row], before: int) -> Row:
    at = max((each for each in rows if each < before), default=None)
    return {} if at is None else row_of(figures_at_end(rows[at]))


def _as_it_was(snapshot: Snapshot, when: int, at: int, seed: int) -> Snapshot:
    """Return the fleet as it was: what it is, with less of everything."""
    ago = (at - when) / _DAY
    down = _DOWN.get(math.ceil(ago))
    tenants = [
        replace(each, usage=_less(each.usage, str(each.tenant), ago, seed))
        for each in snapshot.tenants
    ]
    if _WENT < ago < _CAME:
        tenants.append(_left(snapshot.tenants, ago, seed))
    nobodys = _less(snapshot.unattributed.usage, "nobody", ago, seed)
    return replace(
        snapshot,
        collected_at=datetime.fromtimestamp(when, UTC),
        stores={measure: _store(each, down) for measure, each in snapshot.stores.items()},
        tenants=tuple(tenants),
        shared=tuple(
            replace(part, usage=_less(part.usage, part.name, ago, seed))
            for part in snapshot.shared
        ),
        unattributed=replace(snapshot.unattributed, usage=nobodys),
    )  # fmt: skip


def _store(figures: StoreFigures, down: Measure | None) -> StoreFigures:
    if figures.measure is not down or figures.state is not StoreState.OK:
        return figures
    failed = Problem(store=STORE_OF[figures.measure], fault=Fault.UNAVAILABLE)
    return replace(figures, state=StoreState.UNKNOWN, total=None, reason=failed)


def _left(tenants: Sequence[TenantUsage], ago: float, seed: int) -> TenantUsage:
    """Return somebody who is there no more: as one of those of a usual size was."""
    like = sorted(tenants, key=lambda each: each.usage.patterns.count if each.usage.patterns else 0)
    usage = _less(like[len(like) * 3 // 4].usage, str(_LEFT), ago - _WENT, seed)
    return TenantUsage(_LEFT, ClaimState.KNOWN, usage, ())


def _less(usage: Usage, name: str, ago: float, seed: int) -> Usage:
    """Return what an owner had so many days ago; exactly what it has now at the end."""
    if ago < 1 / _DAY * 2:
        return usage
    chance = random_of(seed, "past", name)
    patterns = usage.patterns.count if usage.patterns else 0
    every = 1 if patterns > _BUSY * 5 else 7 if patterns > _BUSY else 28
    age, slow = chance.uniform(90, 500), chance.uniform(0.6, 1.6)
    day = math.ceil(ago / every) * every if ago >= 1 else ago
    part = max(0.0, 1 - day / age) ** slow
    bent = 1 + 0.03 * math.sin(day / 9 + chance.uniform(0, 6)) * min(1.0, day / 20)
    factor = min(1.0, part * bent)
    kinds = usage.keys_by_kind and {
        kind: round(count * factor) for kind, count in usage.keys_by_kind.items()
    }
    keys = _scaled(usage.keys, factor)
    if keys is not None and kinds:
        keys = replace(keys, count=sum(kinds.values()))
    week = 1 - 0.35 * (math.floor(day) % 7 > 4)  # noqa: PLR2004  two days of seven are quiet
    return Usage(
        _scaled(usage.patterns, factor), keys, _scaled(usage.vectors, factor),
        _scaled(usage.sessions, factor**0.3 * week), kinds, _scaled(usage.predictions, factor),
    )  # fmt: skip


def _scaled(amount: Amount | None, factor: float) -> Amount | None:
    if amount is None:
        return None
    size = None if amount.bytes is None else round(amount.bytes * factor)
    return replace(amount, count=round(amount.count * factor), bytes=size)
