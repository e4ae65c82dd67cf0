"""The isolation audit on a whole deployment of real sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from clickhouse_connect.driver.client import Client
from qdrant_client import QdrantClient, models

from services import bootstrap
from services.bootstrap import Services
from services.errors import FindingError
from services.figures import Measure
from services.isolation.about import plain
from services.isolation.models import Finding, Need, Record, Report, RuleState, Status
from services.isolation.severity import Severity
from services.purge.models import Request, Target
from services.settings.environment import Settings
from services.tenancy.kb_ids import TenantKey
from tests.engines.clickhouse.kato_tables import add_patterns
from tests.features.purge.fingerprint import fingerprint
from tests.servers.deployment import QUICK_FAULTS, Deployment

ACME_CORP, ACME_ = TenantKey("tenant", "acme-corp"), TenantKey("tenant", "acme_corp")
COLLISION = "tenant_acme_corp_user_bob_kato"

CAPTURES_FINDINGS = {
    ("collision.shared-kb", COLLISION),
    ("collision.live-sessions", COLLISION),
    ("collision.older-data", "tenant_acme_corp_user_alice_kato"),
    ("shared.streams", "stm:global"),
    ("shared.streams", f"stm:events:{COLLISION}"),
    ("prefix.glob", "tenant/acme"),
    ("prefix.glob", "tenant/acme_corp"),
    ("hostile.unescaped", "tenant/O'Brien & Söhne"),
    ("hostile.unescaped", "tenant/a*b[c]?"),
    ("hostile.quoted", "tenant/O'Brien & Söhne"),
    ("hostile.glob", "tenant/a*b[c]?"),
    ("unowned.kb-ids", "kb_ids"),
    ("orphan.sessions", "kato:session:*"),
}
"""What the data itself shows."""

ITS_SERVERS_FINDINGS = {
    ("exposure.kato-api", "kato"),
    ("exposure.redis", "redis"),
    ("exposure.persistence", "redis"),
    ("exposure.rights", "default"),
}
"""What the servers that hold it here show: ClickHouse and Qdrant have a password."""

NEEDS_OF = {
    "clickhouse": {Need.PATTERNS, Need.CLICKHOUSE},
    "redis": {Need.KEYS, Need.SESSIONS, Need.REDIS},
    "qdrant": {Need.VECTORS, Need.QDRANT},
    "kato": {Need.KATO},
}


@pytest.fixture
def services(kato_settings: Settings) -> Iterator[Services]:
    """The services of a dashboard, without its threads."""
    built = bootstrap.build(kato_settings)
    yield built
    built.close()


def there(report: Report) -> set[tuple[str, str]]:
    """Code and subject of everything that is there now."""
    found = (r.finding for r in report.records if r.resolved_at is None)
    return {(finding.code, finding.subject) for finding in found}


def one(report: Report, code: str, subject: str | None = None) -> Record:
    """The one record of a code, or of a code and a subject."""
    found = [
        r for r in report.records
        if r.finding.code == code and subject in (None, r.finding.subject)
    ]  # fmt: skip
    assert len(found) == 1, found
    return found[0]


def test_the_capture_gives_exactly_its_findings(services: Services, kato: Deployment) -> None:
    """Nothing more, nothing less; looking changes nothing, and looking again finds the same."""
    before = fingerprint(kato.targets, session_owner=lambda _: "")
    report = services.isolation.audit()
    assert there(report) == CAPTURES_FINDINGS | ITS_SERVERS_FINDINGS
    assert not report.unknown
    assert report.score is not None
    again = services.isolation.audit()
    assert fingerprint(kato.targets, session_owner=lambda _: "") == before
    assert {r.finding.id for r in again.records} == {r.finding.id for r in report.records}
    assert all(r.resolved_at is None for r in again.records)


def test_the_collision_has_its_evidence(services: Services) -> None:
    """Whose node_ids, and how much lies under the one kb_id."""
    finding = one(services.isolation.audit(), "collision.shared-kb").finding
    assert finding.severity is Severity.CRITICAL
    assert set(finding.tenants) == {ACME_CORP, ACME_}
    assert finding.kb_ids == (COLLISION,)
    assert plain(finding.evidence)["patterns"] == 16
    assert plain(finding.evidence)["node_ids"] == (
        "tenant:acme-corp:user:bob",
        "tenant:acme_corp:user:bob",
    )
    assert services.isolation.rules[finding.code].remedy


def test_members_of_the_index_whose_session_is_gone(
    services: Services, valkey: redis.Redis
) -> None:
    """As recorded none is; the moment the first session ends without KATO, one is."""
    assert ("orphan.index", "kato:session:_active_index") not in there(services.isolation.audit())
    members = len(valkey.smembers("kato:session:_active_index"))
    for key in list(valkey.scan_iter("kato:session:session-*"))[:3]:
        valkey.delete(key)
    finding = one(services.isolation.audit(), "orphan.index").finding
    assert finding.severity is Severity.LOW
    assert {3, members} <= set(plain(finding.evidence).values())


@pytest.mark.parametrize("fault", QUICK_FAULTS)
@pytest.mark.parametrize("store", sorted(NEEDS_OF))
def test_a_store_that_fails_makes_its_rules_unknown(
    services: Services, kato: Deployment, store: str, fault: str
) -> None:
    """None of them passes, no finding of theirs is resolved, and the others are as they were."""
    before = services.isolation.audit()
    kato.fail(store, fault)
    after = services.isolation.audit()
    states = {rule.code: rule.state for rule in after.rules}
    for code, rule in services.isolation.rules.items():
        if rule.needs & NEEDS_OF[store] and Need.INSTANCES not in rule.needs:
            assert states[code] is RuleState.UNKNOWN, code
    assert there(after) == there(before)
    now = datetime.now(UTC)
    for record in after.records:
        state = states[record.finding.code]
        assert (record.status(now) is Status.UNSEEN) == (state is RuleState.UNKNOWN)
    kato.heal()
    healed = services.isolation.audit()
    assert [rule.state for rule in healed.rules] == [rule.state for rule in before.rules]


def test_a_store_that_is_not_configured_makes_its_rules_not_apply(
    kato: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are neither passed nor unknown, and what the rest shows is found."""
    monkeypatch.setenv("REDIS_URL", kato.environment["REDIS_URL"])
    services = bootstrap.build(Settings())
    report = services.isolation.audit()
    services.close()
    states = {rule.code: rule.state for rule in report.rules}
    for code, rule in services.isolation.rules.items():
        others = rule.needs - NEEDS_OF["redis"]
        assert (states[code] is RuleState.NOT_CONFIGURED) == bool(others), code
    assert ("shared.streams", "stm:global") in there(report)


