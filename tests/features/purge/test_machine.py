"""Purges in every order of events: whatever happens, nobody else's data goes, to the byte.

A model of a deployment in which tenants come, learn and leave, KATO stops and starts, and jobs
are planned, run, stopped, killed within any step, resumed, taken over and ended.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from services import bootstrap
from services.errors import PurgeRefused
from services.jobs.models import JobState
from services.purge import run as running
from services.purge.job import Job, Outcome
from services.purge.models import Request, Target
from services.settings.environment import Settings
from services.stores.records.database import writing
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.schemes import NamingSchemes
from tests.engines.clickhouse.kato_tables import add_patterns
from tests.features.purge.test_bystanders import empty
from tests.servers.deployment import Deployment
from tests.servers.sqlite import put_tables

TENANTS = ("acme-corp", "acme_corp", "acme.corp", "acme", "globex")
USERS = ("bob", "ann")
NODES = tuple(f"tenant:{tenant}:user:{user}" for tenant in TENANTS for user in USERS)
SCHEMES = NamingSchemes.of()

node_ids = st.sampled_from(NODES)
tenants = st.sampled_from(TENANTS)


class Death(BaseException):
    """The process ends here, as by SIGKILL: nothing that it would still do is done."""


def tenant_of(node: str) -> TenantKey:
    reading = SCHEMES.read(node)
    assert reading is not None
    return reading.tenant


class PurgeMachine(RuleBasedStateMachine):
    """What is written by whom is the model; the stores have to have all of it but the purged."""

    kato: Deployment
    options: Settings

    def __init__(self) -> None:
        super().__init__()
        self.data = tempfile.TemporaryDirectory()
        put_tables(Path(self.data.name))
        self.services = bootstrap.build(
            self.options.model_copy(update={"data": Path(self.data.name), "settle_seconds": 0})
        )
        self.purge = self.services.purge
        self.written: dict[str, set[bytes]] = {}
        self.live: dict[str, str] = {}
        self.number = 0
        self.down = False
        self.job: str | None = None
        self.digest: str | None = None

    def teardown(self) -> None:
        self.kato.heal()
        self.services.close()
        self.data.cleanup()

    @initialize()
    def begin(self) -> None:
        self.kato.heal()
        empty(self.kato.targets)
        self.learns(NODES[0])
        self.learns(NODES[6])

    # --- the deployment ---

    @precondition(lambda self: not self.down)
    @rule(node=node_ids)
    def learns(self, node: str) -> None:
        """A client opens a session, and KATO learns from it: a row and a key of its own."""
        answer = httpx.post(
            f"http://127.0.0.1:{self.kato.kato.port}/sessions", json={"node_id": node}
        )
        self.live[answer.json()["session_id"]] = node
        self.number += 1
        kb_id, name = kb_id_of(node), f"{node} {self.number}"
        self.redis.set(f"{kb_id}:frequency:{name}", self.number)
        assert self.kato.targets.clickhouse is not None
        add_patterns(self.kato.targets.clickhouse, [kb_id])
        self.written.setdefault(node, set()).add(f"{kb_id}:frequency:{name}".encode())

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def leaves(self, data: st.DataObject) -> None:
        """A session expires, once this product has seen its node_id."""
        session = data.draw(st.sampled_from(sorted(self.live)))
        if self.live[session] in self.services.usage.ownership().nodes:
            self.redis.delete(f"kato:session:{session}")
            del self.live[session]

    @rule(tenant=tenants)
    def is_recorded(self, tenant: str) -> None:
        """A node_id is learnt late, from another dashboard's records."""
        known = [node for node in self.written if tenant_of(node).id == tenant]
        self.services.purge._tools.saw(dict.fromkeys(known, "kato"))

    @rule()
    def collects(self) -> None:
        """The collector looks."""
        self.services.usage.collect()

    @precondition(lambda self: not self.down)
    @rule()
    def kato_stops(self) -> None:
        """Its process ends: sessions stay in Redis, and it writes nothing."""
        self.services.usage.collect()  # what it had in memory was seen before
        self.kato.fail("kato", "down")
        self.down = True

    @precondition(lambda self: self.down)
    @rule()
    def kato_starts(self) -> None:
        self.kato.heal()
        self.down = False

    # --- the purge ---

    @rule(tenant=tenants, inferred=st.booleans())
    def plans(self, tenant: str, inferred: bool) -> None:
        target = Target(TenantKey("tenant", tenant))
        with suppress(PurgeRefused):  # nothing of it was ever seen
            self.digest = self.purge.plan(Request(target, include_inferred=inferred)).digest

    @precondition(lambda self: self.digest and self.job is None)
    @rule()
    def begins(self) -> None:
        assert self.digest
        target = self.purge.planned(self.digest).request.target
        with suppress(PurgeRefused):
            job = self.purge.begin(self.digest, confirm=target.name, reason="R-1", asked_by="ada")
            self.job = job.id
        self.digest = None

    @precondition(lambda self: self.job)
    @rule(stops=st.booleans())
    def runs(self, stops: bool) -> None:
        """It is resumed where it halted, or taken over where it was running, and runs."""
        self.goes_on()
        if stops:
            self.purge.stop(self.job_id)
        self.ended(self.purge.run_here(self.job_id))

    @precondition(lambda self: self.job)
    @rule(writes=st.integers(1, 25))
    def is_killed(self, writes: int) -> None:
        """The process dies before one of its writes; its lease runs out."""
        self.goes_on()
        with dying_after(self.services, writes), suppress(Death):
            job = self.purge.job(self.job_id)
            running.purge_run(self.purge._tools, job, owner=f"p{self.number}{writes}").run()
        with writing(self.purge._jobs._engine, "a test") as connection:
            connection.execute(text("UPDATE job SET leased_until = NULL, owner = ''"))
        self.ended(self.purge.job(self.job_id))

    @precondition(lambda self: self.job)
    @rule()
    def is_planned_anew(self) -> None:
        """An admin looks anew, confirms that, and has it go on by the new plan."""
        job = self.purge.job(self.job_id)
        if job.state in (JobState.STOPPED, JobState.FAILED):
            with suppress(PurgeRefused):
                plan = self.purge.plan(job.plan.request)
                confirm = plan.confirmation
                self.purge.resume(job.id, digest=plan.digest, confirm=confirm)

    @precondition(lambda self: self.job)
    @rule()
    def is_ended(self) -> None:
        with suppress(PurgeRefused):
            self.ended(self.purge.abandon(self.job_id))

    # --- what has to hold ---

    @invariant()
    def nobody_elses_datum_is_gone(self) -> None:
        """Byte for byte: what others than a planned target wrote is there."""
        mine = self.purged()
        for node, keys in self.written.items():
            if tenant_of(node) in mine:
                continue
            found = self.redis.mget(sorted(keys))
            assert all(value is not None for value in found), (node, mine)
            assert self.rows(kb_id_of(node)), (node, mine)

    # --- how ---

    @property
    def redis(self) -> Any:
        return self.kato.targets.redis

    @property
    def job_id(self) -> str:
        assert self.job
        return self.job

    def rows(self, kb_id: str) -> int:
        client = self.kato.targets.clickhouse
        assert client is not None
        query = "SELECT count() FROM patterns_data WHERE kb_id = {kb_id:String}"
        return int(client.query(query, {"kb_id": kb_id}).result_rows[0][0])

    def purged(self) -> set[TenantKey]:
        """Everyone whose purge was ever confirmed."""
        return {t for job in self.purge.jobs() for t in job.plan.request.target.tenants}

    def goes_on(self) -> None:
        if self.purge.job(self.job_id).state is not JobState.RUNNING:
            self.purge.resume(self.job_id)

    def ended(self, job: Job) -> None:
        """Of a job that ended nothing is there, where it says so."""
        if job.state is not JobState.ENDED:
            return
        self.job = None
        if job.outcome is Outcome.ERASED:
            for kb_id in job.plan.surface.kb_ids:
                assert not self.rows(kb_id)
                assert not list(self.redis.scan_iter(match=f"{kb_id}:*"))
            (tenant,) = job.plan.request.target.tenants
            self.written = {n: k for n, k in self.written.items() if tenant_of(n) != tenant}
            left = [json.loads(self.redis.get(k)) for k in self.redis.scan_iter("kato:session:s*")]
            assert tenant not in {tenant_of(each["node_id"]) for each in left}


