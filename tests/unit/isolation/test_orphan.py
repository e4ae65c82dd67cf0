"""Orphans: what one store has and another has not, what outlived its owner, and what is normal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.figures import Amount, Measure, Precision
from services.isolation.about import plain
from services.isolation.facts import PatternFacts, VectorFacts
from services.isolation.models import CannotTell, Deed, DeedKind, Finding, Seen
from services.isolation.rules import orphan
from services.isolation.severity import Severity
from services.purge.job import Tombstone
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import Owner, OwnerKind
from services.usage.readings import KeyGroup
from tests.unit.isolation.fleets_seen import NOW, fleet

DANA, BOB, CORP_BOB, CORP2_BOB = (
    "tenant:acme:user:dana", "tenant:acme:user:bob",
    "tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob",
)  # fmt: skip
KB, KB_BOB, KB_CORP = kb_id_of(DANA), kb_id_of(BOB), kb_id_of(CORP_BOB)
ACME = TenantKey("tenant", "acme")
RULES = {rule.code: rule for rule in orphan.RULES}


def found(code: str, seen: Seen) -> list[Finding]:
    return list(RULES[code].find(seen))


def one(code: str, seen: Seen) -> Finding:
    (finding,) = found(code, seen)
    assert finding.code == code
    assert RULES[code].severity.at_least(finding.severity)
    return finding


def keys_of(kb_id: str, **kinds: int) -> list[KeyGroup]:
    owner = Owner(OwnerKind.KB, kb_id)
    return [KeyGroup(owner, kind, Amount(count, count)) for kind, count in kinds.items()]


def written(seen: Seen, at: datetime) -> Seen:
    """The same fleet, every kb_id last written to at a time."""
    tenants = tuple(
        replace(t, parts=tuple(replace(p, last_write=at) for p in t.parts))
        for t in seen.snapshot.tenants
    )
    return replace(seen, snapshot=replace(seen.snapshot, tenants=tenants))


def precise(seen: Seen, measure: Measure, precision: Precision) -> Seen:
    figures = replace(seen.snapshot.stores[measure], precision=precision)
    stores = {**seen.snapshot.stores, measure: figures}
    return replace(seen, snapshot=replace(seen.snapshot, stores=stores))


def tokens(counts: Mapping[str, int]) -> PatternFacts:
    return PatternFacts(vector_tokens=counts)


def test_keys_that_a_purge_or_a_crash_left() -> None:
    """The gravest are frequency keys: KATO never learns those patterns again."""
    seen = fleet(DANA, groups=keys_of(KB, frequency=2, prediction=5), patterns={KB_BOB: 3})
    finding = one("orphan.keys", seen)
    assert (finding.subject, finding.tenants, finding.kb_ids) == (KB, (ACME,), (KB,))
    assert finding.severity is Severity.MEDIUM
    assert plain(finding.evidence) == {
        "keys": 7, "patterns": 0, "keys by kind": ("frequency 2", "prediction 5"),
    }  # fmt: skip
    assert finding.what == (f"{KB} (tenant/acme) has 7 keys in Redis and no pattern in ClickHouse.")
    assert finding.deeds == (Deed(DeedKind.TENANT, "tenant/acme"),)


def test_keys_that_count_nothing_weigh_less() -> None:
    """A node that has observed and not yet learnt has predictions or symbols, too."""
    finding = one("orphan.keys", fleet(DANA, groups=keys_of(KB, prediction=1, symbols=1)))
    assert finding.severity is Severity.LOW


def test_keys_of_tenants_in_the_guides_layout_are_no_orphans() -> None:
    """`tenant:acme:…` is not the key of a kb_id, and never had a pattern row."""
    groups = [KeyGroup(Owner(OwnerKind.TENANT, "acme"), "namespaced", Amount(3, 9))]
    assert not found("orphan.keys", fleet(DANA, groups=groups, patterns={DANA: 2}))


@pytest.mark.parametrize(
    ("keys", "severity"), [(10, Severity.MEDIUM), (7, Severity.LOW)], ids=["more", "fewer"]
)
def test_frequencies_that_do_not_match_the_patterns(keys: int, severity: Severity) -> None:
    finding = one("orphan.frequencies", fleet(DANA, patterns={KB: 8}, keys={KB: keys}))
    assert (finding.subject, finding.tenants, finding.kb_ids) == (KB, (ACME,), (KB,))
    assert finding.severity is severity
    assert plain(finding.evidence) == {
        "frequency keys": keys,
        "patterns": 8,
        "difference": keys - 8,
    }


def test_a_shared_kb_id_names_all_its_holders() -> None:
    seen = fleet(CORP_BOB, CORP2_BOB, patterns={KB_CORP: 8}, keys={KB_CORP: 9})
    finding = one("orphan.frequencies", seen)
    assert [str(tenant) for tenant in finding.tenants] == ["tenant/acme-corp", "tenant/acme_corp"]
    assert "shared by tenant/acme-corp, tenant/acme_corp" in finding.what


def test_patterns_without_any_frequency() -> None:
    seen = fleet(DANA, patterns={KB: 8}, groups=keys_of(KB, symbols=2))
    finding = one("orphan.rows", seen)
    assert (finding.subject, finding.tenants, finding.kb_ids) == (KB, (ACME,), (KB,))
    assert plain(finding.evidence) == {"patterns": 8, "frequency keys": 0, "keys": 2}
    assert not found("orphan.frequencies", seen)
    assert not found("orphan.keys", seen)


def test_the_guides_layout_has_no_frequencies_and_misses_none() -> None:
    """A kb_id that is the raw node_id was not written by KATO."""
    for kb_id in (DANA, "tenant-acme:user-dana", "tenant_acme"):
        assert not found("orphan.rows", fleet(DANA, patterns={kb_id: 8}))
        assert not found("orphan.keys", fleet(DANA, patterns={kb_id: 8}))


def test_a_kato_of_another_name_is_known_by_its_keys() -> None:
    """Its kb_ids end otherwise; it writes frequency keys all the same."""
    seen = fleet(patterns={"tenant_a_user_b_other": 8}, keys={"tenant_a_user_b_other": 5})
    assert one("orphan.frequencies", seen).subject == "tenant_a_user_b_other"


@pytest.mark.parametrize("ago", [5, 65], ids=["while they were read", "just before"])
def test_a_write_under_way_is_no_finding(ago: int) -> None:
    """The stores are read one after the other, within 10 seconds here."""
    seen = fleet(DANA, patterns={KB: 8}, keys={KB: 9})
    assert not found("orphan.frequencies", written(seen, NOW - timedelta(seconds=ago)))
    assert found("orphan.frequencies", written(seen, NOW - timedelta(seconds=75)))


@pytest.mark.parametrize("precision", [Precision.RUNNING, Precision.ESTIMATE])
@pytest.mark.parametrize("code", ["orphan.keys", "orphan.frequencies", "orphan.rows"])
def test_figures_that_are_not_counted_to_the_end_tell_nothing(
    code: str, precision: Precision
) -> None:
    seen = fleet(DANA, patterns={KB: 8}, keys={KB: 1})
    with pytest.raises(CannotTell, match="keys are not counted"):
        found(code, precise(seen, Measure.KEYS, precision))


def test_an_emptied_redis_is_one_finding_and_not_thousands() -> None:
    """Above 100 kb_ids it is not theirs: it says how many, and still whose."""
    nodes = [f"tenant:t{i:04}:user:x" for i in range(5000)]
    seen = fleet(*nodes, patterns={kb_id_of(node): 3 for node in nodes})
    finding = one("orphan.rows", seen)
    assert finding.subject == "many kb_ids"
    assert finding.what.startswith("5,000 kb_ids have patterns in ClickHouse and no frequency")
    assert (len(finding.tenants), len(finding.kb_ids)) == (5000, 5000)
    assert plain(finding.evidence) == {
        "number of kb_ids": 5000, "kb_ids": tuple(kb_id_of(node) for node in nodes[:10]),
    }  # fmt: skip
    few = fleet(*nodes[:100], patterns={kb_id_of(node): 3 for node in nodes[:100]})
    assert len(found("orphan.rows", few)) == 100


def test_a_collection_without_patterns() -> None:
    finding = one("orphan.collection", fleet(DANA, collections={f"vectors_{KB}": 8}))
    assert (finding.subject, finding.tenants, finding.kb_ids) == (KB, (ACME,), (KB,))
    assert finding.severity is Severity.MEDIUM
    assert plain(finding.evidence) == {"collection": f"vectors_{KB}", "points": 8, "sessions": 0}


def test_a_collection_that_a_session_may_still_learn_from() -> None:
    """The session's part is its tenant's, the collection's is shared: they are one kb_id."""
    seen = fleet(CORP_BOB, CORP2_BOB, collections={f"vectors_{KB_CORP}": 8}, sessions=[CORP2_BOB])
    finding = one("orphan.collection", seen)
    assert finding.severity is Severity.LOW
    assert plain(finding.evidence)["sessions"] == 1


