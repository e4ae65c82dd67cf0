"""Whose a name is, and how that is known."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from services.tenancy.kb_ids import kb_id_of
from services.tenancy.layout import Owner, OwnerKind, bytes_of, read_collection, read_key, text_of
from services.tenancy.ownership import ClaimState, Ownership
from services.tenancy.schemes import NamingSchemes
from tests.conftest import capture_rows

SCHEMES = NamingSchemes.of()


def ownership(*nodes: str, service: str = "kato") -> Ownership:
    """Who owns what when these node_ids were seen."""
    return Ownership(nodes, schemes=SCHEMES, service=service)


def tenants(claim: object) -> list[str]:
    """The holders of a claim as texts."""
    return [str(tenant) for tenant in claim.tenants]  # type: ignore[attr-defined]


@given(st.binary())
def test_every_byte_string_has_one_text_and_back(raw: bytes) -> None:
    """Decoding loses nothing."""
    assert bytes_of(text_of(raw)) == raw


@given(st.binary(), st.sampled_from(["kato", "my-kato"]))
def test_every_key_gets_an_answer(key: bytes, service: str) -> None:
    """Any bytes are some kind of key, and some claim answers for it."""
    name = read_key(key, service)
    assert name.kind
    claim = ownership().owner(name.owner)
    assert bool(claim.tenants) == (claim.state is not ClaimState.UNATTRIBUTED)
    assert (len(claim.tenants) > 1) == (claim.state is ClaimState.SHARED)


kb_names = st.text(st.characters(exclude_characters=":", codec="utf-8"), min_size=1)


@given(kb_names, kb_names, st.text(), st.sampled_from(["frequency", "prediction", "later"]))
def test_a_key_is_never_given_to_another_kb_id(one: str, other: str, rest: str, kind: str) -> None:
    """A key of one kb_id is that kb_id's, however alike another is."""
    mine, theirs = kb_id_of(one), kb_id_of(other)
    name = read_key(f"{mine}:{kind}:{rest}".encode())
    assert name.owner == Owner(OwnerKind.KB, mine)
    assert (name.owner.name == theirs) == (mine == theirs)


@pytest.mark.parametrize(
    ("key", "owner", "kind"),
    [
        ("a_kato:frequency:x", ("kb", "a_kato"), "frequency"),
        ("a_kato:symbols:pmf", ("kb", "a_kato"), "symbols"),
        ("a_kato:global:total_unique_patterns", ("kb", "a_kato"), "global"),
        ("a_kato:symbol_to_patterns:with:colon*", ("kb", "a_kato"), "symbol_to_patterns"),
        ("a_kato:novel:x", ("kb", "a_kato"), "other"),
        ("kato:session:session-1", ("none", ""), "session"),
        ("kato:session:_active_index", ("none", ""), "session_index"),
        ("kato:session:node:tenant:a:user:b:active", ("node", "tenant:a:user:b"), "active_pointer"),
        ("kato:metrics:x", ("none", ""), "metrics"),
        ("kato:else", ("none", ""), "unknown"),
        ("kato:session:node:tenant:a:user:b", ("none", ""), "session"),
        ("kato:session:odd:active", ("none", ""), "session"),
        ("stm:global", ("none", ""), "stream"),
        ("stm:events:a_kato", ("none", ""), "stream"),
        ("stm:else", ("none", ""), "unknown"),
        ("patterns:top:5", ("none", ""), "cache"),
        ("symbols:probabilities", ("none", ""), "cache"),
        ("symbols:else", ("none", ""), "unknown"),
        ("tenant:acme:session:1", ("tenant", "acme"), "session"),
        ("tenant:acme:cache", ("tenant", "acme"), "namespaced"),
        ("tenant:acme", ("none", ""), "unknown"),
        ("tenant::x", ("none", ""), "unknown"),
        ("no-colon", ("none", ""), "unknown"),
        ("", ("none", ""), "unknown"),
        ("cache:5", ("none", ""), "unknown"),
    ],
)
def test_what_a_key_is(key: str, owner: tuple[str, str], kind: str) -> None:
    """Each kind of key of KATO's and the guide layout is told by its name."""
    name = read_key(key.encode())
    assert (name.owner.kind.value, name.owner.name) == owner
    assert name.kind == kind


