"""What stays of an ended purge in the records: hashes, later looks, and no name that may not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from hypothesis import given, settings, strategies as st

from services.audit_log.chain import LogKeys
from services.errors import Problem, PurgeRefused
from services.figures import Measure
from services.isolation.about import these
from services.isolation.audit import IsolationService
from services.isolation.facts import VectorFacts
from services.isolation.models import Audit, Finding, RuleResult, RuleState
from services.isolation.ports import FactSources
from services.isolation.rules import RULES
from services.isolation.severity import Severity
from services.jobs.looks import LookBook, LookWork
from services.jobs.models import JobState, Progress
from services.jobs.service import JobsService
from services.purge.job import Job, LaterLook, Outcome, Tombstone
from services.purge.models import Item, Plan, Surface
from services.purge.steps import StepName
from services.stores.absent import absent
from services.stores.records.findings import FindingBook
from services.stores.records.jobs.jobs import JobBook
from services.stores.records.purges.jobs import PurgeJobs
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.names import Confirmation
from tests.servers.purger import (
    HOUR,
    LATER,
    NOW,
    SOON,
    begun,
    check_of,
    found_of,
    leased,
    plan_for,
)
from tests.servers.records import Records
from tests.unit.isolation.fleets_seen import fleet

NODE, OTHER = "tenant:acme:user:marker-node", "tenant:globex:user:hank"
SESSION = "session-marker-session-1"
SAMPLE = "acme_kato:symbol:marker-sample@example.org"
SAID = "marker-said: ended the session of somebody"
MARKERS = ("marker-node", "marker-session", "marker-sample", "marker-said", "marker-blocker")


@pytest.fixture
def jobs(records: Records) -> PurgeJobs:
    return records.jobs()


def telling_plan() -> Plan:
    """A plan with every name that may be in one."""
    return replace(
        plan_for(),
        surface=Surface(
            frozenset({"acme_kato"}), nodes=frozenset({NODE}), sessions=((SESSION, NODE),)
        ),
        items=(
            Item(Measure.KEYS, "acme_kato", "symbols", 3, 70, (SAMPLE,), "UNLINK"),
            Item(Measure.SESSIONS, NODE, "session", 1, 90, (SESSION,), "KATO's API"),
        ),
        blockers=("marker-blocker",),
    )


def telling_job(jobs: PurgeJobs) -> tuple[Job, int]:
    """Begin a purge by that plan, and run it nearly to its end."""
    plan = telling_plan()
    jobs.keep_plan(plan, expires_at=HOUR)
    jobs.keep_plan(replace(plan, digest="e" * 64), expires_at=HOUR)
    jobs.keep_plan(plan_for("globex", digest="f" * 64), expires_at=HOUR)
    looked_at(jobs, NODE), looked_at(jobs, OTHER)
    steps = (StepName.CHECK, StepName.SESSIONS, StepName.VERIFY)
    job = jobs.begin(plan, asked_by="ann", reason="R-1", names=["a"], steps=steps, at=NOW)
    lease = leased(jobs, job)
    found = {
        "items": [["keys", "acme_kato", "symbols", 3], ["sessions", NODE, "session", 1]],
        "problems": {"sessions": "no answer"}, "blockers": ["marker-blocker"],
        "sessions": {SESSION: NODE}, "newer": {"nodes": [NODE], NODE: [SESSION, 7, None]},
    }  # fmt: skip
    jobs.end_step(job.id, StepName.CHECK, SOON, lease=lease, result=found)
    jobs.end_step(
        job.id, StepName.SESSIONS, SOON, lease=lease, result={"ended": 1}, error=Problem(SAID)
    )
    jobs.say(job.id, Progress(SAID, 1, 2), lease=lease)
    jobs.pause(job.id, JobState.FAILED, SAID, lease=lease)
    jobs.resume(job.id)
    return job, leased(jobs, job)


def looked_at(jobs: PurgeJobs, node: str) -> None:
    """Have a plan of something else that names a node, made in the background."""
    book = JobBook(jobs._engine)
    plan = {"kb_id": "acme_kato", "nodes": [node], "why": SESSION if node == NODE else ""}
    work = JobsService(book, {"plan": lambda job: LookWork(book, job, lambda *_: plan)})
    work.run_here(LookBook("plan", work, dict).ask({"node": node}, by="ann").id)


def looks_in(jobs: PurgeJobs) -> set[str]:
    return {str(each.plan["node"]) for each in JobBook(jobs._engine).all("plan")}


def end(jobs: PurgeJobs, job: Job, lease: int, *, forget: tuple[str, ...]) -> None:
    stone = Tombstone("acme_kato", "tenant/acme", job.id, LATER)
    jobs.end(job.id, Outcome.ERASED, "{}", LATER, (stone,), lease=lease, forget=forget)


def test_a_word_goes_with_its_kb_id_where_no_node_id_does(
    records: Records, jobs: PurgeJobs
) -> None:
    """It is said of a kb_id whose node_id nobody knows; every process hears that it is gone."""
    state = records.state()
    state.confirm([Confirmation("acme_kato", TenantKey("tenant", "acme"), "ann", NOW, "ticket")])
    version = state.nodes_version()
    job = begun(jobs)
    end(jobs, job, leased(jobs, job), forget=())
    assert state.confirmations() == ()
    assert state.nodes_version() != version


def test_an_erased_target_is_forgotten(records: Records, jobs: PurgeJobs) -> None:
    """Its node_ids, sessions and plans, and nobody else's; what the receipt goes by stays."""
    state, other = records.state(), records.jobs()
    state.record_nodes({NODE: "session", OTHER: "session"}, NOW)
    state.confirm(
        Confirmation(kb_id, TenantKey("tenant", "acme"), "ann", NOW, "ticket")
        for kb_id in ("acme_kato", "others_kato")
    )
    version = state.nodes_version()
    job, lease = telling_job(jobs)
    assert found_of(other, job.id).plan.surface.nodes == {NODE}
    end(jobs, job, lease, forget=(NODE,))
    assert [node.node_id for node in state.nodes()] == [OTHER]
    assert [word.kb_id for word in state.confirmations()] == ["others_kato"]
    assert state.nodes_version() != version
    assert jobs.plan("d" * 64) is jobs.plan("e" * 64) is None
    assert looks_in(jobs) == {OTHER}
    assert jobs.plan("f" * 64) == plan_for("globex", digest="f" * 64)
    for each in (jobs, other, records.jobs()):
        ended = found_of(each, job.id)
        assert ended.plan.surface == Surface(frozenset({"acme_kato"}))
        assert (ended.plan.request, ended.plan.digest) == (job.plan.request, job.plan.digest)
        keys, session = ended.plan.items
        assert (keys.owner, keys.count, keys.samples) == ("acme_kato", 3, ())
        assert (session.owner[:5], session.count) == ("node:", 1)
        found = check_of(each, job.id).result
        assert found["items"] == [
            ["keys", "acme_kato", "symbols", 3], ["sessions", session.owner, "session", 1]
        ]  # fmt: skip
        assert (found["blockers"], found["problems"]) == ([], {"sessions": "no answer"})
        assert "sessions" not in found
        assert found["newer"]["nodes"] == [session.owner]
        assert (ended.problem, ended.progress) == ("", Progress(""))
        assert {step.error for step in ended.steps} == {None}


