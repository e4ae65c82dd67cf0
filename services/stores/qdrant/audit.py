"""Qdrant: what the isolation audit asks of it besides the usage. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from qdrant_client import QdrantClient

from services.errors import StoreMisconfigured
from services.isolation.facts import TenantIndex, VectorFacts
from services.stores.faults import guarded
from services.stores.open_doors import Door, no_door, tried
from services.stores.qdrant.aliases import Standing, standing_of
from services.stores.qdrant.answers import answers_of
from services.stores.qdrant.cluster import Cluster
from services.stores.qdrant.connect import NOT_QDRANT, STORE, judge
from services.stores.qdrant.facts import TENANT, at
from services.tenancy.layout import owners_of_collection

_READING = "reading how a shared collection is indexed"
_SNAPSHOTS = "listing the snapshots of the whole storage"


class VectorAudit:
    """Asks one Qdrant how it keeps tenants apart.

    `shared_collections` names those whose points carry their tenant in the payload `tenant_id`;
    one whose name says nothing counts as such when it has an index on that field. Raises
    StoreUnavailable, StoreDenied, StoreMisconfigured or StoreRejected.
    """

    def __init__(
        self,
        client: QdrantClient,
        *,
        shared_collections: frozenset[str] = frozenset(),
        door: Door = no_door,
    ) -> None:
        self._client = client
        self._answers = answers_of(client)
        self._cluster = Cluster(client)
        self._shared = shared_collections
        self._door = door

    def facts(self) -> VectorFacts:
        """Ask for every collection that is shared by payload, and for the full snapshots."""
        standing = standing_of(self._answers, _asking)
        found = {name: self._index(name, standing) for name in self._may_be_shared(standing)}
        snapshots, unasked = self._snapshots()
        return VectorFacts(
            tenant_indexes={name: index for name, index in found.items() if index is not None},
            full_snapshots=snapshots,
            open=tried(self._door),
            unasked=unasked,
        )

    def _may_be_shared(self, standing: Standing) -> list[str]:
        return sorted(
            name
            for name in standing.collections
            if not owners_of_collection(standing.names_of(name), self._shared)
        )

    def _index(self, name: str, standing: Standing) -> TenantIndex | None:
        """Return how a collection is indexed; None when it is gone, or not shared after all."""
        with _asking(_READING):
            answer = self._answers.info(name)
        if answer is None:
            return None
        schema = at(answer, "result", "payload_schema")
        if not isinstance(schema, Mapping):
            raise StoreMisconfigured(STORE, _READING, NOT_QDRANT)
        if TENANT not in schema and self._shared.isdisjoint(standing.names_of(name)):
            return None
        return _tenant_index(at(schema, TENANT))

    def _snapshots(self) -> tuple[dict[str, float | None], tuple[str, ...]]:
        """Return the snapshots of the whole storage, and which peers could not be asked for them.

        Each lies on the peer that made it; on several, its name says on which.
        """
        members = self._cluster.members()
        if members is None:
            return _listed(self._client), ()
        named = {each.id: each.name for each in members[0]}
        every, silent = self._cluster.each(*members).ask(_listed)
        found = {
            f"{name} on {named[number]}": at_seconds
            for number, names in every.items()
            for name, at_seconds in names.items()
        }
        return found, tuple(f"{named[n]}: {why}" for n, why in silent.items() if n in named)


def _listed(client: QdrantClient) -> dict[str, float | None]:
    """Return the snapshots of the whole storage that one server has. Raises StoreError."""
    try:
        rest = client.http.client
    except NotImplementedError:  # the embedded engine, which makes no snapshots
        return {}
    with _asking(_SNAPSHOTS):
        listed = at(rest.request(type_=dict, method="GET", url="/snapshots"), "result")
    names = [at(each, "name") for each in listed] if isinstance(listed, list) else [None]
    if not all(isinstance(name, str) for name in names):
        raise StoreMisconfigured(STORE, _SNAPSHOTS, NOT_QDRANT)
    return {each["name"]: _seconds(each.get("creation_time")) for each in listed}


def _tenant_index(index: object) -> TenantIndex:
    """Read a field of a payload schema; before Qdrant 1.11 nothing separates tenants."""
    kind = at(index, "data_type")
    is_tenant = at(index, "params", "is_tenant") is True
    return TenantIndex(kind if isinstance(kind, str) else None, is_tenant)


def _seconds(time: object) -> float | None:
    """Read a time of Qdrant's, which has no zone and is UTC; None for anything else."""
    try:
        found = datetime.fromisoformat(time) if isinstance(time, str) else None
    except ValueError:
        return None
    if found is None:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


@contextmanager
def _asking(operation: str) -> Iterator[None]:
    with guarded(STORE, operation, judge):
        yield
