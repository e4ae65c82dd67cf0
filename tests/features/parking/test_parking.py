"""Parking over a whole deployment: out of the stores into an archive, and back, to the byte."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from unittest.mock import Mock

import pytest

from services.archive.models import State
from services.archive.run import DOES as ARCHIVES, ArchiveWork, StepName as TakeStep
from services.bootstrap import Services
from services.cards.models import State as Status
from services.errors import StoreUnavailable
from services.figures import Measure
from services.jobs.models import Job, JobRefused, JobState, Result
from services.jobs.service import Halted
from services.parking import park
from services.parking.models import ParkingRefused
from services.parking.park import PARKED
from services.parking.service import ABANDONED
from services.purge.came_back import came_back
from services.purge.job import Outcome
from services.tenancy.kb_ids import TenantKey, held_names
from tests.features.purge.fingerprint import Fingerprint
from tests.features.restore.test_restore import ACME, WHY, prints, services
from tests.servers import jobs_process
from tests.servers.deployment import Deployment

__all__ = ["prints", "services"]  # fixtures


def parked(services: Services, tenant: TenantKey = ACME) -> Job:
    plan = services.parking.plan(tenant)
    assert not plan.in_the_way, plan.in_the_way
    return services.parking.run_here(services.parking.park(plan, by="ada", reason=WHY).id)


def back(services: Services, tenant: TenantKey = ACME) -> Job:
    return services.parking.run_here(services.parking.unpark(tenant, by="ada", reason=WHY).id)


def nodes(services: Services) -> set[str]:
    """The node_ids that are known to be the tenant's."""
    ownership = services.usage.ownership()
    return {node for node in ownership.nodes if ownership.tenant_of(node) == ACME}


def test_parked_and_brought_back_everything_is_as_it_was(
    services: Services, prints: Callable[[], Fingerprint]
) -> None:
    (own,) = (each for each in services.usage.collect().tenants if each.tenant == ACME)
    before, names = prints(), nodes(services)
    plan = services.parking.plan(ACME)
    has = {store: own.usage.of(store) for store in Measure}
    assert has[Measure.SESSIONS]  # they stand in KATO's index, which makes no key of the tenant's
    assert {store: each.count for store, each in plan.saved.items()} == {
        store: each.count for store, each in has.items() if each
    }
    assert plan.saved[Measure.KEYS] == has[Measure.KEYS]
    gone = plan.purge.surface.kb_ids
    done = parked(services)
    assert (done.state, done.outcome) == (JobState.ENDED, PARKED), done.problem
    away = prints()
    assert away.residue(gone) == 0
    assert away.without(gone | {""}) == before.without(gone | {""})  # bystanders, to the byte
    known = services.parking.parked(ACME)
    assert known is not None
    assert (known.by, known.reason, known.outcome) == ("ada", WHY, Outcome.ERASED)
    assert known.saved[Measure.PATTERNS].count == plan.purge.total(Measure.PATTERNS) > 0
    archive = services.archive.archive(known.archive)
    assert (archive.state, archive.quiesced) == (State.PROVEN, True)
    assert services.purge.job(known.purge).outcome is Outcome.ERASED
    doing = services.cards.doings()[ACME][0]
    assert (doing.state, doing.since, doing.by) == (Status.PARKED, known.since, "ada")
    with pytest.raises(ParkingRefused, match="parked already"):
        services.parking.plan(ACME)
    with pytest.raises(ParkingRefused, match="parked already"):
        services.parking.park(plan, by="ada", reason=WHY)
    ended = back(services)
    assert (ended.state, ended.outcome) == (JobState.ENDED, "restored"), ended.problem
    assert prints() == before
    assert services.parking.parked(ACME) is None
    assert ACME not in services.cards.doings()
    assert services.archive.archive(known.archive).state is State.PROVEN  # it stays
    assert nodes(services) == names
    assert not came_back(services.usage.collect(), services.jobs.tombstones(gone))


def test_killed_at_every_step_it_comes_to_the_same(
    services: Services, kato: Deployment, prints: Callable[[], Fingerprint], tmp_path: Path
) -> None:
    """One archive, one purge and one restore, however often their processes die."""
    before = prints()
    environment = {
        **kato.environment, "KATO_TENANTS_DATA": os.environ["KATO_TENANTS_DATA"],
        "KATO_TENANTS_ARCHIVES": str(tmp_path / "archives"), "KATO_TENANTS_SETTLE_SECONDS": "0",
    }  # fmt: skip
    job = services.parking.park(services.parking.plan(ACME), by="ada", reason=WHY)
    for kind, step in (
        ("archive", "end sessions"), ("park", "archive"), ("purge", "erase keys"),
        ("park", "purge"), ("park", "remember"),
    ):  # fmt: skip
        assert jobs_process.go_on(environment, job.id, kind, step) == -signal.SIGKILL, step
        assert services.parking.job(job.id).state is JobState.RUNNING
    assert jobs_process.go_on(environment, job.id) == 0
    assert services.parking.job(job.id).outcome == PARKED
    assert len(services.archive.archives()) == len(services.purge.jobs()) == 1
    again = services.parking.unpark(ACME, by="ada", reason=WHY)
    for kind, step in (("restore", "keys"), ("unpark", "restore"), ("unpark", "forget")):
        assert jobs_process.go_on(environment, again.id, kind, step) == -signal.SIGKILL, step
    assert jobs_process.go_on(environment, again.id) == 0
    assert services.parking.job(again.id).outcome == "restored"
    assert len(services.restore.jobs()) == 1
    assert prints() == before


