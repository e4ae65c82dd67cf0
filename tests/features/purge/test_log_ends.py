"""The log has every purge's end, whoever dies in between; until it has, that is shown."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from services import bootstrap
from services.access.gate import Gate
from services.access.viewer import Outcome, Role, TenantPattern, Viewer
from services.audit_log.access import DeskLog
from services.audit_log.anchor import Anchorer
from services.audit_log.chain import LogKeys
from services.audit_log.models import Event, State
from services.audit_log.service import Logbook
from services.jobs.models import JobState
from services.purge.job import Job, Outcome as Came
from services.purge.log_ends import GRACE, add_missing_ends, log_purge, missing_ends
from services.settings.environment import Settings
from services.stores.records.audit_log import LogStore
from services.stores.records.purges.jobs import PurgeJobs
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from tests.servers.forked import run
from tests.servers.logbooks import NobodyApproves
from tests.servers.purger import LATER, NOW, begun, found_of, leased
from tests.servers.records import Records, killed_after_its_line

ANN = Viewer("ann", Role.ADMIN)
SOON = timedelta(minutes=1)
OWNERSHIP = Ownership(["tenant:acme:user:ann"], schemes=NamingSchemes.of(()))
HOLDERS = ("kb/acme_kato", "tenant/acme")
"""Whom the small plan concerns."""


def logbook(records: Records) -> Logbook:
    """The log as one more process would open it."""
    store = LogStore(records.engine(), LogKeys())
    return Logbook(store, Anchorer(store, [], interval=timedelta(minutes=10)))


def events(records: Records) -> list[Event]:
    return [entry.event for entry in logbook(records).export()]


def add(records: Records, *, now: datetime) -> int:
    return add_missing_ends(logbook(records), records.jobs(), now=now)


def ended(jobs: PurgeJobs, name: str = "tenant/acme") -> Job:
    job = begun(jobs, name)
    jobs.end(job.id, Came.PARTIAL, "{}", LATER, (), lease=leased(jobs, job))
    return found_of(jobs, job.id)


def test_who_was_killed_before_the_end_was_logged(records: Records) -> None:
    """The next one adds it, once, and says so; the chain holds."""
    job_id = killed_after_its_line(records.start("tests.servers.purge_ender"))
    assert not events(records)
    assert [job.id for job in records.jobs().unlogged(datetime.now(UTC) + SOON)] == [job_id]
    assert [add(records, now=datetime.now(UTC) + SOON) for _ in range(3)] == [1, 0, 0]
    (event,) = events(records)
    assert (event.who, event.action, event.outcome) == ("ann", "run a purge", Outcome.DONE)
    assert event.tenants == ("tenant/acme",)
    assert job_id in event.target
    assert event.reason.startswith("R-1: added later: it ended on 20")
    assert logbook(records).verify().state is State.UNANCHORED


def test_who_was_killed_between_the_log_and_the_note_of_it(records: Records) -> None:
    """It is logged: nothing is added, and it is asked for no more."""
    jobs = records.jobs()
    job = ended(jobs)

    class Dies:
        def logged(self, job_id: str) -> None:
            raise SystemExit

        unlogged = jobs.unlogged

    with pytest.raises(SystemExit):
        log_purge(logbook(records), Dies(), job)
    assert len(events(records)) == 1
    assert add(records, now=LATER + SOON) == 0
    assert len(events(records)) == 1
    assert jobs.unlogged(LATER + SOON) == ()


def test_of_many_that_add_it_at_once_one_does(records: Records) -> None:
    """Four dashboards that start together."""
    for number in range(5):
        ended(records.jobs(), f"tenant/{number}")
    barrier, added = threading.Barrier(4), list[int]()
    tools = [(logbook(records), records.jobs()) for _ in range(4)]

    def work(log: Logbook, jobs: PurgeJobs) -> None:
        barrier.wait(30)
        added.append(add_missing_ends(log, jobs, now=LATER + SOON))

    threads = [threading.Thread(target=work, args=each) for each in tools]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(added) == 5
    assert len(events(records)) == 5


def test_an_end_that_was_logged_is_not_added(records: Records) -> None:
    """And one that came just now is left to who runs the job."""
    jobs = records.jobs()
    job = ended(jobs)
    assert add(records, now=LATER + GRACE) == 0
    log_purge(logbook(records), jobs, job)
    log_purge(logbook(records), jobs, job)
    (event,) = events(records)
    assert (event.outcome, event.reason) == (Outcome.FAILED, "R-1: partial")
    assert add(records, now=LATER + SOON) == 0


def test_a_job_that_only_stopped_may_stop_again(records: Records) -> None:
    """Each time is logged, and its end besides."""
    jobs = records.jobs()
    job = begun(jobs, "tenant/acme")
    for _ in range(2):
        jobs.pause(job.id, JobState.STOPPED, "", lease=leased(jobs, job))
        log_purge(logbook(records), jobs, found_of(jobs, job.id))
        jobs.resume(job.id)
    jobs.end(job.id, Came.ERASED, "{}", NOW, (), lease=leased(jobs, job))
    log_purge(logbook(records), jobs, found_of(jobs, job.id))
    assert [event.reason for event in events(records)] == ["R-1: stopped", "R-1: stopped", "R-1"]


def desk(records: Records, viewer: Viewer) -> DeskLog:
    log = logbook(records)
    gate = Gate(lambda: viewer, log, NobodyApproves(), lambda: datetime.now(UTC))
    return DeskLog(gate, log, missing=lambda: missing_ends(records.jobs(), lambda: OWNERSHIP))


def test_a_missing_end_is_shown_until_it_is_there(records: Records) -> None:
    """To who may see the purge, and to nobody else."""
    job = ended(records.jobs())
    scope = frozenset(TenantPattern(*name.split("/")) for name in HOLDERS)
    mine = Viewer("bob", Role.SUPPORT, scope=scope)
    others = Viewer("eve", Role.SUPPORT, scope=frozenset({TenantPattern("tenant", "globex")}))
    for viewer, seen in ((ANN, [job.id]), (mine, [job.id]), (others, [])):
        assert [end.job_id for end in desk(records, viewer).missing_ends()] == seen
    (end,) = desk(records, ANN).missing_ends()
    assert (end.who, end.target, end.at) == ("ann", "tenant/acme", LATER)
    add(records, now=LATER + SOON)
    assert desk(records, ANN).missing_ends() == ()


def settings_of(records: Records, **more: object) -> Settings:
    values = {"data": records.data, "state_url": records.url, "state_seconds": 20, **more}
    return Settings.model_validate(values)


def test_a_dashboard_that_starts_adds_it(records: Records) -> None:
    """And removes plans that expired. One that is read-only writes nothing of the kind."""
    ended(records.jobs())
    for read_only, logged in ((True, 0), (False, 1)):
        store = {"clickhouse_host": "127.0.0.1", "clickhouse_port": 1}
        built = bootstrap.build(settings_of(records, read_only=read_only, **store))
        try:
            built.start()
        finally:
            built.close()
        assert len(events(records)) == logged


def test_the_command_shows_it(records: Records) -> None:
    """Among all entries, and not where those of some are asked for."""
    job = ended(records.jobs())
    environment = {"KATO_TENANTS_DATA": str(records.data), "KATO_TENANTS_STATE_SECONDS": "20"}
    if records.url is not None:
        environment["KATO_TENANTS_STATE_URL"] = records.url
    shown = run("log", "show", **environment)
    assert shown.returncode == 0
    line = shown.stdout.splitlines()[0]
    assert job.id in line
    assert "its end is not in the log so far" in line
    assert job.id not in run("log", "show", "--who", "ann", **environment).stdout
