"""Collisions: owners that share a kb_id, will share one, or cannot be told apart by a name."""

from __future__ import annotations

from itertools import count

import pytest

from services.figures import Measure
from services.isolation.about import plain
from services.isolation.models import CannotTell, DeedKind, Finding, Seen
from services.isolation.rules.collision import RULES
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey, kb_id_of
from tests.unit.isolation.fleets_seen import fleet

CORP, CORP_, ACME = (TenantKey("tenant", name) for name in ("acme-corp", "acme_corp", "acme"))
BOTH = ("tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob")
KB = "tenant_acme_corp_user_bob_kato"
LONG = "tenant:" + "very-long-name" * 4 + ":user:{}"


def found(code: str, seen: Seen) -> list[Finding]:
    rule = next(rule for rule in RULES if rule.code == f"collision.{code}")
    findings = list(rule.find(seen))
    assert all(f.code == rule.code and f.severity is rule.severity for f in findings)
    assert len({f.subject for f in findings}) == len(findings)
    return findings


def two_with_one_hash() -> tuple[str, str]:
    """Two node_ids of different tenants that KATO cuts to one kb_id: 2^16 tries find some."""
    start, seen = "tenant:" + "x" * 40, dict[str, str]()
    for number in count():
        node = f"{start}{number:x}:user:q"
        kb_id = kb_id_of(node)
        if kb_id in seen:
            return seen[kb_id], node
        seen[kb_id] = node
    raise AssertionError


def test_two_tenants_with_data_under_one_kb_id() -> None:
    """The finding says whose, by which node_ids, and how much is mixed."""
    seen = fleet(*BOTH, patterns={KB: 16}, keys={KB: 40}, collections={f"vectors_{KB}": 3},
                 sessions=BOTH)  # fmt: skip
    (finding,) = found("shared-kb", seen)
    assert finding.subject == KB
    assert finding.severity is Severity.CRITICAL
    assert finding.tenants == (CORP, CORP_)
    assert finding.kb_ids == (KB,)
    assert finding.what == f"tenant/acme-corp and tenant/acme_corp share one memory: {KB}."
    assert plain(finding.evidence) == {
        "node_ids": BOTH, "number of node_ids": 2,
        "patterns": 16, "keys": 40, "vectors": 3, "sessions": 2,
    }  # fmt: skip
    assert [deed.about for deed in finding.deeds] == ["tenant/acme-corp", "tenant/acme_corp"]
    assert found("about-to-be", seen) == []
    assert found("hash", seen) == []


@pytest.mark.parametrize("store", ["patterns", "keys", "collections", "sessions"])
def test_data_of_any_kind_is_use(store: str) -> None:
    """A single session is enough: it reads what the other tenant has learnt."""
    data = {"patterns": {KB: 1}, "keys": {KB: 1}, "collections": {f"vectors_{KB}": 1},
            "sessions": BOTH[:1]}  # fmt: skip
    seen = fleet(*BOTH, **{store: data[store]})  # type: ignore[arg-type]
    assert len(found("shared-kb", seen)) == 1
    assert found("about-to-be", seen) == []


def test_two_tenants_without_data_are_about_to_share() -> None:
    seen = fleet(*BOTH)
    assert found("shared-kb", seen) == []
    (finding,) = found("about-to-be", seen)
    assert finding.subject == KB
    assert finding.severity is Severity.HIGH
    assert finding.tenants == (CORP, CORP_)
    assert plain(finding.evidence)["node_ids"] == BOTH
    assert plain(finding.evidence)["patterns"] == 0


def test_two_users_of_one_tenant_are_no_collision_of_tenants() -> None:
    """One tenant's own node_ids on one kb_id hurt no other tenant."""
    seen = fleet("tenant:acme:user:a-b", "tenant:acme:user:a_b", "tenant:acme-corp:user:bob",
                 patterns={"tenant_acme_user_a_b_kato": 4})  # fmt: skip
    assert all(found(code, seen) == [] for code in ("shared-kb", "about-to-be", "hash"))


def test_a_store_that_is_down_leaves_its_count_out() -> None:
    """What is seen elsewhere is enough; an unknown count is never 0."""
    seen = fleet(*BOTH, patterns={KB: 16}, unread=[Measure.VECTORS])
    (finding,) = found("shared-kb", seen)
    assert "vectors" not in plain(finding.evidence)
    assert plain(finding.evidence)["patterns"] == 16