def test_findings_do_not_name_what_is_forgotten(records: Records, jobs: PurgeJobs) -> None:
    """Neither as a sample nor in their words, whether they are resolved or not."""
    book = FindingBook(records.engine())

    def finding(subject: str, what: str, *nodes: str) -> Finding:
        evidence = {"node_ids": nodes, "nodes": these(2)}
        return Finding("orphan.sessions", subject, Severity.LOW, what, evidence=evidence)

    found = (
        finding("idle", f"{NODE} and {OTHER} have no data.", NODE, OTHER),
        finding(NODE, "has a name that is not safe."),
        finding("others", f"{OTHER} has no data.", OTHER, "n"),
    )
    snapshot = fleet(NODE).snapshot
    result = RuleResult(RULES[0], RuleState.FOUND, found)
    book.keep(Audit(NOW, snapshot, (result,), {}, 1.0))
    job, lease = telling_job(jobs)
    end(jobs, job, lease, forget=(NODE, "n", "evidence", "code", "low", "these"))
    report = book.report()
    assert report is not None
    left = {record.finding.subject: record.finding for record in report.records}
    assert set(left) == {"idle", "others"}
    word = left["idle"].evidence["node_ids"][0]  # type: ignore[index]
    assert left["idle"].what == f"{word} and {OTHER} have no data."
    assert left["idle"].evidence["node_ids"] == (word, OTHER)
    assert left["others"].what == found[2].what
    assert left["others"].severity is Severity.LOW  # a word of ours, whoever is called so
    assert left["others"].evidence["nodes"] == these(2)
    assert left["others"].evidence["node_ids"][0] == OTHER  # type: ignore[index]
    assert left["others"].evidence["node_ids"][1].startswith("node:")  # type: ignore[index,union-attr]
    assert left_in(records) == set()


