"""Vectors: what a purge finds of its surface in Qdrant, and erases.

Collections go by their very names, never by an alias, and with their snapshots, which would
outlive them. Of a shared collection only points go that name one of the tenants and nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self, TypeVar

from qdrant_client import QdrantClient, models

from services.errors import StoreMisconfigured, StoreRejected
from services.figures import Measure
from services.names import read_collection
from services.purging.models import Item, Look, Surface
from services.purging.sources import Said
from services.settings import Settings
from services.stores.guard import Verdict, guarded
from services.stores.qdrant import NOT_QDRANT, STORE, client_of, judge
from services.stores.qdrant_answers import answers_of
from services.stores.vector_facts import TENANT, names_of

T = TypeVar("T")


class VectorErasing:
    """Erases from one Qdrant, through a `patient` client where one is given.

    Every method raises a StoreError when it cannot be asked.
    """

    def __init__(self, client: QdrantClient, *, patient: QdrantClient | None = None) -> None:
        self._client = client
        self._patient = patient or client
        self._answers = answers_of(client)

    @classmethod
    def over_http(cls, settings: Settings) -> Self:
        """Build it for the Qdrant in the settings. Raises StoreNotConfigured, SettingsError."""
        patient = settings.model_copy(update={"timeout_seconds": settings.pass_seconds})
        return cls(client_of(settings), patient=client_of(patient))

    def close(self) -> None:
        """Close the connections, or the embedded engine."""
        self._client.close()
        if self._patient is not self._client:
            self._patient.close()

    def look(self, surface: Surface) -> Look:
        """Return an Item for each collection that goes whole, and for the points of others."""
        there = self._there()
        whole = sorted(_whole(surface) & there)
        shared = sorted(surface.shared_collections & there)
        nothing: list[Item] = []
        pairs = [(name, tenant) for name in shared for tenant in sorted(surface.tenant_ids)]
        return Look(
            items=(
                *(
                    item
                    for name in whole
                    for item in self._if_there(name, self._collection, nothing)
                ),
                *(item for pair in pairs for item in self._points(*pair)),
            ),
            blockers=tuple(text for pair in pairs for text in self._several(*pair)),
        )

    def erase(self, surface: Surface, said: Said) -> None:
        """Drop the collections with their snapshots, and the points, and wait until it is done."""
        there = self._there()
        for name in sorted(_whole(surface) & there):
            self._if_there(name, self._drop, None)
            said(f"dropped {name}")
        for name in sorted(surface.shared_collections & there):
            for tenant in sorted(surface.tenant_ids):
                self._erase_points(name, tenant)
                said(f"erased the points of {tenant} from {name}")

    def _there(self) -> frozenset[str]:
        """Return the collections that there are; an alias is none."""
        with _asking("list the collections"):
            names = names_of(self._answers.listing())
        if names is None:
            raise StoreMisconfigured(STORE, "list the collections", NOT_QDRANT)
        return frozenset(names)

    def _if_there(self, name: str, ask: Callable[[str], T], gone: T) -> T:
        """Ask about a collection that may vanish meanwhile, and return `gone` when it did."""
        try:
            return ask(name)
        except (StoreRejected, StoreMisconfigured):
            if name in self._there():
                raise
            return gone

    def _collection(self, name: str) -> list[Item]:
        snapshots, aliases = len(self._snapshots(name)), len(self._aliases(name))
        parts = [f"dropped with {snapshots} snapshots"]
        if aliases:
            parts.append(f"{aliases} aliases of it")
        owner = read_collection(name).owner.name or name
        how = " and ".join(parts)
        return [Item(Measure.VECTORS, owner, name, self._count(name, None), how=how)]

    def _points(self, name: str, tenant: str) -> Iterator[Item]:
        count = self._count(name, _alone(tenant))
        if count:
            yield Item(Measure.VECTORS, tenant, name, count, how="points by payload")

    def _several(self, name: str, tenant: str) -> Iterator[str]:
        count = self._count(name, _of(tenant)) - self._count(name, _alone(tenant))
        if count > 0:
            yield (
                f"{count:,} points of the collection {name} name {tenant} and others "
                f"in their payload {TENANT}"
            )

    def _count(self, name: str, only: models.Filter | None) -> int:
        with _asking("count points"):
            return self._client.count(name, count_filter=only, exact=True).count

    def _snapshots(self, name: str) -> list[str]:
        with _asking("list snapshots"):
            return [each.name for each in self._client.list_snapshots(name)]

    def _aliases(self, name: str) -> list[str]:
        with _asking("list aliases"):
            found = self._client.get_collection_aliases(name).aliases
        return [each.alias_name for each in found if each.collection_name == name]

    def _drop(self, name: str) -> None:
        for snapshot in self._snapshots(name):
            with _asking("delete a snapshot"):
                self._patient.delete_snapshot(name, snapshot, wait=True)
        changes = [
            models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))
            for alias in self._aliases(name)
        ]
        with _asking("drop a collection"):
            if changes:
                self._patient.update_collection_aliases(changes)
            self._patient.delete_collection(name)

    def _erase_points(self, name: str, tenant: str) -> None:
        with _asking("erase points"):
            self._patient.delete(
                name,
                points_selector=models.FilterSelector(filter=_alone(tenant)),
                wait=True,
                ordering=models.WriteOrdering.STRONG,
            )


def _whole(surface: Surface) -> frozenset[str]:
    return surface.collections - surface.shared_collections


def _of(tenant: str) -> models.Filter:
    return models.Filter(must=[_named(tenant)])


def _alone(tenant: str) -> models.Filter:
    """Return the filter for points that name this tenant and nobody else."""
    others = models.MatchExcept(**{"except": [tenant]})
    besides = models.FieldCondition(key=TENANT, match=others)
    return models.Filter(must=[_named(tenant)], must_not=[besides])


def _named(tenant: str) -> models.FieldCondition:
    return models.FieldCondition(key=TENANT, match=models.MatchValue(value=tenant))


@contextmanager
def _asking(operation: str) -> Iterator[None]:
    with guarded(STORE, operation, _judge):
        yield


def _judge(exc: Exception) -> Verdict | None:
    """Say what a driver's error means; it asserts that an answer has a result."""
    if isinstance(exc, AssertionError):
        return StoreMisconfigured, NOT_QDRANT
    return judge(exc)
