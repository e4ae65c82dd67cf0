"""A dataset in memory: reading the capture anew for every test would take half of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from services.embedded.dataset import Collection, Dataset, Entry, Row


@dataclass(frozen=True)
class ReadOnce:
    """What another dataset held when it was read. Nothing in it can be changed."""

    all_rows: tuple[Row, ...]
    all_entries: tuple[Entry, ...]
    all_collections: tuple[Collection, ...]

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """Read a dataset."""
        return cls(tuple(dataset.rows()), tuple(dataset.entries()), tuple(dataset.collections()))

    def rows(self) -> Iterator[Row]:
        """Yield the rows."""
        return iter(self.all_rows)

    def entries(self) -> Iterator[Entry]:
        """Yield the keys."""
        return iter(self.all_entries)

    def collections(self) -> Iterator[Collection]:
        """Yield the collections."""
        return iter(self.all_collections)
