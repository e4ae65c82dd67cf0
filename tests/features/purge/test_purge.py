"""A whole purge, on a deployment of real sockets: what goes, what stays, and what is said."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis
from qdrant_client import models

from services import bootstrap
from services.bootstrap import Services
from services.errors import NamingError, PurgeRefused
from services.figures import Measure
from services.jobs.models import JobState, StepState
from services.purge import verify as proofs
from services.purge.job import Job, Outcome
from services.purge.look import Erasers
from services.purge.models import Names, Request, Target
from services.purge.run import purge_run
from services.purge.steps import StepName
from services.settings.environment import Settings
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.usage.refresh import CollectorState
from tests.engines.clickhouse.kato_tables import add_patterns
from tests.features.purge.fingerprint import Fingerprint, fingerprint
from tests.servers.deployment import QUICK_FAULTS, Deployment

ACME = TenantKey("tenant", "acme")
ACME_KBS = {"tenant_acme_user_bob_kato", "tenant_acme_user_dana_kato", "tenant_acme_user_corp_kato"}
COLLISION = "tenant_acme_corp_user_bob_kato"
WHY = "ticket 4711"


@pytest.fixture
def services(kato_settings: Settings) -> Iterator[Services]:
    """The services of a dashboard, without its threads."""
    built = bootstrap.build(replace_settings(kato_settings, settle_seconds=0))
    yield built
    built.close()


def replace_settings(settings: Settings, **changes: object) -> Settings:
    """Return the settings with some changed."""
    return settings.model_copy(update=changes)


@pytest.fixture
def prints(kato: Deployment) -> Callable[[], Fingerprint]:
    """Read everything that the stores hold, sessions under their kb_id."""
    client = kato.targets.redis
    assert client is not None
    owners = {}
    for key in client.scan_iter(match="kato:session:session-*", count=1000):
        owners[key] = kb_id_of(json.loads(client.get(key) or b"{}").get("node_id", ""))
    return lambda: fingerprint(kato.targets, session_owner=lambda key: owners.get(key, ""))


def purge(services: Services, target: Target, **options: object) -> Job:
    """Plan, begin and run."""
    plan = services.purge.plan(Request(target, **options))  # type: ignore[arg-type]
    job = services.purge.begin(plan.digest, confirm=plan.confirmation, reason=WHY, asked_by="ada")
    return services.purge.run_here(job.id)


def test_a_purged_tenant_has_no_metrics_before_figures_are_read_again(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the snapshot that is there still has it; others stay."""
    monkeypatch.setattr(services.metrics._books, "_patience", 60)
    services.collector.state = CollectorState(services.usage.collect(), seconds=1.0)
    acme, corp = b'tenant="tenant/acme"', b'tenant="tenant/acme-corp"'
    told = services.metrics.expose("").body
    assert acme in told
    assert b'kato_tenants_purge_outcomes{outcome="erased"} 0.0' in told
    purge(services, Target(ACME))
    told = services.metrics.expose("").body
    assert acme not in told
    assert corp in told
    assert b'kato_tenants_purge_outcomes{outcome="erased"} 1.0' in told


def test_a_plan_writes_nothing_and_names_everything(
    services: Services, prints: Callable[[], Fingerprint]
) -> None:
    """Exact kb_ids, per store; what is shared or inferred is left out, streams are disclosed."""
    before = prints()
    plan = services.purge.plan(Request(Target(TenantKey("tenant", "acme-corp"))))
    assert prints() == before
    assert not plan.obstacles
    assert plan.surface.kb_ids == {"tenant_acme_corp_user_alice_kato"}
    assert [left.kb_id for left in plan.left_out] == [COLLISION]
    assert plan.left_out[0].losers == (TenantKey("tenant", "acme_corp"),)
    owners = {item.owner for item in plan.items if item.store is not Measure.SESSIONS}
    assert owners <= {"tenant_acme_corp_user_alice_kato", *plan.surface.nodes}
    assert all(plan.total(store) for store in (Measure.PATTERNS, Measure.KEYS, Measure.SESSIONS))
    assert any("stm:global" in text for text in plan.disclosed)
    assert (
        services.purge.plan(Request(Target(TenantKey("tenant", "acme-corp")))).digest == plan.digest
    )


