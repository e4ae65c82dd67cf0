"""As many tenants as one job takes: one confirmation, a receipt of each, and one more refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
import redis

from services import bootstrap
from services.bootstrap import Services
from services.errors import PurgeRefused
from services.figures import Measure
from services.jobs.models import JobState
from services.purge.job import Outcome
from services.purge.models import Request, Target
from services.purge.receipt import tenants_of
from services.purge.tenant_receipt import tenant_receipt
from services.settings.environment import Settings
from services.tenancy.kb_ids import TenantKey, kb_id_of

MOST = 1_000
TENANTS = tuple(TenantKey("tenant", f"t{number}") for number in range(MOST + 1))
LAST = TENANTS[-1]
"""One more than a job takes; the names of some others begin its own."""


def node_of(tenant: TenantKey) -> str:
    return f"{tenant.kind}:{tenant.id}:user:ann"


def keys_of(tenant: TenantKey) -> list[str]:
    return [f"{kb_id_of(node_of(tenant))}:{name}" for name in ("frequency:p", "symbols:freq")]


@pytest.fixture
def services(valkey: redis.Redis, valkey_url: str) -> Iterator[Services]:
    """A deployment of Redis alone in which every tenant has one kb_id with two keys."""
    valkey.mset({key: "1" for tenant in TENANTS for key in keys_of(tenant)})
    settings = Settings(REDIS_URL=valkey_url, KATO_TENANTS_SETTLE_SECONDS=0)
    with closing(bootstrap.build(settings)) as built:
        nodes = dict.fromkeys(map(node_of, TENANTS), "session")
        built.state.record_nodes(nodes, datetime.now(UTC))
        yield built


def test_a_thousand_tenants_are_one_job_with_a_receipt_each(
    services: Services, valkey: redis.Redis
) -> None:
    purge, target = services.purge, Target(many=TENANTS[:MOST])
    plan = purge.plan(Request(target))
    assert plan.total(Measure.KEYS) == 2 * MOST
    with pytest.raises(PurgeRefused, match="type exactly: erase 1,000 tenants"):
        purge.begin(plan.digest, confirm=str(TENANTS[0]), reason="R-1", asked_by="ada")
    begun = purge.begin(plan.digest, confirm="erase 1,000 tenants", reason="R-1", asked_by="ada")
    job = purge.run_here(begun.id)
    assert (job.state, job.outcome) == (JobState.ENDED, Outcome.ERASED)
    assert job.ended_at is not None
    assert sorted(valkey.keys()) == sorted(key.encode() for key in keys_of(LAST))
    assert tenants_of(job) == tuple(map(str, TENANTS[:MOST]))
    for tenant in TENANTS[:MOST:50]:
        receipt = tenant_receipt(job, str(tenant), at=job.ended_at, versions={})
        assert (receipt.target, receipt.outcome) == (str(tenant), Outcome.ERASED)
        assert {line.owner for line in receipt.lines} == {kb_id_of(node_of(tenant))}
        assert sum(line.deleted for line in receipt.lines) == 2
    kb_ids = [kb_id_of(node_of(tenant)) for tenant in TENANTS]
    stones = purge.tombstones(kb_ids)
    assert {stone.kb_id: stone.tenant for stone in stones} == {
        kb_id: str(tenant) for kb_id, tenant in zip(kb_ids[:MOST], TENANTS[:MOST], strict=True)
    }


def test_one_more_is_refused(services: Services, valkey: redis.Redis) -> None:
    before = valkey.dbsize()
    with pytest.raises(PurgeRefused, match="at most 1,000 tenants go in one job"):
        services.purge.plan(Request(Target(many=TENANTS)))
    assert valkey.dbsize() == before
    assert services.purge.jobs() == ()