def test_a_collection_when_sessions_are_not_known() -> None:
    seen = fleet(DANA, collections={f"vectors_{KB}": 8}, absent=[Measure.KEYS, Measure.SESSIONS])
    assert "sessions" not in plain(one("orphan.collection", seen).evidence)


@pytest.mark.parametrize("name", [f"vectors_{KB}", "kato_tenant_acme", "kato_vectors", "other"])
def test_collections_that_are_empty_or_nobodys_patterns(name: str) -> None:
    """An empty one holds nothing, and those of the guide belong to no kb_id."""
    points = 0 if name.startswith("vectors_") else 5
    assert not found("orphan.collection", fleet(DANA, collections={name: points}))


def test_vectors_that_kato_deleted_with_the_collection() -> None:
    seen = fleet(DANA, patterns={KB: 8}, keys={KB: 8})
    finding = one("orphan.vectors", replace(seen, patterns=tokens({KB: 6})))
    assert (finding.subject, finding.tenants, finding.kb_ids) == (KB, (ACME,), (KB,))
    assert finding.severity is Severity.HIGH
    assert plain(finding.evidence) == {
        "vectors named": 6, "points": 0, "missing": 6, "collection": f"vectors_{KB}, missing",
    }  # fmt: skip


def test_some_vectors_missing() -> None:
    seen = fleet(DANA, patterns={KB: 8}, collections={f"vectors_{KB}": 5})
    finding = one("orphan.vectors", replace(seen, patterns=tokens({KB: 6})))
    assert finding.severity is Severity.MEDIUM
    assert plain(finding.evidence)["missing"] == 1


