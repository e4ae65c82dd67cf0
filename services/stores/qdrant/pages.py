"""Vectors of one tenant: its collections, its points, and the nearest of them.

Reads only, and never outside a `Space`: a collection that is the tenant's, or in a shared one the
points whose payload carries its id. Qdrant is asked for no others, and what it answers is looked
at again before it is handed out. A point that a search is to begin from is first looked up inside
the space too: the vector of another tenant's point tells what that tenant has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from qdrant_client import QdrantClient, models

from services.browse.models import Point, PointPage, Space, SpaceFacts
from services.errors import StoreRejected, VectorError
from services.stores.faults import guarded
from services.stores.qdrant.answers import answers_of
from services.stores.qdrant.connect import STORE, judge
from services.stores.qdrant.distinct import distinct
from services.stores.qdrant.facts import TENANT, at, facts_of_info

NAME = "vctr_name"
"""The payload field in which KATO keeps a vector's name, as it stands in patterns."""

PointId = int | str

_MOST = 2_000_000  # points that are counted by their ids


class VectorPages:
    """Reads one Qdrant; every method raises a StoreError when it cannot be asked."""

    def __init__(self, client: QdrantClient) -> None:
        self._client = client
        self._answers = answers_of(client)

    def facts(self, space: Space) -> SpaceFacts | None:
        """Return what a collection is now, and how many of its points are in the space.

        None when the collection is gone.
        """
        with _asking("read a collection"):
            answer = self._answers.info(space.collection)
        if answer is None:
            return None
        info = at(answer, "result")
        found = facts_of_info(space.collection, info)
        return SpaceFacts(
            space,
            self._count(space, info),
            found.size,
            found.distance,
            found.status,
            found.indexed,
            _names(info),
        )

    def _count(self, space: Space, info: object) -> int:
        """Count the points of a space, each once though it may be on two shards by key."""
        if at(info, "config", "params", "sharding_method") != "custom":
            with _asking("count points"):
                return self._client.count(
                    space.collection, count_filter=_inside(space), exact=True
                ).count
        found = distinct(
            self._client, space.collection, _inside(space), asking=_asking, budget=_MOST
        )
        if found is None:
            raise StoreRejected(STORE, "count points", f"there are over {_MOST:,} to count by id")
        return found

    def points(self, space: Space, *, after: PointId | None = None, limit: int = 50) -> PointPage:
        """Return one page of points in the order of their ids; `after` is where it begins."""
        with _asking("browse points"):
            found, following = self._client.scroll(
                space.collection,
                scroll_filter=_inside(space),
                limit=limit,
                offset=after,
                with_payload=True,
                with_vectors=False,
            )
        return PointPage(_points(space, found), _id(following))

    def named(self, space: Space, names: Sequence[str], *, limit: int = 50) -> tuple[Point, ...]:
        """Return the points that KATO gave these names."""
        if not names:
            return ()
        by_name = models.FieldCondition(key=NAME, match=models.MatchAny(any=list(names)))
        with _asking("look up vectors by name"):
            found, _ = self._client.scroll(
                space.collection, scroll_filter=_inside(space, by_name), limit=limit
            )
        return _points(space, found)

    def vector_of(self, space: Space, point: PointId, *, using: str | None) -> list[float] | None:
        """Return a point's vector, or None when no such point is in the space."""
        here = models.HasIdCondition(has_id=[point])
        with _asking("read a point"):
            found, _ = self._client.scroll(
                space.collection, scroll_filter=_inside(space, here), limit=1, with_vectors=True
            )
        mine = [record for record in found if _is_inside(space, record.payload)]
        return _dense(mine[0].vector, using) if mine else None

    def nearest(
        self,
        space: Space,
        vector: Sequence[float],
        *,
        using: str | None = None,
        limit: int = 10,
        besides: PointId | None = None,
    ) -> tuple[Point, ...]:
        """Return the points of the space that are nearest to a vector, the nearest first."""
        apart = [] if besides is None else [models.HasIdCondition(has_id=[besides])]
        with _asking("find the nearest points"):
            found = self._client.query_points(
                space.collection,
                query=list(vector),
                using=using,
                query_filter=_inside(space, besides=apart),
                limit=limit,
                with_payload=True,
            ).points
        return _points(space, found)


def _inside(
    space: Space,
    *conditions: models.Condition,
    besides: Sequence[models.Condition] = (),
) -> models.Filter | None:
    """Return the filter that confines a request to a space; None where nothing is to filter."""
    own: list[models.Condition] = []
    if space.tenant_id is not None:
        match = models.MatchValue(value=space.tenant_id)
        own.append(models.FieldCondition(key=TENANT, match=match))
    if not (own or conditions or besides):
        return None
    return models.Filter(must=[*own, *conditions], must_not=list(besides) or None)


def _is_inside(space: Space, payload: Mapping[str, Any] | None) -> bool:
    """Whether a point is the tenant's alone; one that names several tenants is nobody's."""
    if space.tenant_id is None:
        return True
    value = (payload or {}).get(TENANT)
    values = value if isinstance(value, list) else [value]
    return {each for each in values if isinstance(each, str) and each} == {space.tenant_id}


def _points(space: Space, found: Iterable[models.Record | models.ScoredPoint]) -> tuple[Point, ...]:
    inside = (record for record in found if _is_inside(space, record.payload))
    return tuple(
        Point(_id(each.id) or 0, dict(each.payload or {}), getattr(each, "score", None))
        for each in inside
    )


def _id(value: object) -> PointId | None:
    return value if value is None or isinstance(value, int) else str(value)


def _dense(vector: object, using: str | None) -> list[float]:
    found = vector.get(using or "") if isinstance(vector, Mapping) else vector
    if not isinstance(found, list) or not all(isinstance(each, int | float) for each in found):
        raise VectorError("this point has no dense vector to compare with")
    return found


def _names(info: object) -> tuple[str, ...]:
    """Return the names of a collection's dense vectors; none where it has a single unnamed one."""
    vectors = at(info, "config", "params", "vectors")
    if not isinstance(vectors, Mapping) or isinstance(vectors.get("size"), int):
        return ()
    return tuple(str(name) for name in vectors)


@contextmanager
def _asking(operation: str) -> Iterator[None]:
    with guarded(STORE, operation, judge):
        yield
