"""A kb_id that two tenants share, taken apart over a whole deployment."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from services import bootstrap
from services.apart import work
from services.apart.errors import ApartRefused
from services.apart.evidence import MARGIN, Why
from services.apart.formats import receipt_of
from services.apart.models import Outcome, Plan, Receipt, Stay, Trust, Words
from services.apart.work import ApartWork, StepName
from services.archive.formats import TypedKey
from services.bootstrap import Services
from services.cards.models import State
from services.embedded.write import rows as writing
from services.embedded.write.dataset import Row
from services.figures import Measure
from services.jobs.models import Job, JobRefused, JobState, Result
from services.settings.environment import Settings
from services.stores.qdrant.apart import PointsApart
from services.stores.redis import apart as keys_apart
from services.stores.redis.typed_content import ContentReader
from tests.features.apart.shared import (
    BEGAN,
    BOTH,
    COLLECTION,
    EARLY,
    FIRST,
    KB,
    SECOND,
    VECTORS,
    WORDS,
    add_vectors,
)  # fmt: skip
from tests.features.purge.fingerprint import Fingerprint
from tests.features.restore.test_restore import prints
from tests.servers.apart_process import go_on
from tests.servers.deployment import Deployment

__all__ = ["prints"]  # a fixture
WHY = "OPS-16"
KILLS = (
    "check", "tell apart", "attach", "copy", "verify", "move sessions", "end sessions",
    "copy the rest", "cut keys", "erase rows", "erase points", "cut over", "drop", "remember",
)  # fmt: skip
STORES = (Measure.SESSIONS, Measure.PATTERNS, Measure.KEYS, Measure.VECTORS)


@pytest.fixture
def services(kato_settings: Settings, kato: Deployment) -> Iterator[Services]:
    add_vectors(kato)
    settings = kato_settings.model_copy(update={"settle_seconds": 0})
    with closing(bootstrap.build(settings)) as found:
        found.usage.collect()
        yield found


def planned(services: Services, words: Words = WORDS) -> Plan:
    plan = services.apart.plan(KB, words)
    assert not plan.obstacles, plan.obstacles
    return plan


def begun(services: Services) -> Job:
    return services.apart.begin(planned(services), by="ada", reason=WHY)


def receipt(job: Job) -> Receipt:
    assert (job.state, job.outcome) == (JobState.ENDED, Outcome.APART), job.problem
    assert job.receipt is not None
    return receipt_of(job.receipt)


def counts(items: Any) -> dict[Any, int]:
    """How much goes or stays of each store."""
    return {store: sum(each.count for each in items if each.store is store) for store in STORES}


def sessions(kato: Deployment) -> dict[str, list[dict[str, Any]]]:
    """The records of sessions by the node_id that they name."""
    client, found = kato.targets.redis, dict[str, list[dict[str, Any]]]()
    assert client is not None
    for key in client.scan_iter(match="kato:session:session-*", count=1000):
        value = json.loads(client.get(key) or b"{}")
        assert key == f"kato:session:{value['session_id']}".encode()
        found.setdefault(value["node_id"], []).append(value)
    return found


def test_without_a_word_sessions_alone_are_told_apart(services: Services) -> None:
    plan = planned(services, Words())
    assert plan.tenants == (FIRST, SECOND)
    assert [share.trust for share in plan.shares] == [Trust.NOBODY, Trust.NOBODY]
    assert [share.since and share.since.replace(microsecond=0) for share in plan.shares] == [
        BEGAN.replace(minute=22, second=53), BEGAN,
    ]  # fmt: skip
    assert counts(plan.goes) == {
        Measure.SESSIONS: 3, Measure.PATTERNS: 0, Measure.KEYS: 0, Measure.VECTORS: 0,
    }  # fmt: skip
    assert counts(plan.stays)[Measure.PATTERNS] == 19
    assert plan.stays[0].why is Why.ANYBODY
    ownership = services.usage.ownership()
    for share in plan.shares:
        assert ownership.tenant_of(share.node_id) == share.tenant
        assert share.kb_id not in ownership.nodes_by_kb
    seen = planned(services, Words(began={SECOND: None}))
    assert seen.shares[1].trust is Trust.FIRST_SEEN
    assert seen.shares[1].began == seen.shares[1].since
    assert counts(seen.goes)[Measure.PATTERNS] == 0  # within the margin
    assert seen.digest != plan.digest
    late = Words(began={SECOND: BEGAN + 2 * MARGIN})  # its oldest session says otherwise
    assert any("was seen before" in each for each in services.apart.plan(KB, late).obstacles)


def test_without_redis_nothing_is_told_and_that_is_said(
    services: Services, kato_settings: Settings
) -> None:
    """And without Qdrant no vectors; neither counts as nothing."""
    del services  # has recorded the node_ids
    lacking = kato_settings.model_copy(update={"redis_url": None, "qdrant_url": None})
    with closing(bootstrap.build(lacking)) as found:
        plan = planned(found)
    assert not plan.goes
    assert {each.why: each.count for each in plan.stays} == {Why.UNCOUNTED: 10, Why.LATE: 9}
    lacking = kato_settings.model_copy(update={"qdrant_url": None})
    with closing(bootstrap.build(lacking)) as found:
        plan = planned(found)
    stays = {each.why: each.count for each in plan.stays if each.store is Measure.PATTERNS}
    assert stays[Why.VECTORS] >= 1  # one would come without what it names
    assert stays[Why.VECTORS] + counts(plan.goes)[Measure.PATTERNS] == 10


def test_what_only_one_could_write_goes_and_nothing_else_changes(
    services: Services, kato: Deployment, prints: Callable[[], Fingerprint]
) -> None:
    before, had = prints(), sessions(kato)
    plan = planned(services)
    assert prints() == before
    first, second = plan.shares
    assert counts(plan.goes)[Measure.PATTERNS] == 10
    assert counts(plan.goes)[Measure.VECTORS] == 2
    assert plan.cost.parts >= 1
    done = receipt(services.apart.run_here(begun(services).id))
    after, new = prints(), frozenset({KB, first.kb_id, second.kb_id})
    assert after.without(new | {""}) == before.without(new | {""})  # bystanders, to the byte
    assert _others(after.keys[""], *done.sessions.values()) == _others(
        before.keys[""], *done.sessions
    )
    assert (len(after.rows[first.kb_id]), len(after.rows[KB])) == (10, 9)
    rows = {digest for _, digest in before.rows[KB]}
    assert {name for name, _ in after.rows[first.kb_id] | after.rows[KB]} == {
        name for name, _ in before.rows[KB]
    }
    assert {digest for _, digest in after.rows[KB]} < rows
    assert second.kb_id not in after.rows
    there = sessions(kato)
    assert {node: len(each) for node, each in there.items() if "corp:user:bob" in node} == {
        first.node_id: 2, second.node_id: 1,
    }  # fmt: skip
    (was,), (one,) = had[second.nodes[0]], there[second.node_id]
    text = json.dumps(was).replace(second.nodes[0], second.node_id)
    assert json.dumps(one) == text.replace(was["session_id"], one["session_id"])
    assert done.sessions[was["session_id"]] == one["session_id"]
    lives = {
        each: services.stores.kato.exists(each) for each in (*done.sessions, one["session_id"])
    }
    assert lives == {**dict.fromkeys(done.sessions, False), one["session_id"]: True}  # to KATO too
    assert counts(done.goes) == {**counts(plan.goes), Measure.SESSIONS: 3}
    assert {each.store: each.count for each in done.stays if each.why is Why.LATE} == {
        Measure.PATTERNS: 9
    }
    assert {each.why for each in done.stays} == {
        Why.LATE, Stay.OF_PATTERN, Stay.MIXED, Stay.VECTOR,
    }  # fmt: skip
    assert (done.late, done.learnt_again) == (0, 0)


def _others(keys: frozenset[Any], *ids: str) -> frozenset[Any]:
    """What is nobody's by its name but these sessions, and KATO's index of them."""
    mine = {b"kato:session:_active_index", *(f"kato:session:{each}".encode() for each in ids)}
    return frozenset(key for key in keys if key[0] not in mine)


def test_the_vectors_of_a_pattern_go_with_it_and_stay_where_another_names_them(
    services: Services, kato: Deployment
) -> None:
    job = begun(services)
    first = services.apart.planned(job).first
    assert first is not None
    receipt(services.apart.run_here(job.id))
    qdrant = kato.targets.qdrant
    assert qdrant is not None

    def names(collection: str) -> set[str]:
        points, _ = qdrant.scroll(collection, limit=99)
        return {str((each.payload or {})["vctr_name"]) for each in points}

    assert names(f"vectors_{first.kb_id}") == {"VCTR|early", "VCTR|both"}
    assert names(COLLECTION) == {"VCTR|both", "VCTR|late"}


def test_what_is_known_of_it_afterwards(services: Services) -> None:
    job = services.apart.run_here(begun(services).id)
    known = services.apart.known(KB)
    assert known is not None
    assert (known.by, known.reason, known.job) == ("ada", WHY, job.id)
    assert known.receipt == receipt(job)
    assert services.apart.every() == (known,)
    ownership = services.usage.collect() and services.usage.ownership()
    for share in known.shares:
        assert ownership.kb(share.kb_id).tenants == (share.tenant,)
    assert not services.settings.embedded
    again = services.apart.plan(KB, WORDS)  # nothing more that could be told
    assert not again.goes


def test_killed_after_each_step_it_comes_to_the_same(
    services: Services, kato: Deployment, prints: Callable[[], Fingerprint]
) -> None:
    environment = {**kato.environment, "KATO_TENANTS_DATA": os.environ["KATO_TENANTS_DATA"]}
    job, had = begun(services), sessions(kato)
    plan = services.apart.planned(job)
    for step in KILLS:
        assert go_on(environment, job.id, step) == -signal.SIGKILL, step
        assert services.apart.job(job.id).state is JobState.RUNNING
    assert go_on(environment, job.id) == 0
    done = receipt(services.apart.job(job.id))
    found = prints()
    assert len(done.sessions) == 3
    assert done.sessions.keys() < {each["session_id"] for some in had.values() for each in some}
    assert counts(done.goes) == counts(plan.goes)
    assert (done.late, done.learnt_again) == (0, 0)
    client = kato.targets.redis
    assert client is not None
    assert client.get(f"{KB}:global:total_unique_patterns") == b"9"  # nothing is counted twice
    assert plan.first is not None
    assert (len(found.rows[plan.first.kb_id]), len(found.rows[KB])) == (10, 9)


def test_a_hold_stops_it_before_its_next_step(
    services: Services, prints: Callable[[], Fingerprint]
) -> None:
    before, job = prints(), begun(services)
    services.cards.hold([SECOND], reason="a court's order", by="ann")
    assert any("legal hold" in each for each in services.apart.plan(KB, WORDS).obstacles)
    doings = services.cards.doings()
    assert {each: doings[each][0].state for each in doings} == {
        FIRST: State.APART, SECOND: State.APART,
    }  # fmt: skip
    halted = services.apart.run_here(job.id)
    assert (halted.state, "legal hold" in halted.problem) == (JobState.FAILED, True)
    assert prints() == before
    with pytest.raises(JobRefused):
        begun_over_a_hold(services)
    services.apart.abandon(job.id)
    ended = services.apart.job(job.id)
    assert (ended.outcome, ended.receipt) == (Outcome.ABANDONED, {})
    assert not services.cards.doings()


def begun_over_a_hold(services: Services) -> None:
    services.cards.lift([SECOND], by="ann")
    begun(services)  # the first job still has the tenants


def test_a_hold_that_comes_before_the_cut_stops_it_there_and_lifted_it_goes_on(
    services: Services, kato: Deployment, prints: Callable[[], Fingerprint],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    before, real = prints(), work.DOES[StepName.REST]

    def held(of: ApartWork) -> Result:
        found = real(of)
        services.cards.hold([FIRST], reason="a court's order", by="ann")
        return found

    with monkeypatch.context() as patched:
        patched.setitem(work.DOES, StepName.REST, held)  # type: ignore[arg-type]
        halted = services.apart.run_here(begun(services).id)
    assert (halted.state, "legal hold" in halted.problem) == (JobState.FAILED, True)
    now = prints()
    assert (now.rows[KB], now.keys[KB], now.points[KB]) == (
        before.rows[KB], before.keys[KB], before.points[KB],
    )  # fmt: skip
    services.cards.lift([FIRST], by="ann")
    services.apart.resume(halted.id)
    receipt(services.apart.run_here(halted.id))
    assert len(prints().rows[KB]) == 9


@pytest.mark.parametrize("step", [StepName.TELL, StepName.COPY, StepName.CUT])
def test_asked_to_stop_within_a_step_it_ends_there(
    services: Services, monkeypatch: pytest.MonkeyPatch, step: StepName
) -> None:
    real = work.DOES[step]

    def asked(of: ApartWork) -> Result:
        services.apart.stop(of.job.id)
        return real(of)

    monkeypatch.setitem(work.DOES, step, asked)  # type: ignore[arg-type]
    stopped = services.apart.run_here(begun(services).id)
    assert (stopped.state, stopped.undone[0]) == (JobState.STOPPED, step)


def test_a_hold_that_comes_within_the_cut_stops_it_before_rows_are_erased(
    services: Services, prints: Callable[[], Fingerprint], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = prints(), keys_apart.KeysApart.cut

    def held(*what: Any) -> Any:
        services.cards.hold([FIRST], reason="a court's order", by="ann")
        return real(*what)

    with monkeypatch.context() as patched:
        patched.setattr(keys_apart.KeysApart, "cut", held)
        halted = services.apart.run_here(begun(services).id)
    assert (halted.state, "legal hold" in halted.problem) == (JobState.FAILED, True)
    assert (prints().rows[KB], prints().points[KB]) == (before.rows[KB], before.points[KB])
    services.cards.lift([FIRST], by="ann")
    services.apart.resume(halted.id)
    receipt(services.apart.run_here(halted.id))
    assert len(prints().rows[KB]) == 9


def test_what_is_learnt_again_before_the_cut_is_at_both_names(
    services: Services, kato: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, real = kato.targets.redis, work.DOES[StepName.REST]
    assert client is not None

    def late(of: ApartWork) -> Result:
        found = real(of)
        client.incr(f"{KB}:frequency:{EARLY}")
        return found

    monkeypatch.setitem(work.DOES, StepName.REST, late)  # type: ignore[arg-type]
    job = services.apart.run_here(begun(services).id)
    assert job.outcome == Outcome.PARTLY
    assert job.receipt is not None
    assert receipt_of(job.receipt).learnt_again == 1
    first = services.apart.planned(job).first
    assert first is not None
    assert client.get(f"{KB}:frequency:{EARLY}") == b"2"
    assert client.get(f"{first.kb_id}:frequency:{EARLY}") == b"1"
    assert client.get(f"{KB}:frequency:{BOTH}") == b"1"
    table = f"{kato.targets.database}.patterns_data"
    rows = kato.targets.clickhouse.query(  # type: ignore[union-attr]
        f"SELECT count() FROM {table} WHERE name = '{EARLY}'"
    )
    assert rows.result_rows == [(2,)]


def test_clients_that_go_on_under_an_old_name_are_told(
    services: Services, kato: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, real = kato.targets.redis, work.DOES[StepName.CUT]
    assert client is not None

    def late(of: ApartWork) -> Result:
        value = {"session_id": "session-1-1", "node_id": "tenant:acme_corp:user:bob"}
        client.set("kato:session:session-1-1", json.dumps(value), ex=900)
        return real(of)

    monkeypatch.setitem(work.DOES, StepName.CUT, late)  # type: ignore[arg-type]
    job = services.apart.run_here(begun(services).id)
    assert job.outcome == Outcome.PARTLY
    assert job.receipt is not None
    assert receipt_of(job.receipt).late == 1
    before, again = services.apart.planned(job), planned(services)
    assert [share.node_id for share in again.shares] == [each.node_id for each in before.shares]
    assert counts(again.goes)[Measure.SESSIONS] == 1
    monkeypatch.undo()
    done = receipt(services.apart.run_here(begun(services).id))  # to the names of before
    assert (counts(done.goes)[Measure.SESSIONS], done.late) == (1, 0)
    assert len(sessions(kato)[before.shares[1].node_id]) == 2


def test_where_somebody_writes_at_the_new_name_nothing_is_cut(
    services: Services, kato: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, real = kato.targets.redis, work.DOES[StepName.SESSIONS]
    assert client is not None

    def early(of: ApartWork) -> Result:
        assert of.plan.first is not None
        client.incr(f"{of.plan.first.kb_id}:frequency:{EARLY}")
        return real(of)

    monkeypatch.setitem(work.DOES, StepName.SESSIONS, early)  # type: ignore[arg-type]
    keys = set(client.scan_iter(match=f"{KB}:*", count=1000))
    halted = services.apart.run_here(begun(services).id)
    assert (halted.state, "somebody writes there" in halted.problem) == (JobState.FAILED, True)
    assert set(client.scan_iter(match=f"{KB}:*", count=1000)) == keys
    monkeypatch.undo()
    services.apart.abandon(halted.id)  # or nothing else could ever be done with these tenants
    ended = services.apart.job(halted.id)
    assert ended.outcome == Outcome.ABANDONED
    assert ended.receipt is not None
    told = receipt_of(ended.receipt)
    assert counts(told.goes)[Measure.SESSIONS] == len(told.sessions) == 3  # where they went
    assert all(client.exists(f"kato:session:{new}") for new in told.sessions.values())
    again = begun(services)  # to another name: somebody writes at that one
    assert services.apart.planned(again).first != services.apart.planned(halted).first
    assert receipt(services.apart.run_here(again.id))
    with pytest.raises(ApartRefused, match="can be given up"):
        services.apart.abandon(again.id)


def test_learnt_again_while_it_is_copied_it_goes_to_its_end(
    services: Services, kato: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key that says how often is read after it was seen to be 1."""
    client, real = kato.targets.redis, ContentReader.read
    assert client is not None

    def late(reader: ContentReader, keys: Sequence[bytes]) -> Iterator[TypedKey]:
        if client.get(f"{KB}:frequency:{EARLY}") == b"1":
            client.incr(f"{KB}:frequency:{EARLY}")
        return real(reader, keys)

    monkeypatch.setattr(ContentReader, "read", late)
    job = services.apart.run_here(begun(services).id)
    assert (job.outcome, job.problem) == (Outcome.PARTLY, "")
    assert client.get(f"{KB}:frequency:{EARLY}") == b"2"