def test_a_kb_id_without_the_services_suffix_is_not_sure() -> None:
    """The word after it is one of KATO's, but nothing else says that it is a kb_id."""
    assert not read_key(b"myapp:metadata:5").sure
    assert read_key(b"myapp_kato:metadata:5").sure


def test_what_only_looks_like_a_kb_id_is_one_where_a_scheme_reads_it_or_it_was_seen() -> None:
    assert ownership().is_kb("tenant_acme")
    assert ownership("x").is_kb("x_kato")
    assert not ownership().is_kb("x_kato")


def test_every_key_of_the_capture_is_attributed() -> None:
    """All keys of a real KATO but its streams, index and sessions name their kb_id."""
    rows = capture_rows("redis.jsonl")
    kinds = {read_key(row["key"].encode()).kind for row in rows}
    nobodys = [r["key"] for r in rows if read_key(r["key"].encode()).owner.kind is OwnerKind.NONE]
    assert "unknown" not in kinds
    assert "other" not in kinds
    assert len(nobodys) == 31
    assert len(rows) - len(nobodys) == 2312


@pytest.mark.parametrize(
    ("name", "kind", "owner", "by_payload"),
    [
        ("vectors_a_kato", OwnerKind.KB, "a_kato", False),
        ("kato_tenant_acme", OwnerKind.TENANT, "acme", False),
        ("kato_vectors", OwnerKind.NONE, "", True),
        ("else", OwnerKind.NONE, "", False),
    ],
)
def test_what_a_collection_is(name: str, kind: OwnerKind, owner: str, by_payload: bool) -> None:
    """KATO's collections, the guide's, and the one shared by payload are told apart."""
    read = read_collection(name, frozenset({"kato_vectors"}))
    assert (read.owner.kind, read.owner.name, read.by_payload) == (kind, owner, by_payload)


def test_a_seen_node_makes_the_claim_known() -> None:
    """The raw name is the one that was seen, not the one in the kb_id."""
    claim = ownership("tenant:acme-corp:user:bob").kb("tenant_acme_corp_user_bob_kato")
    assert claim.state is ClaimState.KNOWN
    assert tenants(claim) == ["tenant/acme-corp"]


def test_two_tenants_on_one_kb_id_share_it() -> None:
    """The collision that the capture holds."""
    seen = ownership("tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob")
    claim = seen.kb("tenant_acme_corp_user_bob_kato")
    assert claim.state is ClaimState.SHARED
    assert tenants(claim) == ["tenant/acme-corp", "tenant/acme_corp"]


def test_two_nodes_of_one_tenant_on_one_kb_id_do_not_share() -> None:
    """Sharing is between tenants."""
    claim = ownership("tenant:a:user:x.y", "tenant:a:user:x-y").kb("tenant_a_user_x_y_kato")
    assert claim.state is ClaimState.KNOWN


def test_an_unseen_kb_id_of_one_known_tenant_is_inferred_to_be_its() -> None:
    """Another user's kb_id reads as the tenant whose name sanitises alike."""
    claim = ownership("tenant:acme-corp:user:bob").kb("tenant_acme_corp_user_eve_kato")
    assert claim.state is ClaimState.INFERRED
    assert tenants(claim) == ["tenant/acme-corp"]


def test_an_unseen_kb_id_that_fits_two_known_tenants_is_shared() -> None:
    """Nothing tells whose it is, so it is nobody's alone."""
    seen = ownership("tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob")
    claim = seen.kb("tenant_acme_corp_user_eve_kato")
    assert claim.state is ClaimState.SHARED
    assert tenants(claim) == ["tenant/acme-corp", "tenant/acme_corp"]


def test_an_unseen_kb_id_of_no_known_tenant_names_a_tenant() -> None:
    """The tenant has the sanitised name, and is inferred."""
    claim = ownership().kb("org_bigco_dept_x_user_y_kato")
    assert claim.state is ClaimState.INFERRED
    assert tenants(claim) == ["org/bigco"]


def test_a_tenant_whose_name_is_a_prefix_gets_nothing_of_the_longer_one() -> None:
    """`acme` is not `acme_corp`."""
    claim = ownership("tenant:acme:user:bob").kb("tenant_acme_corp_user_bob_kato")
    assert tenants(claim) == ["tenant/acme_corp"]


