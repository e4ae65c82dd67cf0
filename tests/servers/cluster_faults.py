"""Rounds of faults on a real cluster while it is read and purged, repeatable by their seeds.

Each round fills a cluster of three primaries with a replica each, and purges one of two tenants
while nodes are killed and come back, replicas take over and slots are moved. What holds after it:
nothing of the other tenant is lost, and nothing was said that is not so.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import redis

from services import bootstrap
from services.bootstrap import Services
from services.errors import KatoTenantsError, StoreError
from services.figures import Measure
from services.jobs.models import JobState
from services.purge.job import Job, Outcome
from services.purge.models import Request, Target
from services.settings.environment import Settings
from services.tenancy.kb_ids import TenantKey
from tests.servers.redis_cluster import Node, RunningCluster, running
from tests.waiting import wait_until

ACME = TenantKey("tenant", "acme")
MINE, OTHER = "tenant_acme_user_bob_kato", "tenant_acme_corp_user_bob_kato"
REDIS = frozenset({Measure.KEYS, Measure.SESSIONS})
TRIES = 12
OPTIONS = ("--cluster-node-timeout", "800", "--cluster-replica-validity-factor", "0")


class Round:
    """One round: what it did, and what came of it."""

    def __init__(self, seed: int, cluster: RunningCluster, folder: Path) -> None:
        self.seed, self.chance = seed, random.Random(seed)
        self.cluster, self.folder = cluster, folder
        self.done: Counter[str] = Counter()
        self.problems: list[str] = []
        self._over = threading.Event()

    def run(self, *, keys: int = 30, most: int = 1000) -> None:
        """Fill, purge under so many faults at most, and check everything. Raises AssertionError."""
        kept = self._fill(keys)
        faults = threading.Thread(target=self._faults, args=(most,), daemon=True)
        with _opened(self.cluster.url, self.folder) as built:
            job = self._begin(built)
            faults.start()
            ended = self._purge(built, job, keys)
            self._over.set()
            faults.join()
            wait_until(self._is_well)
            self._check(built, ended, kept, keys)

    def _fill(self, keys: int) -> dict[bytes, bytes]:
        self.cluster.flush()
        client = self.cluster.client()
        for kb, tenant in ((MINE, "acme"), (OTHER, "acme-corp")):
            for at in range(keys):
                client.set(f"{kb}:frequency:{at}", at)
            record = {"session_id": tenant, "node_id": f"tenant:{tenant}:user:bob"}
            client.set(f"kato:session:{tenant}", json.dumps(record))
            client.sadd("kato:session:_active_index", tenant)
        for node in self.cluster.primaries:
            for key in node.client.keys("*"):  # a write of its own, for which replicas are awaited
                node.client.persist(key)
            assert node.client.wait(1, 10_000) == 1
        client.close()
        return {key: value for key, value in self._there().items() if b"acme_corp" in key}

    def _there(self) -> dict[bytes, bytes]:
        found = {}
        for node in self.cluster.primaries:
            for key in node.client.keys("tenant_*"):
                found[key] = node.client.get(key)
        return found

    # --- the faults ------------------------------------------------------------------------------

    def _faults(self, most: int) -> None:
        for _ in range(most):
            if self._over.is_set():
                return
            time.sleep(self.chance.uniform(0.0, 0.3))
            deed = self.chance.choice([self._kill, self._take_over, self._move, self._move])
            with suppress(redis.RedisError, StoreError, StopIteration):
                deed()
                self.done[deed.__name__] += 1

    def _kill(self) -> None:
        """Kill a primary that has a replica which has all; it comes back as the replica's."""
        victim = self.chance.choice(self.cluster.primaries)
        follower = self._follower(victim)
        if follower is None:
            return
        victim.kill()
        with suppress(AssertionError):
            wait_until(lambda: _is_primary(follower), 15)
        victim.start()
        wait_until(self._is_well)

    def _take_over(self) -> None:
        """Let a replica take over as an operator does."""
        follower = self._follower(self.chance.choice(self.cluster.primaries))
        if follower is not None:
            follower.client.execute_command("CLUSTER", "FAILOVER")
            with suppress(AssertionError):
                wait_until(lambda: _is_primary(follower), 5)

    def _move(self) -> None:
        slot = self.chance.randrange(16_384)
        primaries = self.cluster.primaries
        steps = self.cluster.moving(slot, self.chance.choice(primaries))
        for _ in steps:
            time.sleep(self.chance.uniform(0, 0.01))

    def _follower(self, primary: Node) -> Node | None:
        for node in self.cluster.nodes:
            if node.process is None or node is primary:
                continue
            told = node.client.info("replication")
            is_his = told["role"] == "slave" and told["master_port"] == primary.port
            if is_his and told["master_link_status"] == "up":
                return node
        return None

    def _is_well(self) -> bool:
        with suppress(redis.RedisError, StoreError):
            return self.cluster.serves() and all(map(self._follower, self.cluster.primaries))
        return False

    # --- what is asked meanwhile -----------------------------------------------------------------

    def _begin(self, built: Services) -> Job:
        plan = built.purge.plan(Request(Target(ACME), stores=REDIS))
        assert plan.obstacles == (), plan.obstacles
        return built.purge.begin(
            plan.digest, confirm="tenant/acme", reason="they left", asked_by="ada"
        )

    def _purge(self, built: Services, job: Job, keys: int) -> Job:
        for _ in range(TRIES):
            self._read(built, keys)
            ended = built.purge.run_here(job.id)
            self._read(built, keys)
            if ended.state is JobState.ENDED:
                return ended
            self.done["resumed"] += 1
            with suppress(KatoTenantsError):
                built.purge.resume(job.id)
            time.sleep(0.5)
        self._over.set()
        wait_until(self._is_well)
        with suppress(KatoTenantsError):
            built.purge.resume(job.id)
        return built.purge.run_here(job.id)

    def _read(self, built: Services, keys: int) -> None:
        """Read all keys: the other tenant's are all there, or nothing is known."""
        try:
            reading = built.stores.keys.read(memory=False)
        except StoreError:
            self.done["void"] += 1
            return
        counts = {group.owner.name: group.amount.count for group in reading.groups}
        assert counts.get(OTHER) == keys, (counts, self.done)
        self.done["read"] += 1

    def _check(
        self, built: Services, ended: Job, kept: dict[bytes, bytes], keys: int
    ) -> None:  # fmt: skip
        there = self._there()
        receipt = built.purge.receipt_text(ended.id) if ended.outcome else ""
        assert {key: there.get(key) for key in kept} == kept, (self.done, receipt)
        assert len(kept) == keys
        left = sorted(there.keys() - kept.keys())
        assert ended.state is JobState.ENDED, (ended.state, self.done)
        if ended.outcome is Outcome.ERASED:
            assert left == [], (left, self.done, receipt)
        self.done[f"outcome {ended.outcome}"] += 1
        self.problems = json.loads(receipt)["problems"]
        self._read(built, keys)


def _is_primary(node: Node) -> bool:
    with suppress(redis.RedisError):
        return bool(node.client.info("replication")["role"] == "master")
    return False


@contextmanager
def _opened(url: str, folder: Path) -> Iterator[Services]:
    given: dict[str, Any] = {
        "REDIS_URL": url, "KATO_TENANTS_DATA": folder, "KATO_TENANTS_SETTLE_SECONDS": 1,
        "KATO_TENANTS_TIMEOUT_SECONDS": 3,
    }  # fmt: skip
    built = bootstrap.build(Settings(**given))
    try:
        yield built
    finally:
        built.close()


def rounds(folder: Path, program: str, seeds: range, *, most: int = 1000) -> Iterator[Round]:
    """Do a round for each seed, all on one cluster, which is as it was left by the one before."""
    with running(folder, program, replicas=1, options=OPTIONS) as cluster:
        for seed in seeds:
            data = folder / f"data-{seed}"
            one = Round(seed, cluster, data)
            one.run(most=most)
            yield one
