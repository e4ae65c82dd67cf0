"""What retention asks of the stores and of this product's own records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from services.errors import Problem
from services.retention.models import Bounds, Kept, Key, PartCost, Policy
from services.usage.readings import SessionRecord

BoundsOf = Callable[[str], Bounds | None]
"""Says how what a kb_id has is bounded: not at all, only to be counted, for none of them; None
where nobody asks for it."""

Done = Callable[[str, int], None]
"""Takes note of whose so many more were done. Raises what ends a step early."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """The predictions of one kb_id: how many there are, and what of them goes.

    `due` is None where it cannot be told, with the `problem`; `due_bytes` where memory is not told.
    """

    there: int
    due: int | None = 0
    due_bytes: int | None = 0
    expiring: int = 0
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Shared:
    """A stream, or all caches: `there` entries or keys, of which `due` go or are given a TTL."""

    name: str
    there: int
    due: int
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class KeysFound:
    """What one pass over Redis found; `sessions` are KATO's records."""

    predictions: Mapping[str, Predictions] = field(default_factory=dict)
    streams: tuple[Shared, ...] = ()
    caches: Shared | None = None
    sessions: tuple[SessionRecord, ...] = ()


class KeyRetention(Protocol):
    """Redis. Every method raises StoreError."""

    def look(
        self, bounds_of: BoundsOf, *, at: datetime, streams: Bounds | None, caches: Bounds | None,
        sessions: bool,
    ) -> KeysFound:  # fmt: skip
        """Go once through the keyspace. `at` is the moment from which spans are counted back."""

    def bound_predictions(self, bounds_of: BoundsOf, *, at: datetime, done: Done) -> None:
        """Erase what is due and give TTLs, each key judged anew in the moment before."""

    def trim_streams(self, bounds: Bounds, *, at: datetime, done: Done) -> None:
        """Trim the `stm:*` streams, of everybody's oldest observations."""

    def expire_caches(self, bounds: Bounds, *, done: Done) -> None:
        """Give caches a TTL that have none, or a longer one."""

    def session(self, key: str) -> SessionRecord | None:
        """Read one record anew, touching nothing; None where it is gone."""

    def forget_patterns(self, kb_id: str, names: Mapping[bytes, Sequence[bytes]]) -> None:
        """Erase what Redis has of patterns, by name with their symbols."""

    def rights(self) -> tuple[str, ...]:
        """Say what this user lacks, in words; nothing is changed."""


@dataclass(frozen=True, slots=True)
class OldPatterns:
    """The rows of one kb_id: how many there are, and how many were written before its cutoff."""

    there: int
    due: int


@dataclass(frozen=True, slots=True)
class PatternsFound:
    """What of each kb_id is old, and the parts that have such rows.

    `cloned` is how many other parts a mutation clones, by hard links.
    """

    by_kb: Mapping[str, OldPatterns]
    parts: tuple[PartCost, ...] = ()
    cloned: int = 0


CutoffOf = Callable[[str], datetime | None]
"""Says before when a kb_id's patterns are old; None where nobody asks for them."""


class PatternRetention(Protocol):
    """ClickHouse. Every method raises StoreError."""

    def look(self, cutoff_of: CutoffOf, counted: Callable[[str], bool]) -> PatternsFound:
        """Count rows, and say which parts erasing them rewrites. `counted` only are counted."""

    def old(self, kb_id: str, cutoff: datetime) -> Iterator[Mapping[bytes, Sequence[bytes]]]:
        """Yield the names, with their symbols, of patterns of which every row is old."""

    def erase(self, kb_ids: Collection[str], cutoff: datetime) -> None:
        """Erase rows written before, by one mutation that is waited for."""


class SessionEnder(Protocol):
    """KATO's HTTP API. Every method raises StoreError."""

    def delete(self, session_id: str) -> None:
        """End a session. Raises SessionGone."""


class PolicyRecords(Protocol):
    """Keeps policies. Every method raises StoreUnavailable."""

    def every(self) -> tuple[Kept, ...]:
        """Return every policy."""

    def change(self, put: Collection[Kept], removed: Collection[Key]) -> None:
        """Set policies, in place of those of the same key, and remove others, all or none."""

    def claim(self, policies: Sequence[Kept], *, at: datetime) -> bool:
        """Take what is due for this process alone, for a minute; False where another has it."""

    def begun(self, policies: Collection[Policy], at: datetime) -> None:
        """Note that policies have begun to run."""