def guides(clickhouse: Client, valkey: redis.Redis, qdrant: QdrantClient) -> None:
    """Write a deployment in the guide layout alone, with one point that nobody owns."""
    add_patterns(clickhouse, ["tenant:acme:user:bob", "tenant:globex:user:ann"], each=2)
    size = models.VectorParams(size=2, distance=models.Distance.COSINE)
    for name in ("kato_tenant_acme", "kato_vectors"):
        qdrant.create_collection(name, vectors_config=size)
    payloads = ({"tenant_id": "acme"}, {"tenant_id": "globex"}, {"tenant_id": "stranger"}, {})
    points = [
        models.PointStruct(id=number, vector=[1.0, 2.0], payload=payload)
        for number, payload in enumerate(payloads)
    ]
    qdrant.upsert("kato_vectors", points)
    for tenant in ("acme", "globex"):
        valkey.set(f"tenant:{tenant}:settings", "{}")
        valkey.set(f"tenant:{tenant}:session:s-1", "{}", ex=900)


def empty(kato: Deployment) -> None:
    """Take everything out of the stores; the tables stay."""
    rows, keys, vectors = kato.targets.clickhouse, kato.targets.redis, kato.targets.qdrant
    assert rows is not None
    assert keys is not None
    assert vectors is not None
    rows.command("TRUNCATE TABLE patterns_data")
    keys.flushall()
    for collection in vectors.get_collections().collections:
        vectors.delete_collection(collection.name)


def test_the_guides_layout_gives_its_own_findings(services: Services, kato: Deployment) -> None:
    """A shared collection without an index, points of nobody and of a stranger; no orphans."""
    empty(kato)
    targets = kato.targets
    assert targets.clickhouse is not None
    assert targets.redis is not None
    assert targets.qdrant is not None
    guides(targets.clickhouse, targets.redis, targets.qdrant)
    services.state.record_nodes(
        {"tenant:acme:user:bob": "session", "tenant:globex:user:ann": "session"}, datetime.now(UTC)
    )
    found = there(services.isolation.audit()) - ITS_SERVERS_FINDINGS
    codes = {code for code, _ in found}
    assert {"shared.points", "shared.unknown-tenants"} <= codes
    assert not {code for code in codes if code.startswith(("orphan.", "collision.", "unowned."))}
    assert "layout.mixed" not in codes


def test_an_empty_deployment_has_nothing_to_find(services: Services, kato: Deployment) -> None:
    """No rule takes nothing for something."""
    empty(kato)
    assert there(services.isolation.audit()) <= ITS_SERVERS_FINDINGS


def test_what_was_purged_and_came_back(services: Services, kato: Deployment) -> None:
    """Found with its tenant; gone again, it is resolved."""
    acme = TenantKey("tenant", "acme")
    plan = services.purge.plan(Request(Target(acme)))
    job = services.purge.begin(plan.digest, confirm="tenant/acme", reason="R-1", asked_by="ada")
    services.purge.run_here(job.id)
    assert ("resurrected.kb-id", "tenant_acme_user_bob_kato") not in there(
        services.isolation.audit()
    )
    client = kato.targets.redis
    assert client is not None
    client.set("tenant_acme_user_bob_kato:frequency:late", "1")
    finding = one(services.isolation.audit(), "resurrected.kb-id").finding
    assert (finding.tenants, finding.kb_ids) == ((acme,), ("tenant_acme_user_bob_kato",))
    client.delete("tenant_acme_user_bob_kato:frequency:late")
    assert one(services.isolation.audit(), "resurrected.kb-id").resolved_at is not None


