"""What is stored and belongs to nobody: kb_ids, keys, collections, tables, and how much."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.figures import Amount, Measure
from services.isolation.models import CannotTell, DeedKind, Finding, Need, Seen
from services.isolation.rules.unowned import RULES
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import NOBODY
from services.usage.readings import CollectionUsage, KeyGroup, TableInfo
from tests.unit.isolation.fleets_seen import fleet

NODE = "tenant:acme:user:a"
KB = kb_id_of(NODE)


def found(code: str, seen: Seen) -> list[Finding]:
    rule = next(rule for rule in RULES if rule.code == f"unowned.{code}")
    findings = list(rule.find(seen))
    assert all(f.code == rule.code and f.severity is rule.severity for f in findings)
    return findings


def table(name: str, engine: str = "MergeTree", *, has_kb_id: bool, size: int = 0) -> TableInfo:
    return TableInfo(name, engine, "", has_kb_id, size // 10, size, 1, 1)


def test_kb_ids_that_no_scheme_reads() -> None:
    """One finding for all, the largest first, with their share of each store."""
    seen = fleet(
        NODE, "x",
        patterns={KB: 70, "x_kato": 10, "smoke_test_kato": 20},
        keys={KB: 6, "smoke_test_kato": 2},
        collections={f"vectors_{KB}": 3, "vectors_kiosk_kato": 1},
        sessions=[NODE, "x"],
    )  # fmt: skip
    (finding,) = found("kb-ids", seen)
    names = ("smoke_test_kato", "x_kato", "vectors_kiosk_kato".removeprefix("vectors_"))
    assert finding.subject == "kb_ids"
    assert finding.severity is Severity.MEDIUM
    assert finding.tenants == tuple(map(TenantKey.of_kb, names))
    assert finding.kb_ids == names
    assert finding.evidence == {
        "number of kb_ids": 3, "share of kb_ids": 0.75, "with a node_id that was seen": 1,
        "patterns": 30, "share of patterns": 0.3, "keys": 2, "share of keys": 0.25,
        "vectors": 1, "share of vectors": 0.25,
        "sessions": 1, "share of sessions": 0.5, "largest": names,
    }  # fmt: skip
    assert finding.what == "No naming scheme reads 3 kb_ids: smoke_test_kato and 2 more."


def test_thousands_of_kb_ids_are_one_finding() -> None:
    seen = fleet(patterns={f"kiosk{number}_kato": 1 for number in range(3000)})
    (finding,) = found("kb-ids", seen)
    assert finding.evidence["number of kb_ids"] == 3000
    assert len(finding.kb_ids) == len(finding.tenants) == 10


def test_kb_ids_that_a_scheme_reads_or_that_are_cut() -> None:
    """Those that are cut before the tenant ends have a finding of their own."""
    cut = kb_id_of("tenant:" + "long-name" * 9)
    assert found("kb-ids", fleet(NODE, patterns={KB: 1, cut: 2, "user_zed_kato": 3})) == []
    own = fleet(patterns={"kiosk_7_kato": 1}, schemes=["kiosk-{kiosk}"])
    assert found("kb-ids", own) == []


def test_a_store_that_is_not_configured_has_no_share() -> None:
    (finding,) = found("kb-ids", fleet(patterns={"x_kato": 1}, absent=[Measure.VECTORS]))
    assert "vectors" not in finding.evidence
    with pytest.raises(CannotTell):
        found("kb-ids", fleet(patterns={"x_kato": 1}, unread=[Measure.VECTORS]))


def test_keys_of_unknown_kind() -> None:
    seen = fleet(NODE, keys={KB: 6}, strays=["cache:1", "myapp"])
    (finding,) = found("keys", seen)
    assert finding.subject == "redis"
    assert finding.severity is Severity.LOW
    assert finding.evidence == {
        "keys": 2, "share of keys": 0.25, "keys named": ("cache:1", "myapp")
    }  # fmt: skip
    assert finding.deeds[0].kind is DeedKind.SYSTEM


def test_katos_own_keys_are_nobodys_by_nature() -> None:
    """Streams, the session index, metrics and caches are no finding."""
    kinds = ("stream", "session_index", "metrics", "cache")
    groups = [KeyGroup(NOBODY, kind, Amount(5, 50)) for kind in kinds]
    assert found("keys", fleet(groups=groups)) == []


def test_collections_of_nobody() -> None:
    """The largest first; neither a kb_id's, nor a tenant's, nor one that tenants share."""
    collections = {f"vectors_{KB}": 50, "kato_tenant_acme": 10, "docs": 15, "embeddings": 25}
    (finding,) = found("collections", fleet(NODE, collections=collections))
    assert finding.subject == "qdrant"
    assert finding.severity is Severity.MEDIUM
    assert finding.evidence == {
        "number of collections": 2, "share of collections": 0.5,
        "vectors": 40, "share of vectors": 0.4, "largest": ("embeddings", "docs"),
    }  # fmt: skip
    plain = fleet(NODE, collections={f"vectors_{KB}": 50, "kato_tenant_acme": 10})
    assert found("collections", plain) == []


@pytest.mark.parametrize("problem", ["", "it was not split in time"])
def test_a_collection_that_tenants_share_is_not_nobodys(problem: str) -> None:
    """Its points say whose they are, or could not be split, which is another finding."""
    points = None if problem else {"acme": 4}
    shared = CollectionUsage(
        "all", Amount(4, 40), "green", points_by_tenant=points, problem=problem
    )
    seen = fleet()
    seen = replace(seen, snapshot=replace(seen.snapshot, collections=(shared,)))
    assert found("collections", seen) == []


def test_tables_without_a_kb_id() -> None:
    tables = [table("patterns_data", has_kb_id=True, size=600), table("notes", has_kb_id=False),
              table("users", "ReplacingMergeTree", has_kb_id=False, size=200)]  # fmt: skip
    (finding,) = found("tables", fleet(tables=tables))
    assert finding.subject == "clickhouse"
    assert finding.severity is Severity.LOW
    assert finding.evidence == {
        "number of tables": 2, "rows": 20, "bytes": 200, "share of bytes": 0.25,
        "largest": ("users", "notes"),
    }  # fmt: skip
    assert finding.what == "2 tables in KATO's database without a kb_id column: users and 1 more."


def test_views_hold_nothing_of_their_own() -> None:
    engines = ("View", "MaterializedView", "Distributed", "Merge")
    tables = [table(engine, engine, has_kb_id=False) for engine in engines]
    assert found("tables", fleet(tables=[*tables, table("patterns_data", has_kb_id=True)])) == []


def test_each_rule_needs_the_one_store_that_it_looks_at() -> None:
    needs = {rule.code.partition(".")[2]: rule.needs for rule in RULES}
    assert needs == {
        "kb-ids": frozenset(), "keys": {Need.KEYS}, "collections": {Need.VECTORS},
        "tables": {Need.PATTERNS},
    }  # fmt: skip
