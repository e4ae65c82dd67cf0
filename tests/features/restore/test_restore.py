"""Restores over a whole deployment: what was erased comes back as it was, over nothing else."""

from __future__ import annotations

import json
import os
import signal
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from services import bootstrap
from services.archive.errors import ArchiveRefused
from services.archive.models import Archive
from services.bootstrap import Services
from services.jobs.models import Job, JobState
from services.purge.models import Request, Target
from services.restore.formats import receipt_of
from services.restore.models import Misfit, Outcome, Receipt, RestoreRefused, Unfit
from services.restore.run import StepName
from services.settings.environment import Settings
from services.stores.redis.typed_write import KeyWriting
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import read_key
from tests.features.purge.fingerprint import Fingerprint, Prints, fingerprint
from tests.servers.deployment import Deployment
from tests.servers.restore_process import go_on

ACME, GLOBEX = TenantKey("tenant", "acme"), TenantKey("tenant", "globex")
WHY = "OPS-1"


@pytest.fixture
def services(kato_settings: Settings, tmp_path: Path) -> Iterator[Services]:
    settings = kato_settings.model_copy(
        update={"archives": SecretStr(str(tmp_path / "archives")), "settle_seconds": 0}
    )
    with closing(bootstrap.build(settings)) as found:
        yield found


@pytest.fixture
def prints(kato: Deployment) -> Callable[[], Fingerprint]:
    """Everything that there is; of keys the values, since a DUMP tells in which order they came."""

    def found() -> Fingerprint:
        rest = fingerprint(kato.targets, session_owner=bytes.hex)
        return replace(rest, keys=values(kato.targets.redis))

    return found


def values(client: redis.Redis) -> Prints:
    """Every key's type, value and end, by the text before its first colon."""
    names = list(client.scan_iter(count=1000))
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.type(name).pexpiretime(name)
        told = pipe.execute()
        for name, of_type in zip(names, told[::2], strict=True):
            ASKS[of_type](pipe, name)
        held = pipe.execute()
    found: dict[str, set[Hashable]] = defaultdict(set)
    for name, of_type, end, value in zip(names, told[::2], told[1::2], held, strict=True):
        owner = read_key(name).owner.name
        found[owner].add((name, of_type, end, repr(in_order(value))))
    return {owner: frozenset(keys) for owner, keys in found.items()}


def in_order(value: Any) -> Any:
    """A value without the order of what has none."""
    if isinstance(value, dict):
        return sorted(value.items())
    return sorted(value) if isinstance(value, set) else value


ASKS: dict[bytes, Callable[[Any, bytes], object]] = {
    b"string": lambda pipe, name: pipe.get(name),
    b"set": lambda pipe, name: pipe.smembers(name),
    b"hash": lambda pipe, name: pipe.hgetall(name),
    b"stream": lambda pipe, name: pipe.xrange(name),
    b"list": lambda pipe, name: pipe.lrange(name, 0, -1),
    b"zset": lambda pipe, name: pipe.zrange(name, 0, -1, withscores=True),
}


def archived(services: Services, tenant: TenantKey = ACME) -> Archive:
    plan = services.archive.plan(Request(Target(tenant)))
    return services.archive.run_here(services.archive.begin(plan, by="ada", reason=WHY))


def erased(services: Services, tenant: TenantKey = ACME) -> None:
    plan = services.purge.plan(Request(Target(tenant), drop_collections=True))
    job = services.purge.begin(plan.digest, confirm=str(tenant), reason=WHY, asked_by="ada")
    assert services.purge.run_here(job.id).state is JobState.ENDED


def restored(services: Services, archive: Archive, named: TenantKey | None = None) -> Receipt:
    plan = services.restore.plan(archive.name, named)
    assert plan.can_run, plan
    return receipt(services.restore.run_here(services.restore.begin(plan, by="ada", reason=WHY).id))


def receipt(job: Job) -> Receipt:
    assert job.state is JobState.ENDED, job.problem
    assert job.receipt is not None
    return receipt_of(json.loads(json.dumps(job.receipt)))


def test_what_was_erased_is_as_it_was(
    services: Services, prints: Callable[[], Fingerprint]
) -> None:
    """Every store, to the byte; and once more nothing is written."""
    before = prints()
    archive = archived(services)
    erased(services)
    assert prints() != before
    plan = services.restore.plan(archive.name)
    assert {each.part: each.there for each in plan.parts if each.there} == {}
    done = restored(services, archive)
    assert done.outcome is Outcome.RESTORED, done
    assert prints() == before
    assert all(part.before == 0 for part in done.parts)
    again = restored(services, archive)
    assert again.outcome is Outcome.RESTORED
    assert {part.part: part.before for part in again.parts} == {
        part.part: part.archived for part in again.parts
    }
    assert prints() == before


