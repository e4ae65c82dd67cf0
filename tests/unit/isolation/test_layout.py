"""How the stores are laid out: two layouts at once, partitions, parts and collections."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.figures import Amount, Measure, Precision
from services.isolation.about import plain
from services.isolation.facts import PatternFacts
from services.isolation.models import CannotTell, Finding, Seen
from services.isolation.rules import layout, servers
from services.isolation.severity import Severity
from services.tenancy.layout import Owner, OwnerKind
from services.usage.readings import KeyGroup, TableInfo
from tests.unit.isolation.fleets_seen import fleet

RULES = {rule.code: rule for rule in (*layout.RULES, *servers.RULES)}
KATOS = {"tenant_acme_user_bob_kato": 3}


def found(code: str, seen: Seen) -> list[Finding]:
    return list(RULES[code].find(seen))


def one(code: str, seen: Seen) -> Finding:
    (finding,) = found(code, seen)
    assert finding.code == code
    assert RULES[code].severity.at_least(finding.severity)
    return finding


def guide_keys() -> list[KeyGroup]:
    return [KeyGroup(Owner(OwnerKind.TENANT, "soylent"), "namespaced", Amount(3, 9))]


def test_both_layouts_at_once() -> None:
    """Rows under raw node_ids, keys and collections by tenant are the guide's."""
    seen = fleet(
        patterns={**KATOS, "tenant:acme:user:bob": 2, "tenant-acme:user-bob": 1},
        groups=guide_keys(), collections={"kato_tenant_initech": 4},
    )  # fmt: skip
    finding = one("layout.mixed", seen)
    assert (finding.subject, finding.severity) == ("layouts", Severity.MEDIUM)
    assert finding.evidence == {
        "KATO's": 1, "the guide's": 4,
        "KATO's names": ("tenant_acme_user_bob_kato",),
        "the guide's names": (
            "tenant-acme:user-bob", "tenant:acme:user:bob", "tenant:initech", "tenant:soylent",
        ),
    }  # fmt: skip
    assert finding.what == (
        "KATO's layout is in use for 1 kb_id, and the isolation guide's for 4 names."
    )


@pytest.mark.parametrize(
    "seen",
    [
        fleet(patterns=KATOS, keys=KATOS),
        fleet(patterns={"tenant:acme:user:bob": 2}, groups=guide_keys()),
        fleet(patterns={**KATOS, "tenant_acme_user_bob_other": 2, "tenant_acme": 1}),
        fleet(),
    ],
    ids=["KATO's", "the guide's", "another KATO's or not to be told", "empty"],
)
def test_one_layout_is_fine(seen: Seen) -> None:
    assert not found("layout.mixed", seen)


def test_layouts_are_not_judged_before_all_is_counted() -> None:
    seen = fleet(patterns=KATOS)
    keys = replace(seen.snapshot.stores[Measure.KEYS], precision=Precision.RUNNING)
    stores = {**seen.snapshot.stores, Measure.KEYS: keys}
    with pytest.raises(CannotTell):
        found("layout.mixed", replace(seen, snapshot=replace(seen.snapshot, stores=stores)))


def table(name: str = "patterns_data", key: str = "kb_id", **more: object) -> TableInfo:
    info = TableInfo(name, "MergeTree", key, True, 500, 9000, 7, 5)
    return replace(info, **more)  # type: ignore[arg-type]  # any field


@pytest.mark.parametrize(
    "key",
    ["", "toYYYYMM(created_at)", "cityHash64(kb_id) % 16", "(toYYYYMM(created_at), lower(kb_id))"],
)
def test_tables_whose_partitions_are_not_one_kb_ids(key: str) -> None:
    """A function of kb_id can put two of them into one partition."""
    finding = one("layout.partitioning", fleet(tables=[table(key=key), table("lsh_buckets")]))
    assert (finding.subject, finding.severity) == ("patterns_data", Severity.MEDIUM)
    assert finding.evidence == {"partition key": key or "none", "rows": 500, "parts": 7}
    said = f"is partitioned by {key} and not by kb_id" if key else "has no partitions"
    assert finding.what == f"The table patterns_data {said}."


@pytest.mark.parametrize(
    "key", ["kb_id", "(kb_id)", "(kb_id, toYYYYMM(created_at))", "tuple(toDate(a, 'UTC'), `kb_id`)"]
)
def test_partitions_of_one_kb_id_touch_nobody_else(key: str) -> None:
    """Also where a kb_id has several of them."""
    assert not found("layout.partitioning", fleet(tables=[table(key=key)]))


def test_tables_without_kb_ids_of_their_own_need_no_partitions() -> None:
    tables = [table("settings", "", has_kb_id=False), table("shown", "", engine="View")]
    assert not found("layout.partitioning", fleet(tables=tables))


