"""Vectors: what Qdrant holds in every collection, in one pass for the whole fleet.

Reads only. One `GET /telemetry` answers for all collections; where a server does not let it be
read, and for collections that other servers of a cluster share in, each is asked for by itself.
One `GET /aliases` answers for all aliases: a collection is also whose its aliases say.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter

from qdrant_client import QdrantClient

from services.errors import StoreDenied, StoreMisconfigured, StoreRejected
from services.figures import Amount
from services.health.models import Health
from services.stores.faults import guarded
from services.stores.qdrant.aliases import Standing, aliases_listed, collections_listed, say_nothing
from services.stores.qdrant.answers import EmbeddedAnswers, answers_of
from services.stores.qdrant.connect import NOT_QDRANT, STORE, judge
from services.stores.qdrant.facts import Facts, at, facts_of_info, facts_of_telemetry
from services.stores.qdrant.split import Split, TenantSplitter
from services.usage.readings import CollectionUsage, VectorReading

SCROLL_BUDGET = 200_000

_ESTIMATE = "Qdrant's own estimate of vectors and payloads, without indexes"
_PARTLY = "not known where other servers of the cluster share in: telemetry speaks for one server"
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
        return Health(STORE, version, latency, f"collections: {len(names)}")

    def read(self) -> VectorReading:
        """Read points, bytes where they are known, and settings of every collection."""
        facts, note = self._from_telemetry() or self._from_list()
        aliases = aliases_listed(self._answers, _asking)
        standing = Standing(tuple(each.name for each in facts), aliases)
        completed = (self._complete(each, standing.names_of(each.name)) for each in facts)
        found = tuple(self._usage(each, standing) for each in completed if each is not None)
        total = sum((each.amount for each in found), start=Amount(0, None))
        return VectorReading(collections=found, total=total if found else Amount(), bytes_note=note)

    def _from_telemetry(self) -> tuple[list[Facts], str] | None:
        try:
            with _asking("read the telemetry"):
                answer = self._answers.telemetry()
        except (StoreDenied, StoreRejected, StoreMisconfigured):
            return None  # whether that holds for more than the telemetry, the list will tell
        facts = facts_of_telemetry(answer)
        if facts is None:
            return None
        return facts, _PARTLY if any(each.bytes is None for each in facts) else _ESTIMATE

    def _from_list(self) -> tuple[list[Facts], str]:
        names = collections_listed(self._answers, _asking, "list the collections")
        return [Facts(name, None) for name in names], _EMBEDDED if self._embedded else _REFUSED

    def _complete(self, facts: Facts, names: tuple[str, ...]) -> Facts | None:
        """Ask for what the first look did not find; None when the collection is gone."""
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

    def _usage(self, facts: Facts, standing: Standing) -> CollectionUsage:
        names = standing.names_of(facts.name)
        by_index = bool(facts.tenant_index) and say_nothing(names, self._shared)
        shared = by_index or not self._shared.isdisjoint(names)
        points = facts.points or 0
        split = self._splitter.split(facts.name, points) if shared else Split(None)
        return CollectionUsage(
            name=facts.name,
            # points may have arrived between the two counts
            amount=Amount(max(points, sum((split.points or {}).values())), facts.bytes),
            status=facts.status,
            size=facts.size,
            distance=facts.distance,
            indexed=facts.indexed,
            points_by_tenant=split.points,
            problem=split.problem,
            aliases=standing.aliases_of(facts.name),
        )


@contextmanager
def _asking(operation: str) -> Iterator[None]:
    with guarded(STORE, operation, judge):
        yield
