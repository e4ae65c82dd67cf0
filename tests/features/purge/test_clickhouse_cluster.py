"""A whole purge of a deployment whose ClickHouse is a cluster, while its servers come and go."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from services import bootstrap
from services.bootstrap import Services
from services.figures import Measure
from services.jobs.models import JobState
from services.purge.job import Job
from services.purge.models import Request, Target
from services.settings.environment import Settings
from services.stores.clickhouse import ddl
from services.tenancy.kb_ids import TenantKey
from tests.engines.clickhouse.shards import Shards

BOB, DANA, CORP = (f"tenant_acme_user_{name}_kato" for name in ("bob", "dana", "corp"))
OTHER = "tenant_acme_corp_user_alice_kato"
ACME = Target(TenantKey("tenant", "acme"))
STAYS = [{OTHER: 1}, {OTHER: 1}, {OTHER: 2}]


@pytest.fixture
def services(kato_settings: Settings, shards: Shards) -> Iterator[Services]:
    """The services of such a deployment; what the others of its stores hold is the capture's."""
    shards.put(1, [BOB, DANA, OTHER])
    shards.put(2, [BOB, CORP, OTHER], each=2, first=5)
    there = shards.settings
    built = bootstrap.build(kato_settings.model_copy(update={
        "clickhouse_port": there.clickhouse_port, "clickhouse_db": there.clickhouse_db,
        "clickhouse_password": there.clickhouse_password,
        "clickhouse_cluster": there.clickhouse_cluster, "settle_seconds": 0, "pass_seconds": 60,
    }))  # fmt: skip
    yield built
    built.close()


@pytest.fixture(autouse=True)
def _minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a minute go by each time that a statement to all is asked for."""
    minutes = (60.0 * number for number in itertools.count())
    clock = SimpleNamespace(monotonic=lambda: next(minutes), sleep=lambda _: None)
    monkeypatch.setattr(ddl, "time", clock)


def begun(services: Services) -> Job:
    plan = services.purge.plan(Request(ACME, stores=frozenset({Measure.PATTERNS})))
    assert not plan.obstacles
    return services.purge.begin(
        plan.digest, confirm=plan.confirmation, reason="ticket 1", asked_by="ada"
    )


def rows(shards: Shards) -> list[dict[str, int]]:
    return [shards.rows(node) for node in shards.cluster.nodes]


def test_a_replica_that_is_late_keeps_it_from_saying_erased(
    services: Services, shards: Shards
) -> None:
    """It is named, and once it is there the purge goes on; each server is in the receipt."""
    job = begun(services)
    shards.cluster.nodes[1].stuck = True
    ended = services.purge.run_here(job.id)
    assert ended.state is JobState.FAILED
    assert "ch-1-2:9000 did not carry it out" in str(ended.problem)
    shards.cluster.be_well()
    services.purge.resume(job.id)
    services.purge.run_here(job.id)
    receipt = json.loads(services.purge.receipt_text(job.id))
    assert (receipt["outcome"], receipt["problems"]) == ("erased", [])
    assert rows(shards) == STAYS
    assert receipt["servers"] == [
        {"store": "patterns", "server": f"{node.host}:9000 (shard {node.shard}, replica "
         f"{node.replica})", "left": 0}
        for node in shards.cluster.nodes
    ]  # fmt: skip
    figures = receipt["stores"]["patterns"]
    assert (figures["planned"], figures["deleted"], figures["left"]) == (6, 6, 0)


def test_a_replica_that_is_down_at_the_end_is_unknown_by_its_name(
    services: Services, shards: Shards
) -> None:
    def goes_down(statement: str) -> None:
        if "FLUSH ASYNC INSERT QUEUE" in statement and BOB not in shards.rows(
            shards.cluster.nodes[1]
        ):
            shards.cluster.nodes[1].down = True

    shards.cluster.before = goes_down
    job = begun(services)
    services.purge.run_here(job.id)
    receipt = json.loads(services.purge.receipt_text(job.id))
    assert receipt["outcome"] == "unknown"
    assert "no answer from ch-1-2:9000 (shard 1, replica 2)" in " ".join(receipt["problems"])
    assert "servers" not in receipt
    assert receipt["stores"]["patterns"]["left"] is None
    assert rows(shards) == STAYS
