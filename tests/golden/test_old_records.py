"""Records that a version before wrote: read by this one, with all that they said."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services import bootstrap
from services.bootstrap import Services
from services.isolation.formats import finding_json
from services.purge.formats import plan_json, plan_of
from services.settings.environment import load_settings
from tests.golden.kept import FOLDER, restore
from tests.golden.test_commands import printed

AT = datetime(2026, 11, 23, 6, 26, tzinfo=UTC)
GLOBEX, ACME_CORP = "0000000000000003", "0000000000000010"
PLAN = "5e31b731ddee5d9f2f5efd46f10bec0318ec679f84f2375a7bae90beedde2eba"
SHARED = "tenant_acme_corp_user_bob_kato"


@pytest.fixture(params=sorted(FOLDER.iterdir()), ids=lambda file: file.stem, autouse=True)
def _kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The records as they were left, and one store, which is down."""
    restore(request.param)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9/0")


@pytest.fixture
def services() -> Iterator[Services]:
    with closing(bootstrap.build(load_settings())) as built:
        yield built


def kept(query: str) -> list[tuple[Any, ...]]:
    """Ask the file itself."""
    with closing(sqlite3.connect(Path(os.environ["KATO_TENANTS_DATA"], "state.sqlite"))) as file:
        return file.execute(query).fetchall()


def test_purges_and_their_receipts() -> None:
    """What the commands say of them; a receipt is as it was, with what was looked at later."""
    jobs = {job["job"]: job for job in json.loads(printed("purge", "list", "--json"))}
    assert {name: (job["target"], job["state"], job["outcome"]) for name, job in jobs.items()} == {
        GLOBEX: ("tenant/globex", "ended", "erased"),
        ACME_CORP: ("tenant/acme-corp", "ended", "erased_except"),
    }
    steps = [(step["name"], step["state"]) for step in jobs[ACME_CORP]["steps"]]
    assert steps[0] == ("check", "done")
    assert steps[-1] == ("verify again", "done")
    receipts = {job: json.loads(printed("purge", "receipt", job)) for job in jobs}
    look = {"at": "2026-11-23T06:26:00Z", "first_at": "2026-11-23T06:26:00Z", "kb_ids_back": 0,
            "asked_by": ""}  # fmt: skip
    assert "All data of tenant/globex" in receipts[GLOBEX].pop("summary")
    assert "What was left out" in receipts[ACME_CORP].pop("summary")
    assert receipts[GLOBEX].pop("later_looks") == [look]
    assert receipts[ACME_CORP].pop("later_looks") == []
    assert receipts[GLOBEX].pop("tenants") == ["tenant/globex"]
    assert receipts[ACME_CORP].pop("tenants") == ["tenant/acme-corp"]
    for job, text in kept("SELECT id, receipt FROM job"):
        assert {**receipts[job], "later_looks": []} == {"later_looks": [], **json.loads(text)}
    assert receipts[ACME_CORP]["reason"] == "ticket 4711"
    assert [left["kb_id"] for left in receipts[ACME_CORP]["left_out"]] == [SHARED]
    assert {store: sums["deleted"] for store, sums in receipts[GLOBEX]["stores"].items()} == {
        "patterns": 10, "keys": 181, "vectors": 10, "sessions": 3,
    }  # fmt: skip


