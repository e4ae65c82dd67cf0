"""What each condition sees in what was collected, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from services.access.viewer import TenantPattern
from services.alerts import conditions as module, records
from services.alerts.conditions import conditions
from services.alerts.growth import FEWEST, LEAST, Growth, Past
from services.alerts.look import Chain, Look
from services.alerts.models import ShownTo, Verdict
from services.alerts.past_days import PastDays
from services.alerts.words import TODO, line_of
from services.audit_log.models import State, Verification
from services.errors import Fault, Problem
from services.figures import Amount, Measure, Precision, StoreState
from services.history.models import FLEET, Figure, Holder, OwnerKind
from services.history.read import Then
from services.isolation.about import About, Fact
from services.isolation.confined import scope_of_finding, sees_finding
from services.isolation.models import Acceptance, Finding, Record, Report
from services.isolation.severity import Severity
from services.jobs.models import Job as OtherJob, JobState, Step as OtherStep, StepState
from services.limits.models import Standing, Standings, State as LimitState
from services.purge.job import Outcome, Tombstone
from services.purge.steps import Step, StepName
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot, StoreFigures
from services.usage.vector_cluster import (
    ACTIVE,
    Peer,
    Placement,
    Replica,
    Shard,
    VectorCluster,
)
from tests.servers.purger import plan_for
from tests.unit.access.desks import ACME_KB, ACME_NODE, JOB, ZED_NODE
from tests.unit.alerts.worlds import ACME, MINUTE, NOW, ZED, alert
from tests.unit.isolation.fleets_seen import fleet

SEEN = fleet(ACME_NODE, ZED_NODE, patterns={ACME_KB: 3})
TABLE = conditions()
GONE = Problem("down", "redis", Fault.UNAVAILABLE)
DAY = timedelta(days=1)


def look(**more: object) -> Look:
    nothing: dict[str, object] = {
        "now": NOW, "since": NOW - DAY, "ownership": SEEN.ownership,
        "snapshot": replace(SEEN.snapshot, collected_at=NOW), "report": GONE, "jobs": (),
        "back": (), "chain": Chain(verified=Verification(State.OK)), "growth": {},
        "standings": Standings(), "coming": (),
    }  # fmt: skip
    return Look(**{**nothing, **more})  # type: ignore[arg-type]


def seen(code: str, **more: object) -> Verdict:
    found = TABLE[code].look(look(**more))
    for each in found.seen:  # what it sees can be said
        one = alert(code=code, tenants=each.tenants, facts=each.facts)
        assert line_of(one)
    return found


def subjects(verdict: Verdict) -> list[str]:
    return [each.subject for each in verdict.seen]


def snapshot(**stores: object) -> Snapshot:
    figures = dict(SEEN.snapshot.stores)
    for name, changes in stores.items():
        figures[Measure(name)] = replace(figures[Measure(name)], **changes)  # type: ignore[arg-type]
    return replace(SEEN.snapshot, collected_at=NOW, stores=figures)


def test_each_has_its_page() -> None:
    """Which says what it is, since when it fires, when it is over, and what to do."""
    pages = Path(__file__).parents[3] / "docs" / "alerts"
    assert {page.stem for page in pages.glob("*.md")} == {"README", *TABLE}
    listed = (pages / "README.md").read_text()
    for code, condition in TABLE.items():
        text = (pages / f"{code}.md").read_text()
        assert condition.title in text
        assert f"]({code}.md)" in listed
        assert TODO[code]


def test_what_cannot_be_read_is_unknown() -> None:
    """And then nothing is over."""
    for code in TABLE.keys() - {"snapshot_old"}:
        all_gone = dict.fromkeys(
            (
                "snapshot",
                "report",
                "jobs",
                "back",
                "chain",
                "growth",
                "standings",
                "coming",
                "retention",
                "backups",
            ),
            GONE,
        )
        assert seen(code, **all_gone).unknown is not None, code
        assert not seen(code, **all_gone).seen


def test_a_store_that_does_not_answer() -> None:
    """One alert a store, whatever it has; one that is not configured or not read yet is none."""
    down = {"state": StoreState.UNKNOWN, "reason": GONE, "total": None}
    found = seen("store_unknown", snapshot=snapshot(keys=down, sessions=down))
    assert subjects(found) == ["redis"]
    assert found.seen[0].facts == {"store": "redis", "fault": "did not answer"}
    absent = snapshot(keys={"state": StoreState.NOT_CONFIGURED, "total": None})
    assert seen("store_unknown", snapshot=absent) == Verdict()
    reading = snapshot(keys={**down, "precision": Precision.RUNNING})
    assert seen("store_unknown", snapshot=reading).seen == ()
    kato = replace(snapshot(), kato_failing_since=NOW, kato_problem=GONE)
    assert subjects(seen("store_unknown", snapshot=kato)) == ["kato"]


def test_sums_that_are_off() -> None:
    off = snapshot(patterns={"difference": Amount(-2, 0)})
    assert subjects(seen("conservation", snapshot=off)) == ["patterns"]
    bytes_only = snapshot(patterns={"difference": Amount(0, 7)})
    assert seen("conservation", snapshot=bytes_only).seen == ()
    for precision, told in ((Precision.SAMPLED, ["keys"]), (Precision.ESTIMATE, [])):
        figures = {"difference": Amount(9, 0), "precision": precision}
        assert subjects(seen("conservation", snapshot=snapshot(keys=figures))) == told


def test_replicas_that_miss_what_is_written() -> None:
    """One alert a peer; what is being filled is none, and unknown vectors resolve nothing."""
    shards = (
        Shard(0, None, (Replica(1, ACTIVE), Replica(2, "Dead"))),
        Shard(1, None, (Replica(2, "ManualRecovery"), Replica(3, "Partial"))),
    )
    peers = (Peer(1), Peer(2, "http://q-1:6335/"), Peer(3))
    ailing = VectorCluster(peers, (Placement("c", shards),))
    (found,) = seen("replica_dead", snapshot=replace(snapshot(), vector_cluster=ailing)).seen
    assert found.facts == {"peer": "peer 2 (http://q-1:6335/)", "replicas": 2}
    well = replace(snapshot(), vector_cluster=VectorCluster(peers))
    assert seen("replica_dead", snapshot=well) == Verdict()
    gone = StoreFigures(Measure.VECTORS, StoreState.UNKNOWN, None, GONE)
    stores = {**snapshot().stores, Measure.VECTORS: gone}
    assert seen("replica_dead", snapshot=replace(snapshot(), stores=stores)).unknown == GONE


def test_figures_that_are_old() -> None:
    """Or that never came, since the dashboard began."""
    assert not seen("snapshot_old").seen
    old = replace(snapshot(), collected_at=NOW - 20 * MINUTE)
    assert seen("snapshot_old", snapshot=old).seen[0].facts == {"minutes": 20, "ever": 1}
    assert seen("snapshot_old", snapshot=GONE).seen[0].facts == {"minutes": 1440, "ever": 0}
    assert not seen("snapshot_old", snapshot=GONE, since=NOW).seen


def finding(**more: object) -> Finding:
    made = Finding("orphan.rows", "x", Severity.HIGH, "what", (ACME,), (ACME_KB,))
    return replace(made, **more)  # type: ignore[arg-type]


def test_grave_findings_that_nobody_accepted() -> None:
    grave, mild = finding(), finding(subject="y", severity=Severity.MEDIUM)
    accepted = Record(finding(subject="z"), NOW, NOW, acceptance=Acceptance("ann", "ok", NOW))
    report = Report(NOW, 1.0, 1, (), (Record(grave, NOW, NOW), Record(mild, NOW, NOW), accepted))
    (found,) = seen("finding", report=report).seen
    assert (found.subject, found.tenants, found.concerns) == (grave.id, (ACME,), (ACME,))
    fleet_wide = replace(report, records=(Record(finding(code="exposure.tls"), NOW, NOW),))
    assert seen("finding", report=fleet_wide).seen[0].concerns is None


@given(st.sampled_from([(ACME,), (ZED,), (ACME, ZED), ()]),
       st.sampled_from([ACME_NODE, ZED_NODE, "unheard"]), st.booleans())  # fmt: skip
def test_a_route_is_told_of_a_finding_where_a_viewer_may_see_it(
    tenants: tuple[object, ...], node: str, bare: bool
) -> None:
    """Neither more nor less, whatever its evidence names."""
    evidence = {"nodes": node if bare else Fact(node, About.NODES)}
    one = finding(tenants=tenants, kb_ids=(), evidence=evidence)
    needed = scope_of_finding(one, SEEN.ownership)
    from tests.unit.access.desks import VIEWER, viewer_of

    for scope in ("tenant/acme", "tenant/zed", "tenant/*", "org/*"):
        viewer = viewer_of(VIEWER, scope)
        told = needed is not None and viewer.sees_each(needed)
        assert told == sees_finding(one, viewer, SEEN.ownership), scope


def test_data_that_is_back() -> None:
    """One alert a purge and tenant, which says how many kb_ids."""
    stones = (
        Tombstone(ACME_KB, "tenant/acme", "j1", NOW), Tombstone("b", "tenant/acme", "j1", NOW),
        Tombstone("c", "the user ann", "j2", NOW),
    )  # fmt: skip
    one, two = seen("purge_back", back=stones).seen
    assert (one.facts, one.tenants) == ({"purge": "j1", "kb_ids": 2}, (ACME,))
    assert one.concerns is not None
    assert ACME in one.concerns
    assert (two.tenants, two.concerns) == ((), None)


def test_a_purge_that_left_something() -> None:
    """Until it was purged whole, or for a week."""
    ended = replace(JOB, state=JobState.ENDED, outcome=Outcome.PARTIAL, ended_at=NOW - DAY)
    assert [each.severity for each in seen("purge_outcome", jobs=(ended,)).seen] == [Severity.HIGH]
    mild = replace(ended, outcome=Outcome.ERASED_EXCEPT)
    assert seen("purge_outcome", jobs=(mild,)).seen[0].severity is Severity.LOW
    whole = replace(ended, id="j2", outcome=Outcome.ERASED, ended_at=NOW)
    assert not seen("purge_outcome", jobs=(ended, whole)).seen
    before = replace(whole, ended_at=NOW - 2 * DAY)
    assert seen("purge_outcome", jobs=(ended, before)).seen
    others = replace(whole, plan=plan_for("globex"))
    assert seen("purge_outcome", jobs=(ended, others)).seen
    assert not seen("purge_outcome", jobs=(replace(ended, ended_at=NOW - 8 * DAY),)).seen


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"state": JobState.FAILED}, "failed"),
        ({"state": JobState.STOPPED, "created_at": NOW - 2 * DAY}, "stopped"),
        ({"state": JobState.STOPPED}, ""),
        ({}, ""),
        ({"created_at": NOW - 11 * MINUTE}, "unclaimed"),
        ({"owner": "x", "leased_until": NOW - 11 * MINUTE}, "unclaimed"),
        ({"owner": "x", "leased_until": NOW, "created_at": NOW - DAY}, ""),
        ({"owner": "x", "leased_until": NOW, "steps": (
            Step(StepName.KEYS, StepState.STARTED, NOW - timedelta(hours=7)),)}, "slow"),
        ({"state": JobState.ENDED, "created_at": NOW - DAY}, ""),
    ],
)  # fmt: skip
def test_a_job_that_does_not_go_on(changes: dict[str, object], why: str) -> None:
    job = replace(JOB, **{"state": JobState.RUNNING, "created_at": NOW, **changes})  # type: ignore[arg-type]
    assert records.why_stuck(job, NOW) == why
    assert bool(seen("job_stuck", jobs=(job,)).seen) == bool(why)
    step = tuple(OtherStep("write", each.state, each.started_at) for each in job.steps)
    other = OtherJob("j2", "restore", {}, "ann", "", job.created_at, job.state,
                     owner=job.owner, leased_until=job.leased_until, steps=step)  # fmt: skip
    found = seen("job_stuck", others=(other,)).seen
    told = [(each.facts, each.tenants, each.concerns) for each in found]
    assert told == ([({"job": "j2", "kind": "restore", "why": why}, (), None)] if why else [])


def test_a_look_that_fails_holds_nobody_and_jobs_that_are_unread_are_unknown() -> None:
    look = OtherJob(
        "j3", "plan restore", {}, "ann", "", NOW, JobState.FAILED, steps=(OtherStep("look"),)
    )
    swept = replace(look, kind="retention", steps=(OtherStep("keys"),))
    assert seen("job_stuck", others=(look, swept)) == Verdict()
    assert seen(
        "job_stuck", others=(replace(swept, created_at=NOW - DAY, state=JobState.RUNNING),)
    ).seen
    assert seen("job_stuck", others=GONE).unknown == GONE


def test_a_log_that_is_not_as_it_was_written() -> None:
    broken = Verification(State.BROKEN, bad=7)
    for chain in (Chain(7), Chain(verified=broken), Chain(7, Verification(State.OK))):
        assert seen("log_broken", chain=chain).seen[0].facts == {"entry": 7}
    for state in (State.OK, State.UNANCHORED):
        assert seen("log_broken", chain=Chain(verified=Verification(state))) == Verdict()
    for chain in (Chain(), Chain(verified=Verification(State.UNCHECKED))):
        assert seen("log_broken", chain=chain).unknown is not None


def test_a_tenant_that_is_near_or_over_a_limit() -> None:
    """By the state that it has to come back from; what is not known ends nothing."""

    def standing(state: LimitState, tenant: TenantKey = ACME) -> Standing:
        rule, used = TenantPattern.parse("*"), Figure(12)
        return Standing(tenant, "patterns", used, 10, rule, state, state, reason=GONE)

    both = Standings((standing(LimitState.OVER), standing(LimitState.NEAR, ZED)))
    (over,) = seen("limit_over", standings=both).seen
    assert (over.concerns, over.facts) == (
        (ACME,), {"quantity": "patterns", "used": 12, "most": 10}
    )  # fmt: skip
    assert [each.concerns for each in seen("limit_near", standings=both).seen] == [(ZED,)]
    assert seen("limit_near", standings=Standings((standing(LimitState.UNDER),))) == Verdict()
    unknown = Standings((standing(LimitState.UNKNOWN), standing(LimitState.OVER, ZED)))
    assert seen("limit_over", standings=unknown).unknown == GONE
    assert len(seen("limit_over", standings=unknown).seen) == 1


def test_a_tenant_that_grew() -> None:
    grown = {ACME: (Growth("keys", 10_000, 5_000, 3),), ZED: (Growth("patterns", 0, 200, 0),)}
    found = seen("growth", growth=grown).seen
    assert [each.concerns for each in found] == [(ACME,), (ZED,)]
    assert found[0].facts == {"keys": 5_000, "keys_before": 10_000, "keys_usual": 3}
    assert module.conditions()["growth"].shown_to is ShownTo.TENANTS
    down = snapshot(keys={"state": StoreState.UNKNOWN, "reason": GONE, "total": None})
    assert seen("growth", snapshot=down).unknown == GONE


changes = st.lists(st.integers(-300, 300), min_size=FEWEST, max_size=20)


@given(changes, st.integers(0, 10**6), st.sampled_from(sorted(LEAST)))
def test_what_is_as_on_any_day_is_no_surprise(deltas: list[int], start: int, what: str) -> None:
    """Of a day like the others, however they are ordered, nothing is said."""
    ends = [start + 300 * len(deltas)]
    for delta in deltas:
        ends.append(ends[-1] + delta)
    past = Past.of(what, ends)
    assert past.usual is not None
    usual = round(past.usual.usual)
    assert past.usual.growth(what, ends[-1] + usual) is None
    beyond = ends[-1] + usual + int(past.usual.most) + 2
    assert past.usual.growth(what, beyond) is not None
    one_odd = Past.of(what, [*ends, ends[-1] + 10**9, ends[-1] + 10**9])
    assert one_odd.usual is not None
    assert one_odd.usual.usual <= 300


def test_a_growth_is_seen_until_a_day_has_passed() -> None:
    """And of too few days, or where the last is not known, nothing is said."""
    even = [1_000 + 10 * day for day in range(10)]
    assert Past.of("patterns", even).growth("patterns", 3_000) == Growth(
        "patterns", 1_090, 1_910, 10
    )
    yesterday = Past.of("patterns", [*even, 3_000])
    assert yesterday.growth("patterns", 3_001) == Growth("patterns", 1_090, 1_910, 10)
    assert Past.of("patterns", [*even, 3_000, 3_010]).growth("patterns", 3_020) is None
    for ends in (even[:FEWEST], [*even, None, None], []):
        assert Past.of("patterns", ends).growth("patterns", 10**9) is None


def test_days_before_are_read_once_a_day() -> None:
    """Who was not there then grew from nothing, and of that nothing is usual."""
    asked = []

    def at(moment: object) -> Then:
        asked.append(moment)
        known = {"patterns": "", "keys": "", "keys_bytes": "", "vectors": "down"}
        holders = {Holder(OwnerKind.TENANT, "tenant/acme"): {"patterns": Figure(5)},
                   FLEET: {"patterns": Figure(10**6)}}  # fmt: skip
        return Then(NOW, holders, known)

    past, now = PastDays(at), replace(SEEN.snapshot, collected_at=NOW)
    assert past.growth(now) == {}
    acme = now.tenants[0]
    much = replace(acme, usage=replace(acme.usage, patterns=Amount(500, 0), vectors=Amount(999)))
    new = replace(much, tenant=ZED)
    grown = replace(now, tenants=(much, new))
    assert past.growth(grown) == {ACME: (Growth("patterns", 5, 495, 0),)}
    times = len(asked)
    assert past.growth(replace(grown, collected_at=NOW + timedelta(hours=3))).keys() == {ACME}
    assert len(asked) == times
    past.growth(replace(grown, collected_at=NOW + DAY))
    assert len(asked) == 2 * times