def test_vectors_of_raw_node_ids_may_be_in_the_guides_collections() -> None:
    seen = fleet(DANA, patterns={DANA: 8}, collections={"kato_tenant_acme": 5})
    assert not found("orphan.vectors", replace(seen, patterns=tokens({DANA: 6})))
    alone = fleet(DANA, patterns={DANA: 8}, collections={})
    assert found("orphan.vectors", replace(alone, patterns=tokens({DANA: 6})))


def test_vectors_when_no_pattern_says_what_it_names() -> None:
    """Other tables than KATO's may have no column to ask: that is not "no vectors"."""
    with pytest.raises(CannotTell, match="which vectors the patterns name"):
        found("orphan.vectors", replace(fleet(DANA, patterns={KB: 8}), patterns=tokens({})))
    assert not found("orphan.vectors", replace(fleet(DANA), patterns=tokens({})))
    assert not found("orphan.vectors", replace(fleet(DANA), patterns=tokens({KB: 0})))


def test_sessions_of_nodes_without_data() -> None:
    """One for all of them, and nobody's session is counted who has data under the same kb_id."""
    seen = fleet(
        DANA, BOB, CORP_BOB, CORP2_BOB,
        patterns={KB_CORP: 4}, keys={KB_CORP: 4}, sessions=[DANA, DANA, BOB, CORP_BOB, CORP2_BOB],
    )  # fmt: skip
    finding = one("orphan.sessions", seen)
    assert (finding.subject, finding.severity) == ("kato:session:*", Severity.INFO)
    assert (finding.tenants, set(finding.kb_ids)) == ((ACME,), {KB, KB_BOB})
    assert plain(finding.evidence) == {"sessions": 3, "nodes": 2, "node_ids": (BOB, DANA)}
    assert finding.what == "2 nodes of 1 tenant have 3 sessions and no patterns, keys or vectors."
    assert finding.deeds == (Deed(DeedKind.SESSIONS),)