def test_a_tenant_goes_and_its_neighbours_stay_to_the_byte(
    services: Services, prints: Callable[[], Fingerprint], valkey: redis.Redis
) -> None:
    """tenant/acme goes; tenant/acme-corp and tenant/acme_corp, whose names it begins, stay.

    So do the streams, which hold everyone's observations.
    """
    before = prints()
    held = valkey.xlen("stm:global")
    assert held
    assert before.residue(frozenset(ACME_KBS)) > 30
    job = purge(services, Target(ACME))
    after = prints()
    assert after.residue(frozenset(ACME_KBS)) == 0
    assert after.without(frozenset(ACME_KBS)) == before.without(frozenset(ACME_KBS))
    assert valkey.xlen("stm:global") == held
    assert (job.state, job.outcome) == (JobState.ENDED, Outcome.ERASED)
    receipt = json.loads(services.purge.receipt_text(job.id))
    assert receipt["outcome"] == "erased"
    for figures in receipt["stores"].values():
        assert figures["planned"] == figures["deleted"]
        assert (figures["absent"], figures["failed"], figures["left"]) == (0, 0, 0)
    assert receipt["stores"]["keys"]["deleted"] > 20
    stones = services.purge.tombstones({*ACME_KBS, COLLISION})
    assert {stone.kb_id for stone in stones} == ACME_KBS
    with pytest.raises(PurgeRefused, match="was ever seen"):  # its node_ids are forgotten
        services.purge.plan(Request(Target(ACME)))


def test_what_is_shared_goes_only_by_name(
    services: Services, prints: Callable[[], Fingerprint], valkey: redis.Redis
) -> None:
    """Left out, it is there and said to be; named, it goes with the sessions of all who use it.

    The streams are emptied with it, since that is asked for.
    """
    target = Target(TenantKey("tenant", "acme-corp"))
    before = prints()
    job = purge(services, target)
    assert job.outcome is Outcome.ERASED_EXCEPT
    receipt = json.loads(services.purge.receipt_text(job.id))
    (left,) = receipt["left_out"]
    assert (left["kb_id"], left["kind"], left["losers"]) == (
        COLLISION, "shared", ["tenant/acme_corp"],
    )  # fmt: skip
    assert left["counts"]["patterns"] == len(before.rows[COLLISION])
    assert prints().rows[COLLISION] == before.rows[COLLISION]
    assert valkey.xlen("stm:global")
    job = purge(services, target, included=frozenset({COLLISION}), trim_streams=True)
    assert job.outcome is Outcome.ERASED
    assert valkey.xlen("stm:global") == 0
    assert prints().residue(frozenset({COLLISION})) == 0
    assert {stone.kb_id for stone in services.purge.tombstones([COLLISION])} == {COLLISION}


def test_a_kb_id_of_another_is_not_included(services: Services) -> None:
    """Only what may be the target's can be taken in."""
    target = Target(TenantKey("tenant", "acme-corp"))
    with pytest.raises(PurgeRefused, match="cannot be included"):
        services.purge.plan(Request(target, included=frozenset({"tenant_acme_user_bob_kato"})))


@pytest.mark.parametrize(
    ("target", "kb_ids"),
    [
        (Target(ACME, node_id="tenant:acme:user:dana"), {"tenant_acme_user_dana_kato"}),
        (Target(user="alice"), {"tenant_globex_user_alice_kato", "tenant_acme_corp_user_alice_kato",
                                "org_bigco_dept_sales_user_alice_kato"}),
        (Target(TenantKey("tenant", "globex"), user="alice"), {"tenant_globex_user_alice_kato"}),
        (
            Target(many=(TenantKey("tenant", "O'Brien & Söhne"), TenantKey("tenant", "a*b[c]?"))),
            {"tenant_O'Brien_&_Söhne_user_jürgen_kato", "tenant_a_b[c]__user_x_kato"},
        ),
    ],
    ids=["a node", "a user of all", "a user of one", "a quote and a glob"],
)  # fmt: skip
def test_a_node_or_a_user_goes_alone(
    services: Services, prints: Callable[[], Fingerprint], target: Target, kb_ids: set[str]
) -> None:
    """Everything else stays to the byte."""
    before = prints()
    job = purge(services, target)
    assert job.outcome is Outcome.ERASED, services.purge.receipt_text(job.id)
    after = prints()
    assert after.residue(frozenset(kb_ids)) == 0
    assert after.without(frozenset(kb_ids)) == before.without(frozenset(kb_ids))