def test_whether_it_is_in_use_cannot_be_told_without_the_store_that_may_know() -> None:
    seen = fleet(*BOTH, unread=[Measure.PATTERNS])
    with pytest.raises(CannotTell, match="patterns did not answer"):
        found("shared-kb", seen)
    assert found("shared-kb", fleet(*BOTH, absent=[Measure.VECTORS])) == []
    assert found("shared-kb", fleet(BOTH[0], unread=[Measure.PATTERNS])) == []


def test_different_names_with_one_hash() -> None:
    """Reported as that, whoever they are of, and not again as shared."""
    one, other = two_with_one_hash()
    kb_id = kb_id_of(one)
    for seen in (fleet(one, other, patterns={kb_id: 5}), fleet(one, other)):
        (finding,) = found("hash", seen)
        assert finding.subject == kb_id
        assert len(finding.tenants) == 2
        assert set(plain(finding.evidence)["node_ids"]) == {one, other}  # type: ignore[arg-type]
        assert found("shared-kb", seen) == found("about-to-be", seen) == []


def test_long_names_with_different_hashes_are_well() -> None:
    assert found("hash", fleet(LONG.format("q"), LONG.format("r"))) == []


def test_cut_names_whose_tenant_is_not_legible() -> None:
    """All of them are one finding, with samples."""
    cut = sorted(kb_id_of(LONG.format(user)) for user in range(12))
    (finding,) = found("cut", fleet(patterns=dict.fromkeys(cut, 2)))
    assert finding.subject == "kb_ids"
    assert finding.severity is Severity.INFO
    assert plain(finding.evidence) == {"number of kb_ids": 12, "kb_ids": tuple(cut[:10])}
    assert finding.kb_ids == tuple(cut[:10])
    assert finding.what == "12 kb_ids are cut before the tenant's name ends."


def test_cut_names_that_are_legible_or_were_seen() -> None:
    """A tenant that ends before the cut is read, and a node_id that was seen says all."""
    legible = kb_id_of("tenant:acme:user:" + "u" * 60)
    seen = fleet(LONG.format(1), patterns={kb_id_of(LONG.format(1)): 1, legible: 1, "x_kato": 1})
    assert found("cut", seen) == []


def test_a_scheme_whose_fields_can_be_read_two_ways() -> None:
    """One finding a tenant: which kb_ids, and who else they could be."""
    texts = ["tenant_acme_user_user_1_kato", "tenant_acme_user_user_2_kato"]
    (finding,) = found("ambiguous", fleet(patterns=dict.fromkeys(texts, 1)))
    assert finding.subject == "tenant/acme"
    assert finding.severity is Severity.MEDIUM
    assert finding.tenants == (ACME,)
    assert finding.kb_ids == tuple(texts)
    assert plain(finding.evidence) == {
        "taken for": "tenant/acme", "could also be": ("tenant/acme_user",),
        "number of kb_ids": 2, "kb_ids": tuple(texts), "node_ids": (),
    }  # fmt: skip
    assert finding.deeds[0].kind is DeedKind.TENANT


def test_a_node_id_that_can_be_read_two_ways() -> None:
    node = "tenant:acme:user:bob:user:x"
    (finding,) = found("ambiguous", fleet(node))
    assert plain(finding.evidence)["node_ids"] == (node,)
    assert plain(finding.evidence)["could also be"] == ("tenant/acme:user:bob",)


def test_a_text_that_fits_several_known_tenants() -> None:
    """No node_id of this kb_id was seen, and KATO writes both tenants' names alike."""
    seen = fleet(*BOTH, patterns={"tenant_acme_corp_user_ines_kato": 3})
    (finding,) = found("ambiguous", seen)
    assert finding.subject == "tenant/acme-corp, tenant/acme_corp"
    assert finding.kb_ids == ("tenant_acme_corp_user_ines_kato",)


def test_a_node_id_that_was_seen_ends_the_doubt() -> None:
    """`user-1` looks like a separator only in the kb_id's text."""
    node = "tenant:acme:user:user-1"
    assert found("ambiguous", fleet(node, *BOTH, patterns={kb_id_of(node): 1, KB: 1})) == []


@pytest.mark.parametrize("code", ["cut", "ambiguous"])
def test_names_that_could_not_be_read_are_not_passed_over(code: str) -> None:
    with pytest.raises(CannotTell):
        found(code, fleet(unread=[Measure.KEYS]))
    assert found(code, fleet(absent=[Measure.KEYS, Measure.SESSIONS])) == []