def test_the_audit_finds_what_came_back_by_its_hash(jobs: PurgeJobs) -> None:
    """It asks with the kb_ids that are there; how many were purged it knows without their names."""
    kb_id = kb_id_of(NODE)
    job = begun(jobs, "a")
    stones = [Tombstone(name, "tenant/acme", job.id, LATER) for name in (kb_id, "gone_kato")]
    jobs.end(job.id, Outcome.ERASED, "{}", LATER, stones, lease=leased(jobs, job))
    seen = fleet(NODE, patterns={kb_id: 3})
    nothing = absent("a store", "A_VARIABLE")
    taken = VectorFacts(full_snapshots={"full-1": None})
    isolation = IsolationService(
        rules=RULES, sources=FactSources(nothing, nothing, Mock(facts=lambda: taken), nothing),
        book=Mock(), collect=Mock(), ownership=lambda: seen.ownership, tombstones=jobs.tombstones,
        deadline=30, interval=timedelta(hours=1), embedded=True,
    )  # fmt: skip
    found = {each.code: each for each in isolation.look(seen.snapshot).findings}
    assert found["resurrected.kb-id"].subject == kb_id
    assert found["orphan.snapshots"].evidence["purged kb_ids"] == 2


def test_what_was_not_erased_is_remembered(records: Records, jobs: PurgeJobs) -> None:
    """Whoever looks into it later needs the names; but samples are kept of nothing."""
    records.state().record_nodes({NODE: "session"}, NOW)
    job, lease = telling_job(jobs)
    end(jobs, job, lease, forget=())
    ended = found_of(records.jobs(), job.id)
    assert ended.plan.surface == telling_plan().surface
    assert check_of(jobs, job.id).result["sessions"] == {SESSION: NODE}
    assert len(records.state().nodes()) == 1
    assert jobs.plan("d" * 64) is not None
    assert looks_in(jobs) == {NODE, OTHER}


def test_a_node_that_is_a_kb_id_stays_as_that(jobs: PurgeJobs) -> None:
    """In the guide layout they are one name, and the receipt goes by it."""
    plan = replace(
        telling_plan(),
        surface=Surface(frozenset({NODE}), nodes=frozenset({NODE})),
        items=(Item(Measure.KEYS, NODE, "symbols", 3), Item(Measure.SESSIONS, NODE, "session", 1)),
    )
    job = jobs.begin(plan, asked_by="", reason="", names=["a"], steps=(StepName.CHECK,), at=NOW)
    end(jobs, job, leased(jobs, job), forget=(NODE,))
    keys, session = found_of(jobs, job.id).plan.items
    assert keys.owner == NODE
    assert session.owner.startswith("node:")