def test_as_another_tenant(services: Services, prints: Callable[[], Fingerprint]) -> None:
    """All of it under the other's names, and everybody's stays, the old one's too."""
    before = prints()
    archive = archived(services)
    erased(services)
    without = prints()
    plan = services.restore.plan(archive.name, GLOBEX)
    assert plan.tenants == (GLOBEX,)
    done = restored(services, archive, GLOBEX)
    assert done.outcome is Outcome.RESTORED, done
    after = prints()
    for old, kept, new in zip(
        (before.rows, before.keys, before.points), (without.rows, without.keys, without.points),
        (after.rows, after.keys, after.points), strict=True,
    ):  # fmt: skip
        assert {name: new[name] for name in kept if name} == {n: kept[n] for n in kept if n}
        came = new.keys() - kept.keys()
        went = old.keys() - kept.keys()
        assert len(came) == len(went)
    names = {name for name in after.rows if name not in without.rows}
    assert names == {name for name in plan.kb_ids if name in after.rows} != set()
    assert all(name.startswith("tenant_globex_") for name in names)


def test_a_copy_beside_the_living_tenant_is_whole_without_its_sessions(
    services: Services, kato: Deployment, prints: Callable[[], Fingerprint]
) -> None:
    """An id is one for the whole deployment: living ones are said beforehand, and are as they were.

    One that ends meanwhile is no difference, and one that ended before comes back. What points to
    a living one would lead into another's memory.
    """
    client = kato.targets.redis
    ids = sorted(
        key for key in client.scan_iter(match="kato:session:session-*")
        if json.loads(client.get(key))["node_id"].startswith("tenant:acme:")
    )  # fmt: skip
    gone, *living = ids
    pointer = b"kato:session:node:tenant:%b:user:bob:active"
    client.set(pointer % b"acme", living[0].removeprefix(b"kato:session:"), px=client.pttl(gone))
    cache = "patterns:top:tenant_acme_user_bob_kato"
    client.set(cache, "[]", px=client.pttl(gone))
    archive = archived(services)
    client.delete(gone)
    client.set(cache, "[1]", px=client.pttl(living[0]))
    plan = services.restore.plan(archive.name, GLOBEX)
    left = {each.part: (each.there, each.left_out) for each in plan.parts if each.left_out}
    assert left == {"redis/sessions": (0, len(living) + 1), "redis/keys": (0, 1)}
    before = prints()
    done = restored(services, archive, GLOBEX)
    assert done.outcome is Outcome.RESTORED, done
    parts = {each.part: (each.before, each.left_out) for each in done.parts if each.left_out}
    assert parts == left
    assert json.loads(client.get(gone))["node_id"].startswith("tenant:globex:")
    assert not client.exists(pointer % b"globex")
    after = prints()
    assert all(before.keys[name] <= after.keys[name] for name in before.keys)


def test_what_is_there_stays_and_is_said(services: Services, kato: Deployment) -> None:
    """A key, a point and rows of KATO's own after the purge: partial, with their names."""
    archive = archived(services)
    kb_id = services.restore.plan(archive.name).kb_ids[0]
    key = next(iter(kato.targets.redis.scan_iter(match=f"{kb_id}:frequency:*")))
    erased(services)
    kato.targets.redis.set(key, "-7")
    plan = services.restore.plan(archive.name)
    assert [each.there for each in plan.parts if each.part == "redis/keys"] == [1]
    done = restored(services, archive)
    assert done.outcome is Outcome.PARTIAL
    (part,) = [each for each in done.parts if each.differing]
    assert (part.part, part.names) == ("redis/keys", (key.decode(),))
    assert kato.targets.redis.get(key) == b"-7"


@pytest.mark.parametrize(("lets", "lost"), [(True, 0), (False, 1)])
def test_hashes_whose_fields_would_end_no_more_are_said_beforehand(
    services: Services, kato: Deployment, monkeypatch: pytest.MonkeyPatch, lets: bool, lost: int
) -> None:
    name = next(iter(kato.targets.redis.scan_iter(match="tenant_acme_user_*:symbols:freq")))
    kato.targets.redis.hset(name, "late", "1")
    kato.targets.redis.execute_command("HPEXPIRE", name, 3_600_000, "FIELDS", 1, "late")
    archive = archived(services)
    monkeypatch.setattr(KeyWriting, "lets_fields_end", lambda _: lets)
    assert services.restore.plan(archive.name).field_ends_lost == lost