def test_sessions_alone(services: Services, valkey: redis.Redis) -> None:
    """Only they end; what was learnt stays."""
    keys = len(list(valkey.scan_iter(match="tenant_acme_user_bob_kato:*")))
    job = purge(services, Target(ACME), stores=frozenset({Measure.SESSIONS}))
    assert job.outcome is Outcome.ERASED
    assert len(list(valkey.scan_iter(match="tenant_acme_user_bob_kato:*"))) == keys
    left = [json.loads(valkey.get(key) or b"{}")["node_id"]
            for key in valkey.scan_iter(match="kato:session:session-*")]  # fmt: skip
    assert not [node for node in left if node.startswith("tenant:acme:")]
    assert not services.purge.tombstones(ACME_KBS)


def test_confirming_has_to_be_right(services: Services, prints: Callable[[], Fingerprint]) -> None:
    """The exact name, a reason, a plan that is young, known and can run."""
    before = prints()
    plan = services.purge.plan(Request(Target(ACME)))
    begin = services.purge.begin
    for confirm, reason, why in (("acme", WHY, "type exactly"), ("tenant/acme", " ", "reason")):
        with pytest.raises(PurgeRefused, match=why):
            begin(plan.digest, confirm=confirm, reason=reason, asked_by="ada")
    with pytest.raises(PurgeRefused, match="no plan"):
        begin("0" * 64, confirm="tenant/acme", reason=WHY, asked_by="ada")
    old = replace(plan, created_at=plan.created_at - timedelta(hours=2), digest="old")
    services.purge._jobs.keep_plan(old, expires_at=plan.created_at + timedelta(hours=1))
    with pytest.raises(PurgeRefused, match="older than 60 min"):
        begin("old", confirm="tenant/acme", reason=WHY, asked_by="ada")
    assert prints() == before
    assert not services.purge.jobs()


def test_growth_is_fine_and_a_new_kb_id_is_not(
    services: Services, valkey: redis.Redis, prints: Callable[[], Fingerprint],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """More of what was planned goes too; a user that came later has to be planned.

    What a live KATO writes meanwhile is found by the look at the end, erased, and looked for once
    more.
    """
    erasers = services.purge._tools.erasers
    real = type(erasers.vectors).erase

    def erase(self, *arguments, **options) -> None:  # type: ignore[no-untyped-def]
        real(self, *arguments, **options)
        if not valkey.exists("late"):
            valkey.set("late", 1)
            valkey.set("tenant_acme_user_bob_kato:frequency:late", "1")

    plan = services.purge.plan(Request(Target(ACME)))
    valkey.set("tenant_acme_user_bob_kato:frequency:later", "1")
    job = services.purge.begin(plan.digest, confirm="tenant/acme", reason=WHY, asked_by="ada")
    with monkeypatch.context() as patch:
        patch.setattr(type(erasers.vectors), "erase", erase)
        job = services.purge.run_here(job.id)
    assert job.outcome is Outcome.ERASED
    assert not valkey.exists("tenant_acme_user_bob_kato:frequency:later")
    verify = job.step(StepName.VERIFY)
    assert verify is not None
    assert verify.result["late"] == 2  # both came after the plan had read the keys
    assert not valkey.exists("tenant_acme_user_bob_kato:frequency:late")

    globex = Target(TenantKey("tenant", "globex"))
    plan = services.purge.plan(Request(globex))
    session = {"session_id": "session-new", "node_id": "tenant:globex:user:new"}
    valkey.set("kato:session:session-new", json.dumps(session), ex=900)
    valkey.sadd("kato:session:_active_index", "session-new")
    before = prints()
    job = services.purge.begin(plan.digest, confirm=globex.name, reason=WHY, asked_by="ada")
    job = services.purge.run_here(job.id)
    assert job.state is JobState.FAILED
    assert "plan again" in job.problem
    assert prints() == before
    ended = services.purge.abandon(job.id)
    assert (ended.state, ended.outcome) == (JobState.ENDED, Outcome.PARTIAL)
    assert services.purge.plan(Request(globex)).total(Measure.SESSIONS) >= 1


def test_a_tenant_has_one_job_which_runs_once(services: Services) -> None:
    """A second admin is refused by the state store, and so is a session meanwhile.

    Asked to stop before the first step, nothing was done. It goes on, once, however many threads
    take it: the worker's and another of the same process do not share a lease.
    """
    plan = services.purge.plan(Request(Target(ACME)))
    job = services.purge.begin(plan.digest, confirm="tenant/acme", reason=WHY, asked_by="ada")
    with pytest.raises(PurgeRefused, match=f"job {job.id}"):
        services.purge.begin(plan.digest, confirm="tenant/acme", reason=WHY, asked_by="bob")
    with pytest.raises(NamingError, match="being purged"):
        services.sessions.create("tenant:acme:user:new", ttl_seconds=900, metadata={})
    services.sessions.create("tenant:globex:user:new", ttl_seconds=900, metadata={}, word="so")
    services.purge.stop(job.id)
    stopped = services.purge.run_here(job.id)
    assert stopped.state is JobState.STOPPED
    assert {step.state for step in stopped.steps} == {StepState.WAITING}
    services.purge.resume(job.id)
    with ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(lambda _: services.purge.run_here(job.id), range(3)))
    assert {each.outcome for each in ended} == {Outcome.ERASED}
    receipt = json.loads(services.purge.receipt_text(job.id))
    assert receipt["problems"] == []
    with pytest.raises(PurgeRefused, match="has ended"):
        services.purge.resume(job.id)
    assert services.sessions.create("tenant:acme:user:new", ttl_seconds=900, metadata={}, word="so")