def test_no_byte_of_what_is_forgotten_is_left(records: Records, jobs: PurgeJobs) -> None:
    """Not in SQLite's file, its log or its free pages; not in a dump of PostgreSQL."""
    records.state().record_nodes({NODE: "session", OTHER: "session"}, NOW)
    for _ in range(3):  # so that pages are freed, and used again
        job, lease = telling_job(jobs)
        end(jobs, job, lease, forget=())
    job, lease = telling_job(jobs)
    assert left_in(records) >= {"marker-node", "marker-session"}
    assert "marker-sample" not in left_in(records)
    for each in jobs.all():
        if each.state is JobState.ENDED:
            erase_job(records, each.id)
    end(jobs, job, lease, forget=(NODE,))
    assert left_in(records) == set()
    assert OTHER.encode() in records.everything() or OTHER.encode().hex() in records.dump()


def erase_job(records: Records, job_id: str) -> None:
    """Remove a job, as only a test does."""
    with records.engine().begin() as connection:
        for table, column in (("tombstone", "job"), ("job_step", "job"), ("job", "id")):
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE {column} = '{job_id}'")


def left_in(records: Records) -> set[str]:
    """Return the markers that are anywhere in the records, as text or as bytes."""
    raw, text = records.everything(), records.dump()
    return {
        marker
        for marker in MARKERS
        if marker.encode() in raw or marker in text or marker.encode().hex() in text
    }


def test_a_reader_does_not_keep_what_is_forgotten(tmp_path: Path) -> None:
    """SQLite's log is cut later then: by whoever cleans up next."""
    records = Records(tmp_path, None)
    jobs = PurgeJobs(records.engine(seconds=0.2))
    job, lease = telling_job(jobs)
    reader = records.engine().connect()
    reader.exec_driver_sql("SELECT * FROM job").fetchall()
    end(jobs, job, lease, forget=(NODE,))
    assert "marker-node" in left_in(records)
    reader.close()
    jobs.drop_plans(NOW)
    assert left_in(records) == set()
    records.close()


def test_a_tombstone_does_not_tell_its_kb_id(records: Records, jobs: PurgeJobs) -> None:
    """Whoever knows one may ask for it; all of them come without."""
    job = begun(jobs, "a")
    stones = [Tombstone(f"kb-{n}_kato", "tenant/acme", job.id, LATER) for n in range(1_200)]
    jobs.end(job.id, Outcome.ERASED, "{}", LATER, stones, lease=leased(jobs, job))
    other = records.jobs()
    assert set(other.tombstones(stone.kb_id for stone in stones)) == set(stones)
    assert other.tombstones(["kb-7_kato", "kb-7_kat", "KB-7_KATO", ""]) == (stones[7],)
    assert other.tombstones([]) == ()
    assert other.tombstones() == (Tombstone("", "tenant/acme", job.id, LATER),) * 1_200
    assert b"kb-7_kato" not in records.everything()
    assert "kb-7_kato" not in records.dump()


def test_the_newest_tombstone_of_a_kb_id_counts(jobs: PurgeJobs) -> None:
    """Even where the older one comes last."""
    new, old = begun(jobs, "a"), begun(jobs, "b")
    for job, at in ((new, LATER), (old, SOON)):
        stone = Tombstone("acme_kato", "tenant/acme", job.id, at)
        jobs.end(job.id, Outcome.ERASED, "{}", at, (stone,), lease=leased(jobs, job))
    for found in (jobs.tombstones(["acme_kato"]), jobs.tombstones()):
        assert [(stone.job_id, stone.erased_at) for stone in found] == [(new.id, LATER)]


def test_tombstones_outlive_the_keys_of_the_log(records: Records) -> None:
    """One of before there was a key, or of a retired one, is found, and the newest counts."""
    first, second = "k" * 32, "l" * 32
    ids = []
    for number, keys in enumerate([(), (first,), (second, first)]):
        jobs = PurgeJobs(records.engine(), LogKeys(keys))
        job = begun(jobs, f"{number}")
        at = LATER + timedelta(minutes=number)
        stones = [Tombstone(name, "t", job.id, at) for name in ("same_kato", f"{number}_kato")]
        jobs.end(job.id, Outcome.ERASED, "{}", at, stones, lease=leased(jobs, job))
        ids.append(job.id)
    found = PurgeJobs(records.engine(), LogKeys((second, first))).tombstones(
        ["same_kato", "0_kato", "1_kato", "2_kato"]
    )
    assert {(stone.kb_id, stone.job_id) for stone in found} == {
        ("0_kato", ids[0]), ("1_kato", ids[1]), ("2_kato", ids[2]), ("same_kato", ids[2])
    }  # fmt: skip
    (without,) = PurgeJobs(records.engine()).tombstones(["0_kato", "1_kato"])
    assert without.kb_id == "0_kato"


