"""Looking into one tenant: its patterns, keys and vectors, and nobody else's.

Reads only. Every question carries the tenant's scope, and what is not in it is refused before any
store is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from services.browse.holdings import (
    holding_of_kb,
    holding_of_key,
    holding_of_owner,
    holding_of_space,
    holdings_of_kb,
    scope_of,
)
from services.browse.models import (
    Holding,
    KeyInventory,
    KeyValue,
    PatternDetail,
    PatternPage,
    PatternQuery,
    PatternSort,
    Point,
    PointPage,
    Scope,
    Space,
    SpaceFacts,
)
from services.browse.ports import (
    FrequencySource,
    KeyPageSource,
    PatternPageSource,
    VectorPageSource,
)
from services.errors import NotThisTenants, StoreError
from services.tenancy.layout import Owner
from services.usage.snapshot import Snapshot, TenantUsage

FACTS = ("frequency", "emotives", "metadata")
"""The kinds of key that Redis has for one pattern, of those that are shown with it."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Sources:
    """The stores that are asked."""

    patterns: PatternPageSource
    frequencies: FrequencySource
    keys: KeyPageSource
    vectors: VectorPageSource


class InspectionService:
    """Answers what support staff ask about one tenant.

    Every method raises NotThisTenants for what is not in the scope, and a StoreError when the
    store that it is about cannot be asked. `service` is KATO's SERVICE_NAME.
    """

    def __init__(self, sources: Sources, *, service: str) -> None:
        self._sources = sources
        self._service = service

    def scope(self, snapshot: Snapshot, usage: TenantUsage) -> Scope:
        """Return what may be looked into for a tenant."""
        return scope_of(snapshot, usage)

    # --- patterns ---

    def patterns(self, scope: Scope, query: PatternQuery) -> PatternPage:
        """Return one page of patterns with their frequencies.

        By frequency it takes one pass over all that the query matches. Sorted otherwise, the page
        comes without frequencies when Redis cannot be asked, and says so in `problem`.
        """
        for kb_id in query.kb_ids:
            holding_of_kb(scope, kb_id)
        return self._page(query)

    def patterns_across(self, scopes: Sequence[Scope], query: PatternQuery) -> PatternPage:
        """Return one page of the patterns of several tenants, as `patterns` does."""
        for kb_id in query.kb_ids:
            holdings_of_kb(scopes, kb_id)
        return self._page(query)

    def _page(self, query: PatternQuery) -> PatternPage:
        if query.sort is PatternSort.FREQUENT:
            return self._by_frequency(query)
        page = self._sources.patterns.page(query)
        found = _attempt(lambda: self._sources.frequencies.of(page.rows))
        if isinstance(found, StoreError):
            return replace(page, problem=found.problem)
        rows = zip(page.rows, found, strict=True)
        return replace(page, rows=tuple(replace(row, frequency=number) for row, number in rows))

    def _by_frequency(self, query: PatternQuery) -> PatternPage:
        source = self._sources.patterns
        rows = self._sources.frequencies.top(
            source.every(query), limit=query.limit + 1, after=query.after
        )
        return source.assemble(rows, query)

    def pattern(self, scope: Scope, kb_id: str, name: str) -> PatternDetail | None:
        """Return one pattern with what all stores hold of it, or None when it is not there.

        A store besides ClickHouse that cannot be asked is named in `problems`.
        """
        holding = holding_of_kb(scope, kb_id)
        content = self._sources.patterns.content(kb_id, name)
        if content is None:
            return None
        facts = _attempt(lambda: self._facts(kb_id, name))
        points = _attempt(lambda: self._named(holding, content.vector_names))
        problems = tuple(each.problem for each in (facts, points) if isinstance(each, StoreError))
        return PatternDetail(
            content,
            {} if isinstance(facts, StoreError) else facts,
            () if isinstance(points, StoreError) else points,
            problems,
        )

    def _facts(self, kb_id: str, name: str) -> dict[str, KeyValue | None]:
        found = self._sources.keys.values([f"{kb_id}:{kind}:{name}" for kind in FACTS])
        return dict(zip(FACTS, found, strict=True))

    def _named(self, holding: Holding, names: Sequence[str]) -> tuple[Point, ...]:
        if not names:
            return ()
        source = self._sources.vectors
        return tuple(point for space in holding.spaces for point in source.named(space, names))

    # --- keys ---

    def inventory(self, scope: Scope, owner: Owner) -> KeyInventory:
        """Count every key of one of the tenant's owners, and list the largest."""
        holding_of_owner(scope, owner)
        return self._sources.keys.inventory(owner)

    def value(self, scope: Scope, key: str) -> tuple[KeyValue | None, Holding]:
        """Return a key's value, None when it is not there, and whose it is."""
        holding = holding_of_key(scope, key, service=self._service)
        return self._sources.keys.value(key), holding

    def whole(self, scope: Scope, key: str) -> Iterator[bytes]:
        """Yield a key's whole value: a string's bytes, else a line of JSON a member.

        Raises ValueNotWhole, also in the middle, where it is gone or above the limit.
        """
        holding_of_key(scope, key, service=self._service)
        return self._sources.keys.whole(key)

    # --- vectors ---

    def space(self, scope: Scope, space: Space) -> SpaceFacts | None:
        """Return what a collection is now, or None when it is gone."""
        holding_of_space(scope, space)
        return self._sources.vectors.facts(space)

    def points(
        self, scope: Scope, space: Space, *, after: int | str | None = None, limit: int = 50
    ) -> PointPage:
        """Return one page of a collection's points."""
        holding_of_space(scope, space)
        return self._sources.vectors.points(space, after=after, limit=limit)

    def nearest_to_point(
        self,
        scope: Scope,
        space: Space,
        point: int | str,
        *,
        using: str | None = None,
        limit: int = 10,
    ) -> tuple[Point, ...]:
        """Return the points that are nearest to one of the tenant's own, without itself.

        Raises NotThisTenants when the point is another's or is not there: which of the two is
        not told. Raises VectorError when it has no vector to compare.
        """
        holding_of_space(scope, space)
        source = self._sources.vectors
        vector = source.vector_of(space, point, using=using)
        if vector is None:
            raise NotThisTenants(f"{scope.tenant} has no point {point} here")
        return source.nearest(space, vector, using=using, limit=limit, besides=point)

    def nearest_to_vector(
        self,
        scope: Scope,
        space: Space,
        vector: Sequence[float],
        *,
        using: str | None = None,
        limit: int = 10,
    ) -> tuple[Point, ...]:
        """Return the tenant's points that are nearest to a vector."""
        holding_of_space(scope, space)
        return self._sources.vectors.nearest(space, vector, using=using, limit=limit)


def _attempt(ask: Callable[[], Answer]) -> Answer | StoreError:
    """Return an answer, or why there is none: the page is worth showing without it."""
    try:
        return ask()
    except StoreError as exc:
        return exc
