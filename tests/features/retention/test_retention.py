"""Retention as a whole, on a deployment of real sockets: what goes, what stays, what is said."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
import redis

from services import bootstrap
from services.bootstrap import Services
from services.jobs.models import Job, JobRefused, JobState
from services.purge.models import Request, Target
from services.retention import work
from services.retention.models import Changes, Left, Matter, Policy, RetentionError
from services.retention.steps import StepName
from services.retention.work import RetentionWork
from services.retention.written import policy_of
from services.settings.environment import Settings
from services.tenancy.kb_ids import TenantKey
from tests.engines.redis.test_retention import put
from tests.features.purge.fingerprint import Fingerprint
from tests.features.purge.test_purge import prints
from tests.servers import retention_process
from tests.servers.deployment import Deployment

__all__ = ["prints"]  # a fixture

ACME = TenantKey("tenant", "acme")
BOB, DANA = "tenant_acme_user_bob_kato", "tenant_acme_user_dana_kato"
SHARED = "tenant_acme_corp_user_bob_kato"
GLOBEX = "tenant_globex_user_alice_kato"
DAY = 86_400
EVERY = (
    policy_of("*", "predictions:idle", "30d"), policy_of("tenant/acme", "predictions:count", "2"),
    policy_of("tenant/acme", "patterns:age", "1d"), policy_of("tenant/acme", "sessions:idle", "1d"),
    policy_of("*", "streams:length", "0"), policy_of("*", "caches:ttl", "1h"),
)  # fmt: skip


@pytest.fixture
def services(kato_settings: Settings) -> Iterator[Services]:
    """The services of a dashboard, without its threads."""
    built = bootstrap.build(kato_settings)
    yield built
    built.close()


@pytest.fixture
def keys(kato: Deployment) -> redis.Redis:
    """The deployment's Redis, with predictions that were not used for a while."""
    client = kato.targets.redis
    assert client is not None
    for key in client.scan_iter(match="*:prediction:*", count=1000):
        client.delete(key)
    unused(client)
    return client


def unused(client: redis.Redis) -> None:
    """Write predictions that were not used for a while; to read them with DUMP is use."""
    for kb_id in (BOB, DANA, SHARED, GLOBEX, "no_scheme_kato"):
        for days in (1, 2, 3, 40):
            put(client, f"{kb_id}:prediction:{days}", idle=days * DAY)


def left(client: redis.Redis, kb_id: str) -> list[int]:
    return sorted(int(key.rpartition(b":")[2]) for key in client.keys(f"{kb_id}:prediction:*"))


def keep(services: Services, *policies: Policy) -> None:
    services.retaining.service.change(Changes(policies), by="ann", why="ticket")


def run(services: Services) -> Job:
    service = services.retaining.service
    plan = service.plan()
    job = service.begin(None, digest=plan.digest, by="ann", reason="ticket")
    return service.run_here(job.id)


def lines(job: Job, matter: Matter) -> dict[str, dict[str, Any]]:
    assert job.receipt is not None
    return {line["owner"]: line for line in job.receipt["lines"] if line["matter"] == matter}


