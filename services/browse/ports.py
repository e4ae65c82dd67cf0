"""What looking into a tenant asks of the stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from services.browse.models import (
    KeyInventory,
    KeyValue,
    PatternContent,
    PatternCursor,
    PatternPage,
    PatternQuery,
    PatternRow,
    Point,
    PointPage,
    Space,
    SpaceFacts,
)
from services.tenancy.layout import Owner


class PatternPageSource(Protocol):
    """ClickHouse."""

    def page(self, query: PatternQuery) -> PatternPage:
        """Read one page sorted by date or length."""

    def every(self, query: PatternQuery) -> Iterable[Any]:
        """Yield all that a query matches, in blocks that a FrequencySource takes."""

    def assemble(self, rows: Sequence[PatternRow], query: PatternQuery) -> PatternPage:
        """Make a page of rows that were sorted elsewhere."""

    def content(self, kb_id: str, name: str) -> PatternContent | None:
        """Return one pattern's events."""


class FrequencySource(Protocol):
    """The counters in Redis."""

    def of(self, rows: Sequence[PatternRow]) -> tuple[int | None, ...]:
        """Return the frequency of each pattern."""

    def top(
        self, blocks: Iterable[Any], *, limit: int, after: PatternCursor | None
    ) -> tuple[PatternRow, ...]:
        """Return the most frequent patterns that come after a row."""


class KeyPageSource(Protocol):
    """Redis."""

    def inventory(self, owner: Owner) -> KeyInventory:
        """Count every key of one owner."""

    def value(self, key: str) -> KeyValue | None:
        """Return one key's value."""

    def whole(self, key: str) -> Iterator[bytes]:
        """Yield one key's whole value in pieces."""

    def values(self, keys: Sequence[str]) -> tuple[KeyValue | None, ...]:
        """Return the values of a few keys."""


class VectorPageSource(Protocol):
    """Qdrant."""

    def facts(self, space: Space) -> SpaceFacts | None:
        """Return what a collection is now."""

    def points(self, space: Space, *, after: int | str | None = None, limit: int = 50) -> PointPage:
        """Return one page of points."""

    def named(self, space: Space, names: Sequence[str], *, limit: int = 50) -> tuple[Point, ...]:
        """Return the points that KATO gave these names."""

    def vector_of(self, space: Space, point: int | str, *, using: str | None) -> list[float] | None:
        """Return a point's vector."""

    def nearest(
        self,
        space: Space,
        vector: Sequence[float],
        *,
        using: str | None = None,
        limit: int = 10,
        besides: int | str | None = None,
    ) -> tuple[Point, ...]:
        """Return the nearest points."""
