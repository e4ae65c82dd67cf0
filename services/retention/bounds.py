"""Which of a kb_id's predictions go: those unused for long, and what is beyond a bound. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.retention.models import Bounds


@dataclass(frozen=True, slots=True)
class Entry:
    """One key: for how long it was not used, its memory, and when it expires by itself.

    `idle` is in seconds where the server tells that; under an LFU policy, which counts uses in its
    place, it is less the more the key was used. `ttl` is in milliseconds, None for never.
    """

    key: bytes
    idle: int = 0
    bytes: int = 0
    ttl: int | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """What goes, and what is given a TTL."""

    gone: Sequence[Entry] = field(default=())
    expiring: Sequence[Entry] = field(default=())

    @property
    def bytes(self) -> int:
        """The memory of what goes."""
        return sum(each.bytes for each in self.gone)


def choose(entries: Iterable[Entry], bounds: Bounds) -> Chosen:
    """Choose what goes, beginning with what was used longest ago. Ties go by the key's bytes."""
    ordered = sorted(entries, key=lambda each: (each.idle, each.key))
    fresh = _within(ordered, bounds.idle)
    kept = ordered[: _fitting(ordered[:fresh], bounds)]
    expiring = [] if bounds.ttl is None else [e for e in kept if _later(e, bounds.ttl)]
    return Chosen(ordered[len(kept) :], expiring)


def _within(ordered: Sequence[Entry], idle: int | None) -> int:
    """Return how many were used within a span."""
    if idle is None:
        return len(ordered)
    return next((at for at, each in enumerate(ordered) if each.idle >= idle), len(ordered))


def _fitting(ordered: Sequence[Entry], bounds: Bounds) -> int:
    """Return how many of the first fit into how many and how much there may be."""
    most = len(ordered) if bounds.count is None else min(len(ordered), bounds.count)
    if bounds.bytes is None:
        return most
    total = 0
    for at, each in enumerate(ordered[:most]):
        total += each.bytes
        if total > bounds.bytes:
            return at
    return most


def _later(entry: Entry, seconds: int) -> bool:
    return entry.ttl is None or entry.ttl > seconds * 1000
