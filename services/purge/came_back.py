"""What came back after a purge: kb_ids that were erased and have data again. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from services.purge.job import Tombstone
from services.usage.snapshot import KbUsage, Snapshot


def came_back(snapshot: Snapshot, tombstones: Iterable[Tombstone]) -> tuple[Tombstone, ...]:
    """Return the purged kb_ids that have data again, read after they were erased."""
    stones = {stone.kb_id: stone for stone in tombstones}
    if not stones:
        return ()
    found = {
        part.name
        for part in snapshot.parts
        if part.is_kb and part.name in stones and _has_since(part, snapshot, stones[part.name])
    }
    return tuple(stones[name] for name in sorted(found))


def _has_since(part: KbUsage, snapshot: Snapshot, stone: Tombstone) -> bool:
    for measure, figures in snapshot.stores.items():
        amount = part.usage.of(measure)
        read = figures.collected_at or snapshot.collected_at
        began = read - timedelta(seconds=figures.seconds or 0)
        if amount is not None and amount.count and began > stone.erased_at:
            return True
    return False