def test_every_process_has_the_same_key_of_its_own(records: Records) -> None:
    first, second = records.jobs(), records.jobs()
    job = begun(first, "a")
    stone = Tombstone("bad\udcff\0", "t", job.id, LATER)
    first.end(job.id, Outcome.ERASED, "{}", LATER, (stone,), lease=leased(first, job))
    assert second.tombstones(["bad\udcff\0", "bad"]) == (stone,)


def test_any_two_names_have_two_hashes(jobs: PurgeJobs) -> None:
    """Whatever their bytes."""

    @settings(max_examples=20)
    @given(st.sets(st.binary(max_size=6), min_size=2, max_size=5))
    def check(raw: set[bytes]) -> None:
        erased, *others = [r.decode("utf-8", "surrogateescape") for r in sorted(raw)]
        job = begun(jobs, "a")
        stone = Tombstone(erased, "t", job.id, LATER)
        jobs.end(job.id, Outcome.ERASED, "{}", LATER, (stone,), lease=leased(jobs, job))
        mine = [each for each in jobs.tombstones([erased, *others]) if each.job_id == job.id]
        assert [each.kb_id for each in mine] in ([erased], [])
        assert jobs.tombstones([erased])
        kept.add(erased)
        assert {each.kb_id for each in jobs.tombstones(others)} == kept & set(others)

    kept: set[str] = set()
    check()


def test_later_looks_at_what_was_erased(records: Records, jobs: PurgeJobs) -> None:
    """One that found what the last found moves that; another dashboard's older one is none."""
    job = begun(jobs, "a")
    with pytest.raises(PurgeRefused, match=job.id):
        jobs.note_look(job.id, LaterLook(NOW, 0))
    jobs.end(job.id, Outcome.ERASED, "{}", NOW, (), lease=leased(jobs, job))
    assert jobs.later_looks(job.id) == ()
    for minute, back in ((1, 0), (2, 0), (3, 2), (2, 5), (4, 2), (5, 0)):
        jobs.note_look(job.id, LaterLook(NOW + timedelta(minutes=minute), back))
    minutes = [NOW + timedelta(minutes=minute) for minute in range(6)]
    assert records.jobs().later_looks(job.id) == (
        LaterLook(minutes[2], 0, minutes[1]),
        LaterLook(minutes[4], 2, minutes[3]),
        LaterLook(minutes[5], 0, minutes[5]),
    )
    assert jobs.later_looks("none") == ()
    asked = LaterLook(minutes[5] + timedelta(seconds=1), 0, asked_by="ann", tenants={})
    later = LaterLook(minutes[5] + timedelta(minutes=9), 0)
    for look in (asked, later):  # what somebody asked for stays with its own time
        jobs.note_look(job.id, look)
    assert records.jobs().later_looks(job.id)[-2:] == (
        replace(asked, first_at=asked.at), replace(later, first_at=later.at)
    )  # fmt: skip


def test_an_end_is_not_logged_until_it_is(records: Records, jobs: PurgeJobs) -> None:
    """A job that runs has none; whoever logs it says so once."""
    late, early, running = begun(jobs, "a"), begun(jobs, "b"), begun(jobs, "c")
    for job, at in ((late, LATER), (early, SOON)):
        jobs.end(job.id, Outcome.PARTIAL, json.dumps({}), at, (), lease=leased(jobs, job))
    other = records.jobs()
    assert [job.id for job in other.unlogged(HOUR)] == [early.id, late.id]
    assert [job.id for job in other.unlogged(LATER)] == [early.id]
    assert running.id not in {job.id for job in other.unlogged(HOUR)}
    for _ in range(2):
        jobs.logged(early.id)
    assert [job.id for job in other.unlogged(HOUR)] == [late.id]