def test_an_altered_archive_is_refused_before_anything_is_written(
    services: Services, prints: Callable[[], Fingerprint], tmp_path: Path
) -> None:
    """Also one that is altered between the plan and the run."""
    archive = archived(services)
    erased(services)
    before = prints()
    file = tmp_path / "archives" / archive.name
    whole = file.read_bytes()
    plan = services.restore.plan(archive.name)
    job = services.restore.begin(plan, by="ada", reason=WHY)
    for at in (len(whole) // 4, len(whole) // 2):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ArchiveRefused):
            services.restore.plan(archive.name)
    failed = services.restore.run_here(job.id)
    assert failed.state is JobState.FAILED
    assert prints() == before
    file.write_bytes(whole)
    services.restore.resume(job.id)
    assert receipt(services.restore.run_here(job.id)).outcome is Outcome.RESTORED


def test_what_does_not_fit_is_said_and_not_begun(services: Services, kato: Deployment) -> None:
    archive = archived(services)
    assert kato.targets.clickhouse is not None
    kato.targets.clickhouse.command("ALTER TABLE patterns_data ADD COLUMN more String")
    other = archived(services)
    kato.targets.clickhouse.command("ALTER TABLE patterns_data DROP COLUMN more")
    plan = services.restore.plan(other.name)
    assert plan.misfits == (Misfit("clickhouse/patterns_data", Unfit.COLUMN, "more"),)
    with pytest.raises(RestoreRefused):
        services.restore.begin(plan, by="ada", reason=WHY)
    assert services.restore.plan(archive.name).can_run
    assert not services.restore.plan(archive.name, TenantKey("nobodys", "x")).can_run
    with pytest.raises(RestoreRefused):
        services.restore.plan(archive.name, TenantKey.of_kb("x"))


def test_one_that_was_confirmed_as_it_is_not_any_more_writes_nothing(
    services: Services, kato: Deployment, prints: Callable[[], Fingerprint]
) -> None:
    """It halts before its first write; what another job has begun goes on by what is there."""
    archive, client = archived(services), kato.targets.redis
    key = next(iter(client.scan_iter(match="tenant_acme_user_*:frequency:*", count=1000)))
    value = client.get(key)
    erased(services)
    plan = services.restore.plan(archive.name)
    job = services.restore.begin(plan, by="ada", reason=WHY, as_seen=True)
    client.set(key, value)
    before = prints()
    halted = services.restore.run_here(job.id)
    assert halted.state is JobState.FAILED
    assert "not as it was planned" in halted.problem
    assert prints() == before
    services.restore.give_up(job.id, by="ada", reason="plan anew")
    other = services.restore.begin(plan, by="ada", reason=WHY)
    assert receipt(services.restore.run_here(other.id)).outcome is Outcome.RESTORED


POINTS_OF_DEATH = (
    (StepName.CHECK, "end"), (StepName.ROWS, "half"), (StepName.POINTS, "half"),
    (StepName.KEYS, "half"), (StepName.SESSIONS, "half"), (StepName.RECORDS, "end"),
    (StepName.VERIFY, "end"),
)  # fmt: skip


def test_killed_at_every_step_it_comes_to_the_same(
    services: Services, kato: Deployment, prints: Callable[[], Fingerprint], tmp_path: Path
) -> None:
    """One death after the other in one job, each in the middle of what its step writes."""
    before = prints()
    archive = archived(services)
    erased(services)
    plan = services.restore.plan(archive.name)
    job = services.restore.begin(plan, by="ada", reason=WHY)
    environment = {
        **kato.environment, "KATO_TENANTS_DATA": os.environ["KATO_TENANTS_DATA"],
        "KATO_TENANTS_ARCHIVES": str(tmp_path / "archives"),
    }  # fmt: skip
    for step, when in POINTS_OF_DEATH:
        assert go_on(environment, job.id, step, when) == -signal.SIGKILL, step
        assert services.restore.job(job.id).state is JobState.RUNNING
    assert go_on(environment, job.id) == 0
    done = receipt(services.restore.job(job.id))
    assert done.outcome is Outcome.RESTORED, done
    assert all(part.before == 0 for part in done.parts if part.part.split("/")[0] != "records")
    assert prints() == before
    assert kato.targets.clickhouse is not None
    assert kato.targets.clickhouse.query("SHOW TABLES LIKE 'kato_tenants_%'").result_rows == []
