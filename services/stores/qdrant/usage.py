"""Vectors: what Qdrant holds in every collection, in one pass for the whole fleet.

Reads only. One `GET /telemetry` answers for all collections of a server that is alone, and of
several peers `GET /cluster/telemetry`, or the telemetry of each; where that cannot be read, or
replicas differ, a collection is asked for by itself. One `GET /aliases` answers for all aliases: a
collection is also whose its aliases say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

from qdrant_client import QdrantClient

from services.errors import StoreDenied, StoreMisconfigured, StoreRejected
from services.figures import Amount
from services.health.models import Health
from services.stores.faults import guarded
from services.stores.qdrant.aliases import Standing, aliases_listed, collections_listed, say_nothing
from services.stores.qdrant.answers import EmbeddedAnswers, answers_of
from services.stores.qdrant.connect import NOT_QDRANT, STORE, judge
from services.stores.qdrant.facts import Facts, at, facts_of_info, facts_of_telemetry, is_cluster
from services.stores.qdrant.split import Split, TenantSplitter
from services.usage.readings import CollectionUsage, VectorReading

if TYPE_CHECKING:
    from services.stores.qdrant.cluster_usage import ClusterUsage
    from services.usage.vector_cluster import ShardKey

SCROLL_BUDGET = 200_000

_ESTIMATE = "Qdrant's own estimate of vectors and payloads, without indexes"
_ONCE = "each shard once, by the largest of its replicas"
_PARTLY = "not known where other servers of the cluster share in: telemetry speaks for one server"
_UNTOLD = "not known where no peer of the cluster told the size of a shard"
_REFUSED = "not known: this server does not let its telemetry be read"
_EMBEDDED = "not known: the embedded engine does not say"


class VectorStore:
    """Reads the collections of one Qdrant.

    `shared_collections` names those whose points carry their tenant in the payload `tenant_id`;
    one whose name says nothing counts as such when it has an index on that field. Where the
    server cannot split it by itself, its points are looked through, up to `scroll_budget` of
    them. Every method raises StoreUnavailable, StoreDenied, StoreMisconfigured or StoreRejected.
    """

    def __init__(
        self,
        client: QdrantClient,
        *,
        shared_collections: frozenset[str] = frozenset(),
        scroll_budget: int = SCROLL_BUDGET,
    ) -> None:
        self._client = client
        self._answers = answers_of(client)
        self._budget = scroll_budget
        self._embedded = isinstance(self._answers, EmbeddedAnswers)
        self._shared = shared_collections
        self._splitter = TenantSplitter(
            client,
            indexed=None if self._embedded else self._indexed,
            budget=scroll_budget,
            asking=_asking,
        )

    def health(self) -> Health:
        """Return version and latency, once it was seen to take our key."""
        started = perf_counter()
        with _asking("check"):
            about = self._answers.about()
        latency = perf_counter() - started
        version = at(about, "version")
        if not isinstance(version, str):
            raise StoreMisconfigured(STORE, "check", NOT_QDRANT)
        # because a server says its version without a key
        names = collections_listed(self._answers, _asking, "check")
        aliases_listed(self._answers, _asking)  # and a key of few rights may not
        detail = f"collections: {len(names)}{self._peers_said()}"
        return Health(STORE, version, latency, detail)

    def _peers_said(self) -> str:
        """Say of how many peers it is, and whom the others do not reach."""
        with suppress(StoreRejected, StoreMisconfigured), _asking("asking for its peers"):
            answer = self._answers.cluster()  # which a server from before clusters has not
            if at(answer, "result", "status") == "enabled":
                from services.stores.qdrant.cluster_usage import peers_said

                return peers_said(answer)
        return ""

    def read(self) -> VectorReading:
        """Read points, bytes where they are known, and settings of every collection."""
        telemetry = self._telemetry()
        peers = self._peers(telemetry)
        facts, note = self._from_telemetry(telemetry, peers) or self._from_list()
        aliases = aliases_listed(self._answers, _asking)
        standing = Standing(tuple(each.name for each in facts), aliases)
        found = []
        for each in facts:
            completed = self._complete(each, standing.names_of(each.name), peers)
            if completed is not None:
                found.append(self._usage(completed, standing, peers))
        total = sum((each.amount for each in found), start=Amount(0, None))
        return VectorReading(
            collections=tuple(found), total=total if found else Amount(), bytes_note=note,
            cluster=peers.cluster if peers else None,
        )  # fmt: skip

    def _peers(self, telemetry: object) -> ClusterUsage | None:
        """Return what all peers say; None for a server that is alone, which is asked no more."""
        if not is_cluster(telemetry):
            return None
        from services.stores.qdrant.cluster_usage import ClusterUsage

        return ClusterUsage(self._client, telemetry, budget=self._budget)

    def _telemetry(self) -> object:
        try:
            with _asking("read the telemetry"):
                return self._answers.telemetry()
        except (StoreDenied, StoreRejected, StoreMisconfigured):
            return None  # whether that holds for more than the telemetry, the list will tell

    def _from_telemetry(
        self, telemetry: object, peers: ClusterUsage | None
    ) -> tuple[list[Facts], str] | None:
        facts = facts_of_telemetry(telemetry)
        if facts is None:
            return None
        if peers is not None:
            facts = list(map(peers.placed, facts))
        if any(each.bytes is None for each in facts):
            return facts, peers.silence(_UNTOLD) if peers else _PARTLY
        return facts, f"{_ESTIMATE}; {_ONCE}" if peers else _ESTIMATE

    def _from_list(self) -> tuple[list[Facts], str]:
        names = collections_listed(self._answers, _asking, "list the collections")
        return [Facts(name, None) for name in names], _EMBEDDED if self._embedded else _REFUSED

    def _complete(
        self, facts: Facts, names: tuple[str, ...], peers: ClusterUsage | None
    ) -> Facts | None:
        """Ask for what the first look did not find; None when the collection is gone."""
        if peers is not None:
            peers.refuse_lost(facts.name)
        if facts.points is None and peers is not None:
            asked = self._info(facts.name)
            return asked and peers.counted(facts, asked)
        if facts.points is None:
            return self._info(facts.name)
        if facts.tenant_index is not None or not say_nothing(names, self._shared):
            return facts
        asked = self._info(facts.name)
        return asked and replace(facts, tenant_index=asked.tenant_index)

    def _info(self, name: str) -> Facts | None:
        """Read one collection; None when it is gone."""
        with _asking("read a collection"):
            answer = self._answers.info(name)
        if answer is None:
            return None
        facts = facts_of_info(name, at(answer, "result"))
        if facts.points is not None:
            return facts
        with _asking("count a collection"):
            return replace(facts, points=self._client.count(name, exact=True).count)

    def _indexed(self, name: str) -> int | None:
        facts = self._info(name)
        return facts.tenant_points if facts else None

    def _keys(self, facts: Facts, peers: ClusterUsage | None) -> Sequence[ShardKey]:
        """Return the keys of a collection's shards, also where no peer tells its telemetry."""
        if peers is not None:
            return peers.keys(facts.name)
        if not facts.by_key:
            return ()
        with _asking("list shard keys"):
            listed = self._client.list_shard_keys(facts.name).shard_keys
        return [each.key for each in listed or ()]

    def _usage(
        self, facts: Facts, standing: Standing, peers: ClusterUsage | None
    ) -> CollectionUsage:  # fmt: skip
        names = standing.names_of(facts.name)
        by_index = bool(facts.tenant_index) and say_nothing(names, self._shared)
        shared = by_index or not self._shared.isdisjoint(names)
        points = facts.points or 0
        keys = self._keys(facts, peers) if shared else ()
        moving = peers is not None and peers.is_moving(facts.name)
        split = Split(None)
        if shared:
            split = self._splitter.split(facts.name, points, keys, moving=moving)
        return CollectionUsage(
            name=facts.name,
            # points may have arrived between the two counts
            amount=Amount(
                max(points - split.twice, sum((split.points or {}).values())), facts.bytes
            ),
            status=facts.status,
            size=facts.size,
            distance=facts.distance,
            indexed=facts.indexed,
            points_by_tenant=split.points,
            problem=split.problem,
            aliases=standing.aliases_of(facts.name),
            points_by_shard=split.by_shard,
        )


@contextmanager
def _asking(operation: str) -> Iterator[None]:
    with guarded(STORE, operation, judge):
        yield