def test_what_policies_bound_goes_and_all_else_stays_as_it_was(
    services: Services, kato: Deployment, keys: redis.Redis, prints: Callable[[], Fingerprint]
) -> None:
    """By plan, job and receipt; what is shared or only inferred is counted and named."""
    keep(services, *EVERY)
    before = prints()
    unused(keys)
    plan = services.retaining.service.plan()
    assert prints() == before
    unused(keys)
    why = {each.owner: each.why for each in plan.left_out if each.matter is Matter.PREDICTIONS}
    assert why[SHARED] is Left.SHARED
    assert why["no_scheme_kato"] is Left.INFERRED
    assert plan.parts
    job = run(services)
    assert (job.state, job.outcome) == (JobState.ENDED, "done")
    assert (left(keys, BOB), left(keys, DANA)) == ([1, 2], [1, 2])
    assert left(keys, GLOBEX) == [1, 2, 3]
    assert left(keys, SHARED) == left(keys, "no_scheme_kato") == [1, 2, 3, 40]
    assert lines(job, Matter.PREDICTIONS)[BOB] == {
        "matter": "predictions", "tenant": "tenant/acme", "owner": BOB,
        "from": {"predictions:count": "tenant/acme", "predictions:idle": "*"},
        "there": 4, "due": 2, "deleted": 2, "expiring": 0, "after": 2, "left": 0, "others": 0,
    }  # fmt: skip
    patterns = lines(job, Matter.PATTERNS)[BOB]
    assert patterns["deleted"] == patterns["there"] > 0
    assert not list(keys.scan_iter(match=f"{BOB}:frequency:*", count=1000))
    assert all(line["after"] == 0 for line in lines(job, Matter.SESSIONS).values())
    assert keys.xlen("stm:global") == 0
    after, mine = prints(), frozenset({BOB, DANA, GLOBEX, "tenant_acme_user_corp_kato", ""})
    assert after.without(mine) == before.without(mine)
    assert services.retaining.service.plan().acts is False
    for line in (*lines(job, Matter.PREDICTIONS).values(), patterns):
        assert line["there"] == line["deleted"] + line["others"] + line["after"]