def test_a_finding_is_accepted_and_withdrawn(services: Services) -> None:
    """By whom, why and until when; only what is there, and only with a reason."""
    isolation = services.isolation
    record = one(isolation.audit(), "collision.shared-kb")
    until = datetime.now(UTC) + timedelta(days=1)
    for by, why, when in (("", "x", None), ("ada", " ", None), ("ada", "x" * 2_001, None),
                          ("ada", "x", datetime.now(UTC))):  # fmt: skip
        with pytest.raises(FindingError):
            isolation.accept(record.finding.id, by=by, why=why, until=when)
    isolation.accept(record.finding.id, by=" ada ", why="moving in May", until=until)
    report = isolation.report()
    assert report is not None
    accepted = one(report, "collision.shared-kb")
    assert accepted.acceptance is not None
    assert (accepted.acceptance.by, accepted.acceptance.until) == ("ada", until)
    assert accepted not in report.standing(datetime.now(UTC))
    assert one(isolation.audit(), "collision.shared-kb").acceptance == accepted.acceptance
    isolation.withdraw(record.finding.id)
    report = isolation.report()
    assert report is not None
    assert one(report, "collision.shared-kb").acceptance is None


def test_a_snapshot_brings_an_audit_when_one_is_due(services: Services) -> None:
    """At first, when wanted, and not in between; another dashboard's audit counts."""
    isolation = services.isolation
    snapshot = services.usage.collect()
    assert isolation.report() is None
    isolation.follow(snapshot)
    first = isolation.report()
    assert first is not None
    isolation.follow(services.usage.collect())
    assert isolation.report() is first
    isolation.want()
    isolation.follow(services.usage.collect())
    assert isolation.report() is not first
    other = bootstrap.build(services.settings)
    other.isolation.follow(snapshot)
    kept = other.isolation.report()
    other.close()
    assert kept is not None
    assert isolation.state.report is not None
    assert kept.at == isolation.state.report.at


def test_an_audit_that_fails_says_so_and_leaves_the_last_one(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong, the thread that follows the snapshots goes on."""
    isolation = services.isolation
    snapshot = services.usage.collect()
    isolation.follow(snapshot)
    kept = isolation.report()

    def fails(_: object) -> None:
        raise ValueError("hunter2")

    monkeypatch.setattr(type(isolation), "look", lambda self, snapshot: fails(snapshot))
    isolation.want()
    isolation.follow(snapshot)
    assert str(isolation.state.problem) == "a fault in this product: ValueError"
    assert isolation.state.auditing_since is None
    assert isolation.report() is kept


def test_the_collector_brings_the_first_audit(services: Services) -> None:
    """Nobody has to ask."""
    services.collector.start()
    assert services.collector.wait(timeout=240)
    assert services.isolation.state.report is not None


@pytest.fixture
def run(kato: Deployment, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run `kato-tenants audit` on the deployment, in a process of its own."""
    from tests.servers.forked import run as command

    def ran(*arguments: str) -> tuple[int, str]:
        done = command("audit", *arguments, **kato.environment)
        return done.returncode, done.stdout

    return ran


def test_the_command(run: Callable[..., tuple[int, str]], kato: Deployment) -> None:
    """0, 1 for what is as grave as asked for, 2 where a store could not be looked at."""
    code, text = run("--json")
    read = json.loads(text)
    assert code == 0
    check_document(read)
    found = {(f["code"], tuple(f["kb_ids"])) for f in read["findings"]}
    assert ("collision.shared-kb", (COLLISION,)) in found
    assert run("--json", "--fail-on", "critical")[0] == 1
    assert run("--fail-on", "critical")[0] == 1
    kato.fail("redis", "down")
    code, text = run("--json")
    assert code == 2
    read = json.loads(text)
    assert read["rules"]["shared.streams"]["state"] == "unknown"
    assert read["stores"]["keys"]["count"] is None
    assert read["stores"]["keys"]["reason"]


def check_document(read: dict[str, Any]) -> None:
    """What scripts may rely on."""
    assert set(read) == {"at", "score", "findings", "rules", "stores"}
    assert set(read["stores"]) == {measure.value for measure in Measure}
    for finding in read["findings"]:
        assert set(finding) == {
            "id", "code", "severity", "status", "what", "tenants", "kb_ids", "evidence", "remedy",
            "first_seen", "last_seen",
        }  # fmt: skip
        assert finding["remedy"]
        assert Severity(finding["severity"])
    assert len({finding["id"] for finding in read["findings"]}) == len(read["findings"])


def test_ids_are_stable_and_tell_subjects_apart() -> None:
    """The same thing has the same id for ever: this one is written down."""
    kb = Finding("collision.shared-kb", COLLISION, Severity.CRITICAL, "x")
    assert kb.id == "68fb7787a7c0686d"
    assert Finding("a.b", "c", Severity.LOW, "").id != Finding("a", "b\0c", Severity.LOW, "").id
    assert (
        Finding("a", "\udcff", Severity.LOW, "").id != Finding("a", "\ufffd", Severity.LOW, "").id
    )
