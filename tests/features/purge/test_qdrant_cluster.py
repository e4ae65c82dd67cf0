"""A whole purge on a Qdrant of several peers, while peers, shards and tenants change."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from services import bootstrap
from services.bootstrap import Services
from services.errors import PurgeRefused, StoreError
from services.figures import Measure
from services.jobs.models import JobState
from services.purge.job import Outcome
from services.purge.models import Request, Target
from services.settings.environment import load_settings
from services.tenancy.kb_ids import TenantKey
from tests.engines.erasing import silent
from tests.engines.qdrant.qdrant_collections import KEY, SHARED
from tests.engines.qdrant.test_cluster_erasing import TENANT, of, others, tiered
from tests.engines.qdrant.test_cluster_usage import over
from tests.servers.faults import Dropped, Slow
from tests.servers.qdrant_cluster import DEAD, QdrantCluster
from tests.servers.sqlite import put_tables

B = Request(Target(TenantKey("tenant", "b")), frozenset({Measure.VECTORS}))
POINTS = {"a": 4, "b": 5, "c": 2, "big": 4}
SEEDS = range(16)
KINDS = ("down", "down", "promotion", "promoted", "state", "move", "cut", "slow")


@contextmanager
def services_of(cluster: QdrantCluster, patch: pytest.MonkeyPatch) -> Iterator[Services]:
    """The services of a dashboard that has this Qdrant and no other store."""
    environment = {
        "QDRANT_URL": cluster.urls[1], "QDRANT_PEERS": ",".join(cluster.urls),
        "QDRANT_API_KEY": KEY, "KATO_TENANTS_SETTLE_SECONDS": "0",
        "KATO_TENANTS_TIMEOUT_SECONDS": "20",
    }  # fmt: skip
    for variable, value in environment.items():
        patch.setenv(variable, value)
    settings = load_settings()
    put_tables(settings.data)
    built = bootstrap.build(settings)
    try:
        yield built
    finally:
        built.close()


def test_a_dead_replica_leaves_a_purge_unknown_until_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The plan discloses it, the receipt names its peer, and a later look is refused till then."""
    with tiered() as cluster, services_of(cluster, monkeypatch) as services:
        before = others(cluster)
        cluster.down(0)
        cluster.made[SHARED].states[0, 0] = DEAD
        plan = services.purge.plan(B)
        assert not plan.obstacles
        assert any("127.0.0.1:6335/) is Dead" in said for said in plan.disclosed)
        job = services.purge.begin(
            plan.digest, confirm=plan.confirmation, reason="ticket", asked_by="ada"
        )
        ended = services.purge.run_here(job.id)
        assert ended.outcome is Outcome.UNKNOWN
        assert "is Dead" in services.purge.receipt_text(job.id)
        assert of(cluster, "b") == {(0, 0): 5}  # on a disk that nobody can look at
        with pytest.raises(PurgeRefused, match="is Dead"):
            services.purge.look_again(job.id)
        cluster.up(0)
        cluster.recover(0)
        assert services.purge.look_again(job.id).back == 0
        assert (of(cluster, "b"), others(cluster)) == ({}, before)