class dying_after:  # noqa: N801  it reads as what it is
    """Has the process die at one of its writes to the records, and at every one after it."""

    def __init__(self, services: bootstrap.Services, writes: int) -> None:
        self._jobs, self._left = services.purge._jobs, writes
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> None:
        for name in ("start_step", "end_step", "say", "pause", "end"):
            self._patch.setattr(self._jobs, name, self._mortal(getattr(self._jobs, name)))

    def __exit__(self, *_: object) -> None:
        self._patch.undo()

    def _mortal(self, real: Any) -> Any:
        def write(*arguments: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left <= 0:
                raise Death
            return real(*arguments, **options)

        return write


@pytest.fixture
def machine(kato: Deployment, kato_settings: Settings) -> type[PurgeMachine]:
    """The machine, on a deployment that every example empties first."""
    return type("Machine", (PurgeMachine,), {"kato": kato, "options": kato_settings})


def test_nothing_of_anybody_else_goes_whatever_happens(machine: type[PurgeMachine]) -> None:
    """Plans, kills, take-overs and tenants that come, in any order."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=8, stateful_step_count=16, derandomize=True, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_what_was_seen_is_not_seen_again(machine: type[PurgeMachine]) -> None:
    """A job that failed because KATO was down erased what another tenant had learnt meanwhile."""
    with closing_machine(machine()) as it:
        it.begin()
        it.plans("acme-corp", inferred=False)
        it.begins()
        it.is_killed(3)
        it.learns("tenant:acme_corp:user:bob")
        it.runs(stops=False)
        it.nobody_elses_datum_is_gone()
        job = it.purge.jobs()[0]
        assert job.state is JobState.FAILED
        assert "tenant/acme_corp" in job.problem
        assert job.outcome is None
        it.is_planned_anew()
        it.runs(stops=False)
        it.nobody_elses_datum_is_gone()
        assert it.purge.jobs()[0].outcome is Outcome.ERASED_EXCEPT


def closing_machine(machine: PurgeMachine) -> Any:
    """Tear a machine down when its block ends."""
    machine.close = machine.teardown  # type: ignore[attr-defined]
    return closing(machine)