def test_who_is_on_hold_is_not_parked_and_one_that_comes_later_stops_it(
    services: Services, prints: Callable[[], Fingerprint]
) -> None:
    """Before its sessions are ended; and what was not begun can be given up."""
    before = prints()
    job = services.parking.park(services.parking.plan(ACME), by="ada", reason=WHY)
    services.cards.hold([ACME], reason="a court's order", by="ann")
    assert any("legal hold" in each for each in services.parking.plan(ACME).in_the_way)
    halted = services.parking.run_here(job.id)
    assert halted.state is JobState.FAILED
    assert "legal hold" in halted.problem
    assert prints() == before
    assert services.parking.abandon(job.id).outcome == ABANDONED
    services.cards.lift([ACME], by="ann")
    assert services.work.holder(held_names([ACME], ())) is None


def test_one_that_went_on_is_not_given_up_by_whoever_looked_before(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It erased meanwhile: given up then, its tenant would be gone, and not be parked."""
    job = services.parking.park(services.parking.plan(ACME), by="ada", reason=WHY)
    services.cards.hold([ACME], reason="a court's order", by="ann")
    assert services.parking.run_here(job.id).state is JobState.FAILED
    services.cards.lift([ACME], by="ann")
    lost = Mock(side_effect=StoreUnavailable("records", "writing", "down"))
    remembers, held = park.DOES[park.StepName.REMEMBER], services.work.halted

    @contextmanager
    def overtaken(job_id: str) -> Iterator[Halted]:
        monkeypatch.setattr(services.work, "halted", held)
        monkeypatch.setitem(park.DOES, park.StepName.REMEMBER, lost)
        services.parking.resume(job_id)
        assert services.parking.run_here(job_id).state is JobState.FAILED
        with held(job_id) as found:
            yield found

    monkeypatch.setattr(services.work, "halted", overtaken)
    with pytest.raises(ParkingRefused):
        services.parking.abandon(job.id)
    monkeypatch.setitem(park.DOES, park.StepName.REMEMBER, remembers)
    services.parking.resume(job.id)
    assert services.parking.run_here(job.id).outcome == PARKED


def test_what_is_written_after_the_archive_was_taken_is_not_erased(
    services: Services, kato: Deployment, prints: Callable[[], Fingerprint],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Another archive is taken; where that happens each time, nothing goes.

    The sessions that the first of them ended come back with the last.
    """
    sessions = prints().keys[""]
    client, taken = kato.targets.redis, TakeStep.TAKE
    real, number = ARCHIVES[taken], count()
    key = "tenant_acme_user_bob_kato:frequency:late"

    def late(work: ArchiveWork) -> Result:
        found = real(work)
        client.set(key, next(number))
        return found

    with monkeypatch.context() as patched:
        patched.setitem(ARCHIVES, taken, late)
        halted = parked(services)
    assert halted.state is JobState.FAILED
    assert "somebody writes" in halted.problem
    assert not services.purge.jobs()
    before = prints()
    services.parking.resume(halted.id)
    ended = services.parking.run_here(halted.id)
    assert ended.outcome == PARKED, ended.problem
    assert back(services).outcome == "restored"
    assert prints().without({""}) == before.without({""})
    assert prints().keys[""] == sessions != before.keys[""]
    assert client.get(key) is not None


def test_no_session_and_no_second_job_while_it_is_parked_or_being_parked(
    services: Services,
) -> None:
    scheme = next(s for s in services.settings.naming.schemes if s.kind == "tenant")
    values = {name: "acme" if name == "tenant" else "bob" for name in scheme.fields}
    plan = services.parking.plan(ACME)
    job = services.parking.park(plan, by="ada", reason=WHY)
    assert services.sessions.landing(scheme, values).refusal
    with pytest.raises(JobRefused):
        services.parking.park(plan, by="eve", reason=WHY)
    assert services.parking.run_here(job.id).outcome == PARKED
    landing = services.sessions.landing(scheme, values)
    assert "is parked since" in landing.refusal
    assert landing.parked is not None


def test_where_it_could_not_be_proven_or_come_back_it_is_not_begun(services: Services) -> None:
    services.settings = services.settings.model_copy(update={"archives": None})
    assert "KATO_TENANTS_ARCHIVES" in services.parking.plan(ACME).in_the_way[0]


def test_of_one_that_never_was_the_same_is_said_as_of_one_out_of_scope(services: Services) -> None:
    with pytest.raises(ParkingRefused, match="there is no such job"):
        services.parking.job("none")
