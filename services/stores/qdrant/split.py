"""Whose the points of a shared collection are, by their payload `tenant_id`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import UUID

from qdrant_client import QdrantClient, models

from services.errors import StoreMisconfigured, StoreRejected
from services.stores.qdrant.facts import TENANT

if TYPE_CHECKING:
    from services.usage.vector_cluster import ShardKey

FACET_LIMIT = 100_000
"""Most tenants that are asked for at once; Qdrant sets memory aside for as many."""

_PAGE = 5_000
_FEW = 1_000  # tenants of a shard by key, as most have fewer
_SEVERAL = models.Filter(
    must=[models.FieldCondition(key=TENANT, values_count=models.ValuesCount(gt=1))]
)


@dataclass(frozen=True, slots=True)
class Split:
    """Points by tenant, None where they could not be told apart; `problem` says what is amiss.

    `by_shard` has them by the key of the shard too, where there are shards by key; `twice` counts
    what a sum over the shards counts too much.
    """

    points: Mapping[str, int] | None
    problem: str = ""
    by_shard: Mapping[ShardKey, Mapping[str, int]] | None = None
    twice: int = 0


@dataclass(slots=True)
class _Tally:
    """Points by tenant, and those that name nobody for certain.

    A tenant_id counts only when it is text, as it is in the guide: the number 5 and the text "5"
    are not the same to Qdrant, and a purge of one would not touch the other. A point that names
    several tenants is nobody's, so that no point counts twice.
    """

    tenants: Counter[str] = field(default_factory=Counter)
    several: int = 0
    not_text: int = 0

    def add(self, value: object, count: int = 1) -> None:
        """Count points that carry this tenant_id."""
        values = value if isinstance(value, list) else [value]
        named = {each for each in values if isinstance(each, str) and each}
        if len(named) == 1:
            self.tenants[named.pop()] += count
        elif named:
            self.several += count
        elif any(each is not None and each != "" for each in values):
            self.not_text += count

    @property
    def total(self) -> int:
        """How many points say anything of whose they are."""
        return self.tenants.total() + self.several + self.not_text

    def split(self) -> Split:
        """Return what was counted."""
        odd = {"several tenants": self.several, "a tenant_id that is not text": self.not_text}
        said = [f"{what} in {count} of its points" for what, count in odd.items() if count]
        return Split(dict(self.tenants), "; ".join([*said, "counted for nobody"]) if said else "")


class TenantSplitter:
    """Splits shared collections of one Qdrant.

    `indexed` tells how many points the index on tenant_id of a collection has; it is None for
    the embedded engine, which has no indexes. `budget` is how many points are looked through
    where the server cannot count by tenant. `asking` translates errors.
    """

    def __init__(
        self,
        client: QdrantClient,
        *,
        indexed: Callable[[str], int | None] | None,
        budget: int,
        asking: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._client = client
        self._indexed = indexed
        self._budget = budget
        self._asking = asking

    def split(
        self, name: str, points: int, keys: Sequence[ShardKey] = (), *, moving: bool = False
    ) -> Split:
        """Count the points of one collection by tenant: one facet call, or else a look through.

        With the `keys` of its shards, one for each. While points are `moving` between shards each
        is looked at: a facet has some of them twice. Raises StoreUnavailable and StoreDenied.
        """
        try:
            if keys and not moving:
                return self._by_shard(name, points, keys)
            hits = None if moving else self._facet(name)
            if hits is None or self._blurred(name, hits):
                found = self._look_through(name, points)
                return found if isinstance(found, Split) else found.split()
        except (StoreRejected, StoreMisconfigured) as exc:
            return Split(None, f"it could not be split by tenant: {exc.reason}")
        return _tallied(hits).split()

    def _by_shard(self, name: str, points: int, keys: Sequence[ShardKey]) -> Split:
        """Count shard by shard; whoever is in two is counted by the ids of its points."""
        from services.stores.qdrant.distinct import distinct

        hits = self._facets(name, keys)
        told = [each for found in (hits or {}).values() for each in found]
        if hits is None or self._blurred(name, told):
            whole = self._look_through(name, points)
            looked = {key: self._look_through(name, points, key) for key in keys}
            for each in (whole, *looked.values()):
                if isinstance(each, Split):
                    return each
            tallies = {k: t for k, t in looked.items() if isinstance(t, _Tally)}
            return _sharded(whole, tallies) if isinstance(whole, _Tally) else whole
        tallies = {key: _tallied(found) for key, found in hits.items()}
        once = Counter[str]()
        for each in tallies.values():
            once.update(each.tenants)
        for tenant in [t for t in once if sum(t in each.tenants for each in tallies.values()) > 1]:
            count = distinct(self._client, name, of_tenant(tenant), asking=self._asking,
                             budget=self._budget)  # fmt: skip
            if count is None:
                return Split(None, f"a tenant has points in two of its shards, and over "
                                   f"{self._budget} to be told apart by their ids")  # fmt: skip
            once[tenant] = count
        return _sharded(_Tally(once), tallies)

    def _facets(
        self, name: str, keys: Sequence[ShardKey]
    ) -> dict[ShardKey, list[models.FacetValueHit]] | None:
        """Ask each shard, most of which have few tenants; None where one cannot be asked so."""
        found = {}
        for key in keys:
            hits = self._facet(name, key, _FEW)
            hits = self._facet(name, key) if hits is None else hits
            if hits is None:
                return None
            found[key] = hits
        return found

    def _facet(
        self, name: str, key: ShardKey | None = None, limit: int = FACET_LIMIT
    ) -> list[models.FacetValueHit] | None:
        """Ask for all tenants at once; None where there is no index to do it by, or too many."""
        try:
            with self._asking("split a shared collection"):
                hits = self._client.facet(
                    name, key=TENANT, limit=limit, exact=True, shard_key_selector=key
                ).hits
        except (StoreRejected, StoreMisconfigured):
            return None  # no index on the field, or a server from before facets
        return hits if len(hits) < limit else None

    def _blurred(self, name: str, hits: Iterable[models.FacetValueHit]) -> bool:
        """Whether the facet counts points twice, under several tenants, or changes their names.

        The index is asked after the facet, so that points that arrive in between do no harm.
        """
        if self._indexed is not None:
            indexed = self._indexed(name)
            return indexed is not None and sum(hit.count for hit in hits) > indexed
        if any(_looks_rewritten(hit.value) for hit in hits):
            return True
        with self._asking("split a shared collection"):
            return self._client.count(name, count_filter=_SEVERAL).count > 0

    def _look_through(
        self, name: str, points: int, key: ShardKey | None = None
    ) -> _Tally | Split:  # fmt: skip
        if points > self._budget:
            return Split(
                None, f"no index counts it by tenant, and it has over {self._budget} points"
            )
        tally, offset, seen = _Tally(), None, 0
        while seen <= self._budget:
            with self._asking("look through a shared collection"):
                page, offset = self._client.scroll(
                    name, limit=_PAGE, offset=offset, with_payload=[TENANT], with_vectors=False,
                    shard_key_selector=key,
                )  # fmt: skip
            for record in page:
                tally.add((record.payload or {}).get(TENANT))
            seen += len(page)
            if offset is None:
                return tally
        return Split(None, f"it grew to over {self._budget} points while it was looked through")


def of_tenant(tenant: str) -> models.Filter:
    """Return the filter for the points whose tenant_id is this text."""
    match = models.MatchValue(value=tenant)
    return models.Filter(must=[models.FieldCondition(key=TENANT, match=match)])


def _tallied(hits: Iterable[models.FacetValueHit]) -> _Tally:
    tally = _Tally()
    for hit in hits:
        tally.add(hit.value, hit.count)
    return tally


def _sharded(once: _Tally, by_shard: Mapping[ShardKey, _Tally]) -> Split:
    """Return what was counted once, and in each shard."""
    twice = sum(each.total for each in by_shard.values()) - once.total
    shards = {key: dict(each.tenants) for key, each in by_shard.items()}
    return replace(once.split(), by_shard=shards, twice=max(twice, 0))


def _looks_rewritten(value: object) -> bool:
    """Whether the embedded engine, which writes every UUID with hyphens, may have made this."""
    if not isinstance(value, str):
        return False
    try:
        return str(UUID(value)) == value
    except ValueError:
        return False
