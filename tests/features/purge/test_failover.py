"""Redis fails over while a purge runs: what comes back by it is found, erased and told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from services import bootstrap
from services.bootstrap import Services
from services.errors import StoreError
from services.figures import Measure
from services.purge.job import Job, Outcome
from services.purge.models import Request, Target
from services.settings.environment import Settings
from services.stores.redis.erase import KeyErasing
from services.tenancy.kb_ids import TenantKey
from tests.servers.redis_cluster import RunningCluster, running
from tests.servers.redis_sentinel import cut_off, watched
from tests.waiting import wait_until

ACME = TenantKey("tenant", "acme")
MINE, OTHER = "tenant_acme_user_bob_kato", "tenant_acme_corp_user_bob_kato"
REDIS = frozenset({Measure.KEYS, Measure.SESSIONS})


@contextmanager
def opened(url: str, folder: Path) -> Iterator[Services]:
    settings = Settings(
        REDIS_URL=url, KATO_TENANTS_DATA=folder, KATO_TENANTS_SETTLE_SECONDS=0,
        KATO_TENANTS_TIMEOUT_SECONDS=20,
    )  # fmt: skip
    built = bootstrap.build(settings)
    try:
        yield built
    finally:
        built.close()


def fill(client: redis.Redis | redis.RedisCluster) -> None:
    for kb, tenant in ((MINE, "acme"), (OTHER, "acme-corp")):
        for at in range(20):
            client.set(f"{kb}:frequency:{at}", "1")
        record = {"session_id": tenant, "node_id": f"tenant:{tenant}:user:bob"}
        client.set(f"kato:session:{tenant}", json.dumps(record))
        client.sadd("kato:session:_active_index", tenant)


LEFT = sorted([
    *(f"{OTHER}:frequency:{at}".encode() for at in range(20)),
    b"kato:session:acme-corp", b"kato:session:_active_index",
])  # fmt: skip


def purged(built: Services) -> Job:
    plan = built.purge.plan(Request(Target(ACME), stores=REDIS))
    assert plan.obstacles == ()
    assert plan.total(Measure.KEYS) == 20
    job = built.purge.begin(plan.digest, confirm="tenant/acme", reason="they left", asked_by="ada")
    return built.purge.run_here(job.id)


def after(patch: pytest.MonkeyPatch, name: str, deed: Callable[[], None]) -> None:
    """Do something once, right after one of the calls of a purge."""
    call, left = getattr(KeyErasing, name), [deed]

    def called(*given: Any, **more: Any) -> Any:
        found = call(*given, **more)
        if left:
            left.pop()()
        return found

    patch.setattr(KeyErasing, name, called)


def before(patch: pytest.MonkeyPatch, name: str, deed: Callable[[], object]) -> None:
    call = getattr(KeyErasing, name)

    def called(*given: Any, **more: Any) -> Any:
        deed()
        return call(*given, **more)

    patch.setattr(KeyErasing, name, called)


@pytest.mark.parametrize("step", ["erase", "sweep"])
def test_a_sentinels_failover_brings_back_what_was_erased_and_it_is_told(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The replica did not have it yet: before the proof, or after the first of its two looks."""
    with watched(tmp_path, "valkey_9") as of, opened(of.url, tmp_path / "data") as built:
        fill(of.primary.client)
        of.primary.client.wait(1, 5000)
        before(monkeypatch, "erase_sessions", lambda: cut_off(of.primary.client))
        after(monkeypatch, step, of.fail_over)
        job = purged(built)
        receipt = built.purge.receipt_text(job.id)
        assert job.outcome is Outcome.ERASED, receipt
        assert "Redis failed over" in receipt
        assert "22 keys and sessions of the target were there after it, and were erased" in receipt
        left = of.replica.client.keys("*")
    assert sorted(left) == LEFT


def test_so_does_a_clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of its primaries dies with what its replica has not; the others go on."""
    options = ("--cluster-node-timeout", "800", "--cluster-replica-validity-factor", "0")
    with running(tmp_path, "redis_7", replicas=1, options=options) as of:
        client = of.client()
        fill(client)
        for node in of.primaries:
            for key in node.client.keys("*"):
                node.client.persist(key)
            assert node.client.wait(1, 5000) == 1
        victim = of.primaries[0]
        mine = [key for key in victim.client.keys("*") if key.startswith(MINE.encode())]

        def die() -> None:
            victim.kill()
            wait_until(lambda: _takes(of))

        with opened(of.url, tmp_path / "data") as built:
            before(monkeypatch, "erase_sessions", lambda: [cut_off(n.client) for n in of.primaries])
            after(monkeypatch, "erase", die)
            job = purged(built)
            receipt = json.loads(built.purge.receipt_text(job.id))
        assert job.outcome is Outcome.ERASED, receipt
        (said,) = (text for text in receipt["disclosed"] if text.startswith("Redis failed over"))
        number = int(said.partition("everyone: ")[2].split()[0])
        assert number >= len(mine) > 0
        left = sorted(key for node in of.primaries for key in node.client.keys("*"))
        client.close()
    assert left == LEFT


def _takes(of: RunningCluster) -> bool:
    with suppress(StoreError, redis.RedisError):
        return (
            of.serves()
            and len(of.primaries) == 3
            and all(node.process is not None for node in of.primaries)
        )
    return False
