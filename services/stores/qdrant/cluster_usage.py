"""What usage asks of a Qdrant on several peers, besides what it asks of a server that is alone."""

from __future__ import annotations

from dataclasses import replace

from qdrant_client import QdrantClient

from services.errors import StoreUnavailable
from services.stores.qdrant.calls import asking
from services.stores.qdrant.cluster import Cluster, refuse_lost
from services.stores.qdrant.cluster_answers import peers_of_cluster
from services.stores.qdrant.connect import STORE
from services.stores.qdrant.distinct import distinct
from services.stores.qdrant.facts import Facts, worst
from services.usage.vector_cluster import Placement, ShardKey, VectorCluster

_COUNTING = "count a collection"


class ClusterUsage:
    """One pass over a cluster, by the telemetry of one of its peers and more.

    `budget` is how many points are counted by their ids.
    """

    def __init__(self, client: QdrantClient, telemetry: object, *, budget: int) -> None:
        self._client = client
        self._picture = Cluster(client).picture(telemetry)
        self._budget = budget

    @property
    def cluster(self) -> VectorCluster:
        """What is shown of it."""
        return self._picture.cluster()

    def placed(self, facts: Facts) -> Facts:
        """Return what the replicas of a collection say of it together, each shard once."""
        placement = self._of(facts.name)
        if facts.points is not None:
            return facts
        active = [each for shard in placement.full for each in shard.active]
        indexed = [each.indexed for each in active if each.indexed is not None]
        alone = len(active) == len(placement.full) == len(indexed)
        told = [each.status for each in active if each.status]
        return replace(
            facts, points=placement.points, bytes=placement.bytes,
            status=worst(told) if told else "unknown", indexed=sum(indexed) if alone else None,
        )  # fmt: skip

    def silence(self, said: str) -> str:
        """Add to why sizes are not known who did not answer."""
        silent = [each.name for each in self._picture.peers if each.problem]
        return f"{said}; no answer of {', '.join(silent)}" if silent else said

    def refuse_lost(self, name: str) -> None:
        """Raise StoreUnavailable where no replica of a shard answers."""
        refuse_lost(self._of(name), self._picture.by_id, _COUNTING)

    def counted(self, facts: Facts, asked: Facts) -> Facts:
        """Return what a collection has where its replicas do not tell. Raises StoreError."""
        return replace(
            facts, points=self._count(facts.name), status=asked.status, indexed=asked.indexed,
            tenant_index=asked.tenant_index, tenant_points=asked.tenant_points,
        )  # fmt: skip

    def keys(self, name: str) -> tuple[ShardKey, ...]:
        """Return the keys of a collection's shards that can be read."""
        return self._of(name).readable_keys

    def is_moving(self, name: str) -> bool:
        """Whether points move between the shards of a collection: it is resharded."""
        return bool(self._of(name).resharding)

    def _of(self, name: str) -> Placement:
        return self._picture.placements.get(name) or Placement(name)

    def _count(self, name: str) -> int:
        """Count points exactly; by their ids while they move between shards."""
        if not self.is_moving(name):
            with asking(_COUNTING):
                return self._client.count(name, exact=True).count
        once = distinct(self._client, name, asking=asking, budget=self._budget)
        if once is None:
            why = f"{name} is being resharded, and has too many points to be counted by their ids"
            raise StoreUnavailable(STORE, _COUNTING, why)
        return once


def peers_said(answer: object) -> str:
    """Say of how many peers it is, by the answer of one, and whom the others do not reach."""
    members = peers_of_cluster(answer)
    if members is None:
        return ""
    silent = [each.name for each in members if each.problem]
    told = f"; not reached by the others: {', '.join(silent)}" if silent else ""
    return f"; peers: {len(members)}{told}"