def test_two_tenants_on_one_kb_id_are_not_purged_at_once(services: Services) -> None:
    """The kb_id is held, too."""
    jobs = []
    for name in ("acme-corp", "acme_corp"):
        target = Target(TenantKey("tenant", name))
        plan = services.purge.plan(Request(target, included=frozenset({COLLISION})))
        jobs.append((plan.digest, plan.confirmation))
    (first, name), (second, other) = jobs
    services.purge.begin(first, confirm=name, reason=WHY, asked_by="ada")
    with pytest.raises(PurgeRefused):
        services.purge.begin(second, confirm=other, reason=WHY, asked_by="bob")


@pytest.mark.parametrize(
    ("stores", "fault"),
    [(["redis"], "slow"), *((["clickhouse", "redis", "qdrant"], each) for each in QUICK_FAULTS)],
)
def test_a_store_that_fails_is_never_clean(
    services: Services, kato: Deployment, prints: Callable[[], Fingerprint], stores: list[str],
    fault: str,
) -> None:  # fmt: skip
    """The job stops with a clear state, at one store after the other; healed, it goes on."""
    before = prints()
    plan = services.purge.plan(Request(Target(ACME)))
    job = services.purge.begin(plan.digest, confirm="tenant/acme", reason=WHY, asked_by="ada")
    for store in stores:
        kato.fail(store, fault)
        stopped = services.purge.run_here(job.id)
        assert stopped.state is JobState.FAILED, store
        assert stopped.outcome is None, store
        assert stopped.problem, store
        so_far = json.loads(services.purge.receipt_text(job.id))
        assert so_far["outcome"] == "unknown", store
        assert all(figures["left"] is None for figures in so_far["stores"].values()), store
        kato.heal()
        services.purge.resume(job.id)
    ended = services.purge.run_here(job.id)
    assert ended.outcome is Outcome.ERASED, ended.problem
    after, gone = prints(), frozenset(ACME_KBS)
    assert after.residue(gone) == 0
    assert after.without(gone) == before.without(gone)
    figures = json.loads(services.purge.receipt_text(job.id))["stores"].values()
    assert all(each["planned"] == each["deleted"] for each in figures)


def test_a_kato_that_is_stopped_is_no_obstacle(
    services: Services, kato: Deployment, prints: Callable[[], Fingerprint]
) -> None:
    """Sessions live in Redis alone: they end there, and the receipt says so."""
    before, gone = prints(), frozenset(ACME_KBS)
    kato.fail("kato", "down")
    job = purge(services, Target(ACME))
    assert job.outcome is Outcome.ERASED, services.purge.receipt_text(job.id)
    after = prints()
    assert after == before.without(gone)  # no KATO that could lose a dropped collection
    receipt = json.loads(services.purge.receipt_text(job.id))
    assert any("KATO was not running" in text for text in receipt["disclosed"])
    assert receipt["stores"]["sessions"]["deleted"] > 0


