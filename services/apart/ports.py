"""What taking a kb_id apart asks of the stores and of this product's own records.

Every method of a store raises StoreError, every one of the records StoreUnavailable.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from services.apart.evidence import Pattern
from services.apart.models import Apart, Cost
from services.archive.formats import TypedKey
from services.archive.models import Part
from services.purge.ports import WantsNode

Point = Mapping[str, object]
"""A point as a line of an archive has it: id, payload, vector."""


@dataclass(frozen=True, slots=True)
class KeysFound:
    """What one pass over Redis found: keys of each kb_id by kind, and sessions by node_id.

    `oldest` is since when the oldest of these is there, where a record says so.
    """

    kinds: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    sessions: Mapping[str, int] = field(default_factory=dict)
    oldest: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Learnt:
    """How often a pattern was learnt, None where that is not told, and how many keys it has."""

    frequency: int | None
    keys: int


class Rows(Protocol):
    """ClickHouse. What is put aside is in a table of the job's own until `drop`."""

    def count(self, kb_id: str) -> int:
        """Count the rows of a kb_id."""

    def pages(self, kb_id: str) -> Iterator[list[Pattern]]:
        """Yield every pattern of a kb_id, in the order of their names."""

    def cost(self, kb_id: str) -> Cost:
        """Say what erasing some rows of a kb_id costs."""

    def put_aside(
        self, kb_id: str, new: str, pages: Iterable[Sequence[Pattern]], *, job: str
    ) -> None:
        """Put copies of these rows aside under a new kb_id, in place of what was there before."""

    def aside(self, *, job: str) -> Iterator[list[Pattern]]:
        """Yield the patterns that were put aside, in the order of their names."""

    def attach(self, new: str, *, job: str) -> None:
        """Let what was put aside be there. It may be repeated."""

    def proven(self, new: str, *, job: str) -> bool:
        """Whether the new kb_id has exactly what was put aside, by content."""

    def same(self, kb_id: str, new: str, names: Sequence[bytes]) -> frozenset[bytes]:
        """Return those of these patterns whose one row is the same at both names."""

    def left(self, kb_id: str, names: Sequence[bytes]) -> frozenset[bytes]:
        """Return those of these patterns that a kb_id has rows of."""

    def erase(self, kb_id: str, new: str, *, but: Collection[bytes], job: str) -> None:
        """Erase the rows that were put aside and are the same at the new name, but for these."""

    def naming(self, kb_id: str, tokens: Collection[bytes]) -> frozenset[bytes]:
        """Return those of these tokens that a pattern of a kb_id has."""

    def drop(self, *, job: str) -> None:
        """Remove what was put aside."""


class Keys(Protocol):
    """Redis."""

    def survey(self, kb_ids: Collection[str], wants: WantsNode) -> KeysFound:
        """Go once through the keyspace, and count; sessions of the node_ids that are wanted."""

    def learnt(self, kb_id: str, names: Sequence[bytes]) -> list[Learnt]:
        """Return how often each of these patterns was learnt."""

    def of_patterns(
        self, kb_id: str, new: str, names: Sequence[bytes]
    ) -> Iterator[TypedKey]:  # fmt: skip
        """Yield the keys that are named by patterns learnt once, under the new kb_id."""

    def put(self, keys: Iterable[TypedKey]) -> None:
        """Write strings, over those of the same names."""

    def add_members(self, new: str, patterns: Sequence[Pattern]) -> None:
        """Name patterns in the sets of their symbols."""

    def lacking_members(self, new: str, patterns: Sequence[Pattern]) -> int:
        """Count the symbols in whose sets a pattern of theirs is not named."""

    def cut(self, kb_id: str, new: str, patterns: Sequence[Pattern]) -> frozenset[bytes]:
        """Take patterns out of a kb_id that are the same at the new one and were learnt once.

        Their keys, their names in sets of symbols, and what they add to KATO's counts, in one
        transaction; returns their names. May be repeated: what is gone is not counted twice.
        """

    def sessions(self, nodes: Collection[str]) -> Mapping[str, str]:
        """Return the ids of the sessions of these node_ids, each with its own."""

    def move_sessions(self, moves: Mapping[str, str]) -> Mapping[str, str]:
        """End the sessions of these node_ids, each as it is at that moment under the new node_id.

        Its new id is that of `session_id_for`. Returns their ids, each with the node_id that it
        had.
        """


class Points(Protocol):
    """Qdrant."""

    def part(self, kb_id: str) -> Part | None:
        """Describe the collection of a kb_id, None where there is none."""

    def count(self, kb_id: str) -> int:
        """Count the points of a kb_id; none where it has no collection."""

    def named(self, kb_id: str, tokens: Sequence[str]) -> Iterator[Point]:
        """Yield the points whose `vctr_name` is one of these."""

    def erase(self, kb_id: str, points: Sequence[Point]) -> None:
        """Erase points by their ids."""


class KeyWriter(Protocol):
    """Redis, as a restore writes it."""

    def write(self, keys: Iterable[TypedKey]) -> object:
        """Write keys; one that is there stays as it is."""

    def there(self, names: Sequence[bytes]) -> frozenset[bytes]:
        """Return which of these names have a key now."""

    def differing(self, keys: Iterable[TypedKey]) -> Iterator[str]:
        """Yield the names of keys that are not there as they are given."""


class PointWriter(Protocol):
    """Qdrant, as a restore writes it."""

    def make(self, part: Part, collection: str, aliases: Iterable[str] = ()) -> bool:
        """Make a collection as it was configured; False where it is there."""

    def write(self, collection: str, points: Iterable[Mapping[str, object]]) -> object:
        """Write points; one whose id is there stays as it is."""

    def differing(
        self, collection: str, points: Iterable[Mapping[str, object]]
    ) -> Iterator[str]:  # fmt: skip
        """Yield the ids of points that are not there as they are given."""


class Book(Protocol):
    """Which kb_ids were taken apart."""

    def put(self, apart: Apart) -> None:
        """Keep what came of one, in place of what was known of it."""

    def get(self, kb_id: str) -> Apart | None:
        """Return one; None where it was never taken apart."""

    def all(self) -> tuple[Apart, ...]:
        """Return every one, the newest first."""