@pytest.mark.parametrize(
    ("partitions", "severity", "advised"),
    [(1001, Severity.LOW, 1000), (10_001, Severity.MEDIUM, 10_000)],
)
def test_more_partitions_than_clickhouse_advises(
    partitions: int, severity: Severity, advised: int
) -> None:
    finding = one("layout.partitions", fleet(tables=[table(partitions=partitions)]))
    assert (finding.subject, finding.severity) == ("patterns_data", severity)
    assert (finding.evidence["partitions"], finding.evidence["advised"]) == (partitions, advised)


def test_few_partitions_are_fine() -> None:
    assert not found("layout.partitions", fleet(tables=[table(partitions=1000)]))


def parts(total: int, most: int, **limits: int) -> Seen:
    facts = PatternFacts(most_parts={"patterns_data": most}, parts_limits=limits)
    return replace(fleet(tables=[table(parts=total)]), patterns=facts)


@pytest.mark.parametrize(
    ("total", "most", "severity"),
    [
        (1200, 1000, Severity.MEDIUM), (3500, 3000, Severity.HIGH),
        (50_000, 2, Severity.MEDIUM), (100_000, 2, Severity.HIGH),
    ],
)  # fmt: skip
def test_more_parts_than_clickhouse_takes(total: int, most: int, severity: Severity) -> None:
    """By its defaults: in one partition, or in all."""
    finding = one("layout.parts", parts(total, most))
    assert (finding.subject, finding.severity) == ("patterns_data", severity)
    assert finding.evidence == {
        "parts": total, "most in a partition": most, "parts_to_delay_insert": 1000,
        "parts_to_throw_insert": 3000, "max_parts_in_total": 100_000,
    }  # fmt: skip


def test_a_servers_own_limits_count() -> None:
    """0 is no limit."""
    assert one("layout.parts", parts(400, 300, parts_to_throw_insert=300)).severity is Severity.HIGH
    free = {"parts_to_delay_insert": 0, "parts_to_throw_insert": 0, "max_parts_in_total": 0}
    assert not found("layout.parts", parts(10**6, 10**5, **free))


def test_few_parts_are_fine() -> None:
    assert not found("layout.parts", parts(49_999, 999))
    unlisted = replace(fleet(tables=[table()]), patterns=PatternFacts())
    assert not found("layout.parts", unlisted)


@pytest.mark.parametrize(
    ("count", "severity", "advised"), [(201, Severity.LOW, 200), (1001, Severity.MEDIUM, 1000)]
)
def test_more_collections_than_qdrant_advises(count: int, severity: Severity, advised: int) -> None:
    finding = one("layout.collections", fleet(collections={f"c{i}": 1 for i in range(count)}))
    assert (finding.subject, finding.severity) == ("collections", severity)
    assert finding.evidence == {"collections": count, "advised": advised}


def test_few_collections_are_fine() -> None:
    assert not found("layout.collections", fleet(collections={f"c{i}": 1 for i in range(200)}))


def test_rows_that_repeat_a_pattern() -> None:
    """They are compared with the different names; a kb_id of as many rows as names has none."""
    seen = fleet("tenant:acme:user:bob", patterns={"tenant_acme_user_bob_kato": 3, "b_kato": 2})
    assert not found("layout.repeated", seen)
    (part,) = (part for part in seen.snapshot.parts if part.name == "tenant_acme_user_bob_kato")
    twice = replace(part, rows_by_table={"patterns_data": 5, "lsh_buckets": 9})
    (usage,) = (each for each in seen.snapshot.tenants if part in each.parts)
    others = (each for each in seen.snapshot.tenants if each is not usage)
    tenants = (replace(usage, parts=(twice,)), *others)
    seen = replace(seen, snapshot=replace(seen.snapshot, tenants=tenants))
    finding = one("layout.repeated", seen)
    assert finding.what == (
        "tenant_acme_user_bob_kato (tenant/acme) has 3 patterns in 5 rows: 2 repeat one."
    )
    assert plain(finding.evidence) == {
        "rows": 5, "different names (uniqExact)": 3, "repeated": 2
    }  # fmt: skip


def test_replicas_that_nobody_asks() -> None:
    facts = PatternFacts(unasked={"patterns_data": (3, 1)})
    finding = one("layout.servers", replace(fleet(tables=[table()]), patterns=facts))
    assert finding.what == "The table patterns_data has 3 replicas, of which 1 are asked."
    assert finding.evidence["a cluster is set"] == "no"
    assert not found("layout.servers", replace(fleet(), patterns=PatternFacts()))
