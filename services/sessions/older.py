"""Data that lies under a kb_id before a session comes to it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.figures import Measure, StoreState
from services.usage.snapshot import Snapshot, StoreFigures

LEARNT = (Measure.PATTERNS, Measure.KEYS, Measure.VECTORS)
"""What a session finds and writes to; the records of sessions are each node_id's own."""


@dataclass(frozen=True, slots=True)
class Older:
    """What lies under a kb_id: how much of what, and of what nobody can say how much."""

    counts: Mapping[Measure, int] = field(default_factory=dict)
    unread: tuple[Measure, ...] = LEARNT


def older_data(kb_id: str, snapshot: Snapshot | None) -> Older | None:
    """Return what lies under a kb_id by the last figures; None where nothing does.

    Nothing is known before the first figures, or where a store was not read to the end.
    """
    if snapshot is None:
        return Older()
    parts = [part for part in snapshot.parts if part.is_kb and part.name == kb_id]
    amounts = {m: [part.usage.of(m) for part in parts] for m in LEARNT}
    counts = {m: sum(amount.count for amount in found if amount) for m, found in amounts.items()}
    there = {measure: count for measure, count in counts.items() if count}
    unread = tuple(measure for measure in LEARNT if _is_open(snapshot.stores[measure]))
    return Older(there, unread) if there or unread else None


def _is_open(figures: StoreFigures) -> bool:
    """Whether a store that there is may have more than was found so far."""
    return not figures.whole and figures.state is not StoreState.NOT_CONFIGURED