def test_a_text_that_reads_in_two_ways_says_so() -> None:
    """`_user_` twice: the first is taken, the other named."""
    claim = ownership().kb("tenant_a_user_b_user_c_kato")
    assert tenants(claim) == ["tenant/a"]
    assert [str(other) for other in claim.others] == ["tenant/a_user_b"]
    assert "another way" in claim.why


def test_of_two_readings_the_known_tenant_is_taken() -> None:
    """A node_id of the longer one was seen elsewhere."""
    claim = ownership("tenant:a_user_b:user:z").kb("tenant_a_user_b_user_c_kato")
    assert tenants(claim) == ["tenant/a_user_b"]
    assert [str(other) for other in claim.others] == ["tenant/a"]


def test_a_kb_id_that_no_scheme_reads_stands_for_itself() -> None:
    """Unseen it is inferred, seen it is known."""
    assert tenants(ownership().kb("x_kato")) == ["kb/x_kato"]
    assert ownership().kb("x_kato").state is ClaimState.INFERRED
    assert ownership("x").kb("x_kato").state is ClaimState.KNOWN


def test_a_cut_kb_id_names_its_tenant_only_where_the_name_is_whole() -> None:
    """Of a name that the cut went through, no tenant is made up."""
    whole = kb_id_of("tenant:acme:user:" + "u" * 60)
    assert tenants(ownership().kb(whole)) == ["tenant/acme"]
    through = kb_id_of("tenant:" + "t" * 60 + ":user:u")
    assert tenants(ownership().kb(through)) == [f"kb/{through}"]
    assert "cut" in ownership().kb(through).why


def test_the_guides_kb_ids_are_read_without_a_suffix() -> None:
    """`tenant_{tenant}` and raw node_ids, as the guide stores them."""
    assert tenants(ownership().kb("tenant_acme-corp")) == ["tenant/acme-corp"]
    assert tenants(ownership().kb("tenant:acme-corp:user:bob")) == ["tenant/acme-corp"]
    assert tenants(ownership().kb("tenant_acme")) == ["tenant/acme"]


def test_another_services_suffix() -> None:
    """The suffix is the service's, with `-` replaced."""
    kb_id = kb_id_of("tenant:acme:user:bob", "my-kato")
    assert tenants(ownership(service="my-kato").kb(kb_id)) == ["tenant/acme"]


def test_a_raw_tenant_id_is_known_when_that_tenant_was_seen() -> None:
    """The guide's keys, collections and payloads carry the raw id."""
    seen = ownership("tenant:acme-corp:user:bob")
    assert seen.named("acme-corp").state is ClaimState.KNOWN
    assert seen.named("acme_corp").state is ClaimState.INFERRED


@given(st.lists(st.text(), max_size=6), st.text())
def test_every_kb_id_has_holders(nodes: list[str], kb_id: str) -> None:
    """Whatever was seen, a kb_id is somebody's, and only several make it shared."""
    claim = ownership(*nodes).kb(kb_id)
    assert claim.tenants
    assert (claim.state is ClaimState.SHARED) == (len(claim.tenants) > 1)


@given(st.lists(st.text(), min_size=1, max_size=6))
def test_what_was_seen_is_never_inferred(nodes: list[str]) -> None:
    """The kb_id of a seen node_id is known or shared, and its tenant is among the holders."""
    seen = ownership(*nodes)
    for node in nodes:
        claim = seen.kb(kb_id_of(node))
        assert claim.state in {ClaimState.KNOWN, ClaimState.SHARED}
        assert seen.tenant_of(node) in claim.tenants


def test_the_captures_tenants() -> None:
    """From the sessions of the capture alone, the tenants are these."""
    sessions = [
        r for r in capture_rows("redis.jsonl") if r["key"].startswith("kato:session:session")
    ]
    seen = ownership(*(json.loads(row["value"])["node_id"] for row in sessions))
    named = {str(tenant) for tenant in seen.tenants if tenant.kind != "kb"}
    assert len(named) == 13
    assert {"tenant/acme", "tenant/acme-corp", "tenant/acme_corp", "tenant/a*b[c]?"} < named