def test_a_purge_that_lost_its_leader_goes_on_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The step fails, nothing is called erased, and the job is resumed."""
    with tiered() as cluster, services_of(cluster, monkeypatch) as services:
        before = others(cluster)
        plan = services.purge.plan(B)
        job = services.purge.begin(
            plan.digest, confirm=plan.confirmation, reason="ticket", asked_by="ada"
        )
        gone = iter([True])

        def fail(_: int, request: Any) -> None:
            if request.path.endswith("/points/delete") and next(gone, False):
                cluster.gone.add(2)
                cluster.servers[2].go_down()

        cluster.before = fail
        cluster.made[SHARED].states = {  # the shared shard is led by the third peer
            ((0, 2) if place == (0, 1) else place): state
            for place, state in cluster.made[SHARED].states.items()
        }
        cluster._replica(cluster.made[SHARED], 0, 2)
        cluster._copy(cluster.made[SHARED], (0, 0), (0, 2))
        halted = services.purge.run_here(job.id)
        assert halted.state is JobState.FAILED
        cluster.up(2)
        cluster.recover(2)
        services.purge.resume(job.id)
        ended = services.purge.run_here(job.id)
        assert ended.outcome is Outcome.ERASED, ended.problem
        assert of(cluster, "b") == {}
        assert {t: set(p.values()) for t, p in others(cluster).items()} == {
            t: set(p.values()) for t, p in before.items()
        }


class Trouble:
    """What happens to a cluster while it is asked: one thing, at one request, by a seed."""

    def __init__(self, cluster: QdrantCluster, seed: int) -> None:
        self.random = random.Random(seed)
        self.cluster = cluster
        self.at = self.random.randrange(1, 14)
        self.count = 0
        self.shard: int | None = None
        self.kind = self.random.choice(
            ["down", "down", "promotion", "promoted", "state", "move", "cut", "slow"]
        )
        cluster.before = self._strike

    def _strike(self, _peer: int, _request: Any) -> None:
        self.count += 1
        if self.count == self.at:
            getattr(self, f"_{self.kind}")()

    def _down(self) -> None:
        peer = self.random.choice([0, 2])
        self.cluster.gone.add(peer)
        self.cluster.servers[peer].go_down()

    def _cut(self) -> None:
        self.cluster.servers[self.random.randrange(3)].fail(Dropped(self.random.random()))

    def _slow(self) -> None:
        self.cluster.servers[self.random.choice([0, 2])].fail(Slow(9))

    def _promotion(self) -> None:
        part = self.random.randrange(6)
        self.shard = self.cluster.begin_promotion(SHARED, "default", "b", "b", part=part)

    def _promoted(self) -> None:
        self._promotion()
        self._settle()

    def _state(self) -> None:
        states = self.cluster.made[SHARED].states
        place = self.random.choice(sorted(states))
        states[place] = DEAD

    def _move(self) -> None:
        made = self.cluster.made[SHARED]
        peer = next(p for p in range(3) if (0, p) not in made.states)
        self.cluster._replica(made, 0, peer)
        made.states[0, peer] = "Partial"
        ids = self.cluster.ids
        made.transfers.append({"shard_id": 0, "from": ids[0], "to": ids[peer], "sync": True})

    def _settle(self) -> None:
        if self.shard is not None:
            self.cluster.end_promotion(SHARED, "default", self.shard, "b")
            self.shard = None

    def heal(self) -> None:
        """Let everything come to an end, as an operator waits for it."""
        self.cluster.before = lambda _peer, _request: None
        for server in self.cluster.servers:
            server.heal()
        for peer in sorted(self.cluster.gone):
            self.cluster.up(peer)
        self._settle()
        made = self.cluster.made[SHARED]
        for place, state in made.states.items():
            if state == "Partial":
                made.states[place] = DEAD
        made.transfers.clear()
        for peer in range(3):
            self.cluster.recover(peer)


def held(cluster: QdrantCluster) -> dict[str, set[object]]:
    """The ids of each tenant's points, on whichever Active replica."""
    made = cluster.made[SHARED]
    found: dict[str, set[object]] = {tenant: set() for tenant in POINTS}
    for place, state in made.states.items():
        for each in cluster.points(SHARED, *place) if state == "Active" else ():
            found[(each.payload or {})["tenant_id"]].add(each.id)
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_figures_are_right_or_unknown_whatever_happens(seed: int) -> None:
    """In the middle of a pass: a peer goes, a shard moves, a tenant is promoted."""
    with tiered() as cluster, over(cluster, peer=1, seconds=4) as stores:
        trouble = Trouble(cluster, seed)
        with suppress(StoreError):
            (found,) = stores.vectors.read().collections
            if found.points_by_tenant is not None:
                assert dict(found.points_by_tenant) == POINTS, trouble.kind
            assert found.amount.count >= 15
        trouble.heal()
        (found,) = stores.vectors.read().collections
        assert (dict(found.points_by_tenant or {}), found.amount.count) == (POINTS, 15)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_purge_loses_a_bystander_or_says_what_is_not_so(seed: int) -> None:
    """A look that found nothing and is sure of it is right, and what is left goes in the end."""
    with tiered() as cluster, over(cluster, peer=1, seconds=4) as stores:
        vectors, before = stores.vector_erasing, held(cluster)
        trouble = Trouble(cluster, seed)
        with suppress(StoreError):
            vectors.erase(TENANT, silent)
            look = vectors.look(TENANT)
            if not (look.items or look.unsure):
                assert of(cluster, "b") == {}, trouble.kind
        trouble.heal()
        for _ in range(2):
            vectors.erase(TENANT, silent)
        look = vectors.look(TENANT)
        assert (look.items, look.unsure, of(cluster, "b")) == ((), (), {})
        assert held(cluster) == before | {"b": set()}