def test_a_kato_that_answers_badly_leaves_it_unknown(
    services: Services, kato: Deployment, prints: Callable[[], Fingerprint],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """It is no stopped one: what it has in memory may yet be written. Data goes all the same.

    `test_kato_presence` has every way to answer badly.
    """
    monkeypatch.setattr(proofs, "_WAITS_FOR_KATO", 0.0)
    kato.fail("kato", "dropped")
    job = purge(services, Target(ACME))
    assert job.outcome is Outcome.UNKNOWN
    assert prints().residue(frozenset(ACME_KBS)) == 0
    receipt = json.loads(services.purge.receipt_text(job.id))
    assert any("KATO answers sometimes" in text for text in receipt["problems"])


def test_a_plan_with_a_store_down_cannot_run(services: Services, kato: Deployment) -> None:
    """It shows what the others have, and says which store is missing."""
    kato.fail("qdrant", "down")
    plan = services.purge.plan(Request(Target(ACME)))
    assert plan.total(Measure.PATTERNS)
    assert any("vectors could not be asked" in text for text in plan.obstacles)
    with pytest.raises(PurgeRefused, match="vectors could not be asked"):
        services.purge.begin(plan.digest, confirm="tenant/acme", reason=WHY, asked_by="ada")


def test_names_that_were_not_all_read_are_no_plan(
    services: Services, kato: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that fails just while the kb_ids are read, and answers the look that follows."""
    purge, ill = services.purge, ""
    erasers = purge._tools.erasers
    real = Erasers.names
    stores = {"clickhouse": "patterns", "redis": "keys", "qdrant": "vectors"}

    def names(self: Erasers, *arguments: Any) -> Names:
        if ill:
            kato.fail(ill, "down")
        try:
            return real(self, *arguments)
        finally:
            if ill:
                kato.heal()

    monkeypatch.setattr(type(erasers), "names", names)
    for store, measure in stores.items():
        ill = store
        plan = purge.plan(Request(Target(ACME)))
        assert any(text.startswith(f"{measure} could not be asked") for text in plan.obstacles)
        with pytest.raises(PurgeRefused, match="could not be asked"):
            purge.begin(plan.digest, confirm="tenant/acme", reason=WHY, asked_by="ada")
    ill = ""
    plan = purge.plan(Request(Target(ACME)))
    job = purge.begin(plan.digest, confirm="tenant/acme", reason=WHY, asked_by="ada")
    for store, measure in stores.items():
        ill = store
        purge._tools.surveys.take(plan.digest)  # so that its run reads Redis anew
        assert purge_run(purge._tools, job, owner=f"a test of {measure}").run()
        stopped = purge.job(job.id)
        assert stopped.state is JobState.FAILED
        assert f"{measure} could not be asked" in stopped.problem
        assert not any(step.state is StepState.DONE for step in stopped.steps)
        purge.resume(job.id)
        job = purge.job(job.id)


def test_the_guides_layout_goes_too(
    services: Services, kato: Deployment, valkey: redis.Redis
) -> None:
    """kb_ids that are node_ids as written, tenant:…, kato_tenant_…, and points by payload."""
    vectors, rows = kato.targets.qdrant, kato.targets.clickhouse
    assert vectors is not None
    assert rows is not None
    mine, others = "tenant:acme:user:bob", "tenant:acme-corp:user:bob"
    add_patterns(rows, [mine, others])
    size = models.VectorParams(size=2, distance=models.Distance.COSINE)
    for name in ("kato_tenant_acme", "kato_tenant_acme-corp", "kato_vectors"):
        vectors.create_collection(name, vectors_config=size)
    points = [
        models.PointStruct(id=number, vector=[1.0, 2.0], payload={"tenant_id": tenant})
        for number, tenant in enumerate(("acme", "acme-corp", "globex", "acme"))
    ]
    vectors.upsert("kato_vectors", points)
    for tenant in ("acme", "acme-corp"):
        valkey.set(f"tenant:{tenant}:settings", "{}")
        valkey.set(f"tenant:{tenant}:session:s-1", "{}", ex=900)
    job = purge(services, Target(ACME))
    assert job.outcome is Outcome.ERASED
    kb_ids = {row[0] for row in rows.query("SELECT DISTINCT kb_id FROM patterns_data").result_rows}
    assert others in kb_ids
    assert mine not in kb_ids
    assert sorted(valkey.scan_iter("tenant:acme*")) == [
        b"tenant:acme-corp:session:s-1", b"tenant:acme-corp:settings",
    ]  # fmt: skip
    left = {each.name for each in vectors.get_collections().collections}
    assert "kato_tenant_acme-corp" in left
    assert "kato_tenant_acme" not in left or not vectors.count("kato_tenant_acme").count
    kept = [point.payload for point in vectors.scroll("kato_vectors")[0]]
    assert sorted(each["tenant_id"] for each in kept if each) == ["acme-corp", "globex"]