def test_a_plan(services: Services) -> None:
    """One that has not run, with every field that decides what is erased."""
    plan = services.jobs.plan(PLAN)
    assert plan is not None
    assert (plan.digest, plan.created_at) == (PLAN, AT)
    assert str(plan.request.target) == "tenant/acme-corp"
    assert {store.value for store in plan.request.stores} == {
        "patterns", "keys", "vectors", "sessions",
    }  # fmt: skip
    assert plan.surface.kb_ids == {"tenant_acme_corp_user_alice_kato"}
    assert plan.surface.nodes == {"tenant:acme-corp:user:alice", "tenant:acme-corp:user:bob"}
    assert plan.surface.collections == {
        "kato_tenant_acme-corp", "vectors_tenant_acme_corp_user_alice_kato",
    }  # fmt: skip
    counts: Counter[str] = Counter()
    for item in plan.items:
        counts[item.store.value] += item.count
    assert counts == {"patterns": 9, "keys": 165, "vectors": 9, "sessions": 3}
    first = plan.items[0]
    assert (first.owner, first.kind, first.bytes, first.how) == (
        "tenant_acme_corp_user_alice_kato", "patterns_data", 9618, "DROP PARTITION; 1 parts",
    )  # fmt: skip
    (left,) = plan.left_out
    assert (left.kb_id, [str(loser) for loser in left.losers]) == (SHARED, ["tenant/acme_corp"])
    assert {store.value: count for store, count in left.counts.items()} == {
        "keys": 212, "patterns": 16,
    }  # fmt: skip
    assert (plan.whose[SHARED], len(plan.whose)) == ("tenant/acme-corp", 5)
    for (text,) in kept("SELECT text FROM purge_plan UNION SELECT plan FROM job"):
        one = plan_of(text)
        came = {
            "streams": [],
            "held": [],
            "tenants": list(one.tenants),
            "confirm": one.confirmation,
        }
        assert json.loads(plan_json(one)) == {**came, **json.loads(text)}


def test_findings(services: Services) -> None:
    """With how often each rule was seen, and who accepted one."""
    report = services.isolation.report()
    assert report is not None
    assert (report.at, report.score, len(report.rules)) == (AT, 70, 39)
    assert sum(rule.state.value == "found" for rule in report.rules) == 11
    assert len(report.records) == 13
    gravest = report.records[0]
    finding = gravest.finding
    assert (finding.id, finding.code, finding.severity.value) == (
        "68fb7787a7c0686d", "collision.shared-kb", "critical",
    )  # fmt: skip
    assert finding.what == (
        f"tenant/acme-corp and tenant/acme_corp read and write one memory: {SHARED}."
    )
    assert list(map(str, finding.tenants)) == ["tenant/acme-corp", "tenant/acme_corp"]
    assert finding.evidence == {
        "keys": 212, "node_ids": ("tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob"),
        "number of node_ids": 2, "patterns": 16, "sessions": 3, "vectors": 0,
    }  # fmt: skip
    assert (gravest.first_seen, gravest.last_seen, gravest.resolved_at) == (AT, AT, None)
    texts = dict(kept("SELECT id, text FROM finding"))
    assert {each.finding.id: finding_json(each.finding) for each in report.records} == texts
    accepted = gravest.acceptance
    assert accepted is not None
    assert (accepted.by, accepted.why, accepted.at, accepted.until) == (
        "ann@example.com", "ticket 4711", AT, AT + timedelta(days=90),
    )  # fmt: skip


def test_what_waits_for_a_second_person(services: Services) -> None:
    (waiting,) = services.approvals.all()
    assert (waiting.action, waiting.target, waiting.digest) == (
        "run a purge", "tenant/acme-corp", PLAN,
    )  # fmt: skip
    assert (waiting.asked_by, waiting.approved_at) == ("ann@example.com", None)


def test_the_log() -> None:
    """It verifies, and is exported as it was written."""
    entries = kept("SELECT number, hash FROM audit_log ORDER BY number")
    verified = json.loads(printed("log", "verify", "--json"))
    assert (verified["state"], verified["checked"]) == ("unanchored", len(entries))
    assert verified["head"] == entries[-1][1]
    exported = [json.loads(line) for line in printed("log", "export").splitlines()]
    assert [(line["number"], line["hash"]) for line in exported[: len(entries)]] == entries
    assert [exported[2][name] for name in ("who", "action", "target", "tenants", "outcome")] == [
        "cli/ann", "run a purge", "tenant/globex", ["tenant/globex"], "begun",
    ]  # fmt: skip