def test_what_comes_on_hold_after_a_run_began_is_not_touched(
    services: Services, keys: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hold that comes after the run began counts; nor is what is everybody's trimmed then."""
    held: list[TenantKey] = []
    monkeypatch.setattr(services.retaining, "holds", lambda: frozenset(held))
    keep(services, *EVERY)
    service = services.retaining.service
    job = service.begin(None, digest="", by="ann", reason="ticket")
    check = keys.xlen("stm:global")
    held.append(ACME)
    ended = service.run_here(job.id)
    assert left(keys, BOB) == left(keys, DANA) == [1, 2, 3, 40]
    assert left(keys, GLOBEX) == [1, 2, 3]
    assert keys.xlen("stm:global") == check
    assert ended.state is JobState.ENDED
    assert lines(ended, Matter.PREDICTIONS).get(BOB, {"deleted": 0})["deleted"] == 0


def test_what_a_purge_has_is_left_to_it(services: Services, keys: redis.Redis) -> None:
    keep(services, *EVERY[:2])
    plan = services.purge.plan(Request(Target(ACME)))
    services.purge.begin(plan.digest, confirm="tenant/acme", reason="x", asked_by="ada")
    why = {each.owner: each.why for each in services.retaining.service.plan().left_out}
    assert why[BOB] is Left.BUSY
    run(services)
    assert left(keys, BOB) == [1, 2, 3, 40]


def test_policies_that_changed_since_the_plan_are_not_run(
    services: Services, keys: redis.Redis
) -> None:
    """Nor does a job that has begun go by one that was taken away."""
    service = services.retaining.service
    keep(services, *EVERY[:2])
    digest = service.plan().digest
    keep(services, policy_of("tenant/acme", "predictions:count", "0"))
    with pytest.raises(RetentionError, match="plan again"):
        service.begin(None, digest=digest, by="ann", reason="ticket")
    job = service.begin(None, digest=service.plan().digest, by="ann", reason="ticket")
    with pytest.raises(JobRefused):
        service.begin(None, digest="", by="ann", reason="ticket")
    service.change(Changes((), tuple(each.key for each in EVERY[:2])), by="ann", why="")
    ended = service.run_here(job.id)
    assert ended.outcome == "done"
    assert all(line["deleted"] == 0 for line in lines(ended, Matter.PREDICTIONS).values())
    assert left(keys, BOB) == [1, 2, 3, 40]


def test_with_a_store_down_it_fails_and_goes_on_later(
    services: Services, kato: Deployment, keys: redis.Redis
) -> None:
    keep(services, *EVERY)
    service = services.retaining.service
    kato.fail("redis", "down")
    plan = service.plan
    with pytest.raises(Exception, match="Redis"):
        plan()
    job = service.begin(None, digest="", by="ann", reason="ticket")
    failed = service.run_here(job.id)
    assert failed.state is JobState.FAILED
    assert "Redis" in failed.problem
    kato.heal()
    service.resume(job.id)
    assert service.run_here(job.id).outcome == "done"
    assert left(keys, BOB) == [1, 2]


def test_one_that_failed_can_be_ended_as_it_is(
    services: Services, kato: Deployment, keys: redis.Redis
) -> None:
    """Its receipt says what it came to; one that runs cannot, and what it did not do is due."""
    keep(services, *EVERY)
    service = services.retaining.service
    job = service.begin(None, digest="", by="ann", reason="ticket")
    with pytest.raises(JobRefused):
        service.abandon(job.id)
    kato.fail("redis", "down")
    assert service.run_here(job.id).state is JobState.FAILED
    ended = service.abandon(job.id)
    assert (ended.state, ended.outcome) == (JobState.ENDED, "unknown")
    assert ended.receipt is not None
    kato.heal()
    assert left(keys, BOB) == [1, 2, 3, 40]
    assert run(services).outcome == "done"
    assert left(keys, BOB) == [1, 2]


def test_what_is_due_runs_once_and_what_failed_is_gone_on_with(
    services: Services, kato: Deployment, keys: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three days late it runs once; another dashboard finds nothing to do."""
    at = datetime.now(UTC)
    clock = {"now": at - timedelta(days=3)}
    monkeypatch.setattr(services, "now", lambda: clock["now"])
    service, scheduler = services.retaining.service, services.retaining.scheduler
    keep(services, policy_of("tenant/acme", "predictions:count", "2", "30 3 * * *"))
    assert scheduler.look() is None
    clock["now"] = at
    job = scheduler.look()
    assert job is not None
    assert scheduler.look() is None
    kato.fail("redis", "down")
    assert service.run_here(job.id).state is JobState.FAILED
    kato.heal()
    clock["now"] = at + timedelta(days=1)
    again = scheduler.look()
    assert again is not None
    assert again.id == job.id
    assert service.run_here(job.id).outcome == "done"
    assert left(keys, BOB) == [1, 2]


class Died(BaseException):
    """A process that ends within a step: nothing catches it, and nothing of it is journaled."""


def died_within(services: Services, job_id: str, step: StepName) -> None:
    """Have a run die in a step, its deeds done; and be found by another process."""
    real = work._DOES[step]

    def deadly(running: RetentionWork) -> Any:
        real(running)
        raise Died

    with mock.patch.dict(work._DOES, {step: deadly}), pytest.raises(Died):
        services.retaining.service.run_here(job_id)
    retention_process.free(services)


def test_killed_in_every_step_it_comes_to_the_same_end(
    services: Services, kato: Deployment, keys: redis.Redis
) -> None:
    """In one of them by the system."""
    keep(services, *EVERY)
    service = services.retaining.service
    plan = service.plan()
    job = service.begin(None, digest=plan.digest, by="ann", reason="ticket")
    environment = {**kato.environment, "KATO_TENANTS_DATA": os.environ["KATO_TENANTS_DATA"]}
    for step in StepName:
        if step is StepName.PATTERNS:
            assert retention_process.go_on(environment, job.id, step) == -signal.SIGKILL
            retention_process.free(services)
        else:
            died_within(services, job.id, step)
        assert service.job(job.id).state is JobState.RUNNING
    ended = service.run_here(job.id)
    assert (ended.state, ended.outcome) == (JobState.ENDED, "done")
    three = (Matter.PREDICTIONS, Matter.PATTERNS, Matter.SESSIONS)
    due = {(line.matter, line.owner): (line.there, line.due) for line in plan.lines
           if line.matter in three}  # fmt: skip
    came = {(matter, owner): (line["there"], line["deleted"])
            for matter in three for owner, line in lines(ended, matter).items()}  # fmt: skip
    assert came == due
    assert left(keys, BOB) == [1, 2]
    assert left(keys, SHARED) == [1, 2, 3, 40]