def test_a_vector_that_is_learnt_in_the_moment_of_the_cut_is_put_back(
    services: Services, kato: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, qdrant, real = kato.targets.clickhouse, kato.targets.qdrant, PointsApart.erase
    assert client is not None
    assert qdrant is not None
    row = Row("patterns_data", (KB, "0" * 40, [["VCTR|early"]], 1, ["VCTR|early"], 1, [1], [2],
                                "VCTR|early", "VCTR|early", BEGAN, BEGAN))  # fmt: skip

    def late(of: PointsApart, kb_id: str, points: Sequence[Mapping[str, Any]]) -> None:
        writing.write(client, kato.targets.database, iter([row]), merge=True)
        real(of, kb_id, points)

    monkeypatch.setattr(PointsApart, "erase", late)
    receipt(services.apart.run_here(begun(services).id))
    points, _ = qdrant.scroll(COLLECTION, limit=99)
    assert {(each.payload or {})["vctr_name"] for each in points} == set(VECTORS)


def test_somebody_who_was_not_known_and_has_a_session_is_seen(
    services: Services, kato: Deployment
) -> None:
    client = kato.targets.redis
    assert client is not None
    job = begun(services)
    value = {"session_id": "session-1-1", "node_id": "tenant:acme:corp:user:bob"}
    client.set("kato:session:session-1-1", json.dumps(value), ex=900)
    halted = services.apart.run_here(job.id)
    assert (halted.state, "was not known" in halted.problem) == (JobState.FAILED, True)
    assert services.apart.plan(KB, WORDS).shares[2].since is not None  # known from then on


def test_who_shares_nothing_is_not_taken_apart(services: Services, tmp_path: Path) -> None:
    del tmp_path
    for kb_id in ("tenant_acme_user_bob_kato", "tenant:acme:user:bob", ""):
        with pytest.raises(ApartRefused, match="no two tenants"):
            services.apart.plan(kb_id, Words())
    with pytest.raises(ApartRefused, match="does not share"):
        services.apart.plan(KB, Words(names={type(FIRST)("tenant", "globex"): "x"}))
    taken = Words(names={FIRST: "tenant:globex:user:alice", SECOND: "tenant:acme_corp:user:bob"})
    for why in ("it names tenant/globex", "already used by tenant/acme-corp"):
        assert any(why in each for each in services.apart.plan(KB, taken).obstacles), why