def test_a_session_without_data_when_vectors_are_not_known_says_only_what_is() -> None:
    finding = one("orphan.sessions", fleet(DANA, sessions=[DANA], absent=[Measure.VECTORS]))
    assert finding.what == "1 node of 1 tenant has 1 session and no patterns or keys."


def index(gone: int | None, members: int | None = 30) -> Seen:
    seen = fleet(DANA)
    assert seen.snapshot.keys is not None
    keys = replace(seen.snapshot.keys, index_members=members, stale_members=gone)
    return replace(seen, snapshot=replace(seen.snapshot, keys=keys))


def test_index_members_whose_session_is_gone() -> None:
    finding = one("orphan.index", index(2))
    assert (finding.subject, finding.severity) == ("kato:session:_active_index", Severity.LOW)
    assert plain(finding.evidence) == {"members": 30, "gone": 2}
    assert finding.deeds == (Deed(DeedKind.SESSIONS),)
    assert not found("orphan.index", index(0))
    with pytest.raises(CannotTell):
        found("orphan.index", index(None))


ERASED = (
    Tombstone("", "tenant/acme", "job-1", NOW - timedelta(days=2)),
    Tombstone("", "tenant/acme", "job-1", NOW - timedelta(days=2)),
    Tombstone("", "gone", "job-2", NOW - timedelta(days=9)),
)
"""As they are kept: nobody can tell their kb_ids."""


def snapshots(taken: dict[str, float | None], *tombstones: Tombstone) -> Seen:
    return fleet(erased=tombstones, vectors=VectorFacts(full_snapshots=taken))


def test_a_full_snapshot_that_is_older_than_a_purge() -> None:
    """It holds what was purged since, and not what was purged before."""
    made = (NOW - timedelta(days=5)).timestamp()
    finding = one("orphan.snapshots", snapshots({"full-1.snapshot": made}, *ERASED))
    assert (finding.subject, finding.severity) == ("full-1.snapshot", Severity.MEDIUM)
    assert (finding.tenants, finding.kb_ids) == ((ACME,), ())
    assert plain(finding.evidence)["purged kb_ids"] == 2
    assert plain(finding.evidence)["made"] == "2026-02-24T12:00:00+00:00"
    assert "2 kb_ids purged since" in finding.what


def test_a_full_snapshot_of_unknown_age_may_hold_everything_purged() -> None:
    """A tombstone whose tenant cannot be read is in the evidence as it is."""
    finding = one("orphan.snapshots", snapshots({"full-1.snapshot": None}, *ERASED))
    assert finding.severity is Severity.LOW
    assert plain(finding.evidence)["made"] == "unknown"
    assert plain(finding.evidence)["tenants"] == ("gone", "tenant/acme")
    assert finding.tenants == (ACME,)


def test_snapshots_newer_than_every_purge_are_fine() -> None:
    assert not found("orphan.snapshots", snapshots({"a": NOW.timestamp()}, *ERASED))
    assert not found("orphan.snapshots", snapshots({"a": 0.0, "b": None}))
    assert not found("orphan.snapshots", snapshots({}, *ERASED))


@pytest.mark.parametrize("code", RULES)
def test_a_fleet_in_order_has_no_orphans(code: str) -> None:
    """Points that no pattern names yet are no defect, nor are two tenants on one kb_id."""
    counts = {KB: 8, KB_BOB: 4, KB_CORP: 16}
    seen = fleet(
        DANA, BOB, CORP_BOB, CORP2_BOB,
        patterns=counts, keys=counts, collections={f"vectors_{KB}": 8, f"vectors_{KB_BOB}": 9},
        sessions=[DANA, BOB, CORP_BOB, CORP2_BOB], vectors=VectorFacts(),
    )  # fmt: skip
    snapshot = replace(seen.snapshot, keys=index(0).snapshot.keys)
    assert not found(code, replace(seen, snapshot=snapshot, patterns=tokens({KB: 8, KB_BOB: 4})))
