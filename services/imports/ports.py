"""What writing for a tenant asks of the stores, and of the place where files are staged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.imports.models import Existing, Item
from services.tenancy.layout import OwnerKind


@dataclass(frozen=True, slots=True)
class Table:
    """A table for patterns: its columns with their types, and which of them names an owner."""

    name: str
    columns: Mapping[str, str]
    owner: str
    kind: OwnerKind


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection for vectors: `size` is their dimension, None where it has several sorts.

    `by_key` is whether its shards are chosen by a key.
    """

    name: str
    size: int | None
    by_key: bool = False


@dataclass(frozen=True, slots=True)
class There:
    """Of some items, the keys that are there already, and those of them that are others'."""

    own: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()


Before = Mapping[str, str | None]
"""What each key had before it was written, as text that its store makes it of again; or None."""


class Rows(Protocol):
    """ClickHouse. Every method raises a StoreError."""

    def table(self, name: str) -> Table | None:
        """Return a table of KATO's database; None where there is none that names owners."""

    def there(self, table: Table, items: Sequence[Item]) -> There:
        """Return which names are there already."""

    def stage(self, run: str, table: Table, items: Iterator[Sequence[Item]]) -> int:
        """Put the rows into a table of their own, and return how many are there."""

    def publish(self, run: str, table: Table, existing: Existing) -> tuple[int, int]:
        """Put what was staged into the table; return how many rows are new, and replaced.

        Raises ImportRefused where a name came to be there that was to stop it.
        """

    def take_back(self, run: str, table: Table) -> int:
        """Undo `publish`, however far it came; may be done again.

        Returns how many rows of the same names stay, since others wrote them.
        """

    def forget(self, run: str) -> None:
        """Drop what was staged."""


class Batches(Protocol):
    """A store that is written to batch by batch, each of which can be taken back.

    `place` is the collection of vectors, empty for keys. Every method raises a StoreError.
    """

    def there(self, place: str, items: Sequence[Item], *, whose: str) -> There:
        """Return which keys are there; where it is said `whose`, those of others are `taken`."""

    def before(self, place: str, items: Sequence[Item]) -> Before:
        """Return what these keys have now."""

    def write(self, place: str, items: Sequence[Item], before: Before) -> None:
        """Write a batch, where all is as `before` still.

        Raises ImportRefused where it is not, and then writes nothing of it.
        """

    def take_back(self, place: str, before: Before, wrote: Sequence[Item]) -> int:
        """Make keys have again what they had `before`, where they hold what was to be written.

        Returns how many hold what others wrote since, and stay. It may be done again.
        """


class Points(Batches, Protocol):
    """Qdrant."""

    def collection(self, name: str) -> Collection | None:
        """Return a collection by its name or an alias; None where there is none."""
