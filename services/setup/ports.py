"""What setting up asks of Qdrant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CollectionFacts:
    """A collection as it is: None is *not known*.

    `size` and `distance` are None where it has several sorts of vectors. `tenant_index` is whether
    the payload's tenant_id has an index, `by_tenant` whether that one keeps each tenant's points
    together (`is_tenant`), `indexes` whether this Qdrant keeps indexes at all. `shard_keys` are
    those of its shards; None where it has no shards by key.
    """

    name: str
    size: int | None
    distance: str | None
    tenant_index: bool = False
    by_tenant: bool = False
    indexes: bool = True
    shard_keys: tuple[str, ...] | None = None


class VectorPlaces(Protocol):
    """Qdrant, as far as collections are made. Every method raises a StoreError."""

    def facts(self, name: str) -> CollectionFacts | None:
        """Return a collection by its name or an alias; None where there is none."""

    def create(self, name: str, *, size: int, distance: str) -> None:
        """Make a collection; one that is there is refused."""

    def index_tenants(self, name: str) -> None:
        """Make the index on tenant_id that keeps each tenant's points together."""

    def create_shard_key(self, name: str, key: str) -> None:
        """Make a shard for a key."""
