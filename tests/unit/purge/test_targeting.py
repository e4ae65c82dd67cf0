"""What a request comes to: exact names, what is left out and why, and whether it still holds."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, strategies as st

from services.errors import PurgeRefused
from services.figures import Measure
from services.purge.models import LeftKind, Names, Request, Surface, Target, VectorNames
from services.purge.target import Doubts, goes, now_left, select
from services.purge.unknown_target import nearest, refuse_unseen
from services.tenancy.kb_ids import NamingSchemes, TenantKey, kb_id_of
from services.tenancy.ownership import Ownership

ACME, CORP = TenantKey("tenant", "acme"), TenantKey("tenant", "acme-corp")
UNDER = TenantKey("tenant", "acme_corp")
SHARED = "tenant_acme_corp_user_bob_kato"
ROWS = {Measure.PATTERNS: 3}


def owned(*nodes: str) -> Ownership:
    return Ownership(nodes, schemes=NamingSchemes.of())


def names(*kb_ids: str, **vectors: object) -> Names:
    return Names(dict.fromkeys(kb_ids, ROWS), vectors=VectorNames({}, **vectors))  # type: ignore[arg-type]


def test_what_two_tenants_could_hold_stays_by_name_only() -> None:
    """Inferred and nobody else's goes with one choice; what reads in two ways does not."""
    there = names("tenant_acme_user_ann_kato", "tenant_acme_corp_user_x_kato")
    request = Request(Target(ACME), include_inferred=True)
    selection = select(request, there, owned())
    assert selection.surface.kb_ids == {"tenant_acme_user_ann_kato"}
    assert [each.kb_id for each in selection.taken] == ["tenant_acme_user_ann_kato"]
    assert not select(Request(Target(ACME)), there, owned()).surface.kb_ids
    alike = select(Request(Target(UNDER), include_inferred=True), there, owned())
    (left,) = alike.left_out
    assert (left.kb_id, left.kind, left.alone) == (
        "tenant_acme_corp_user_x_kato", LeftKind.INFERRED, False,
    )  # fmt: skip


def test_what_is_left_out_says_how_much_of_it_is_there() -> None:
    """By store; one of which nothing is stored is not there."""
    ownership = owned("tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob")
    (left,) = select(Request(Target(CORP)), names(SHARED), ownership).left_out
    assert (left.kind, left.losers, dict(left.counts)) == (LeftKind.SHARED, (UNDER,), ROWS)
    assert left.is_there
    (left,) = select(Request(Target(CORP)), names(), ownership).left_out
    assert not left.is_there


def test_with_a_shared_kb_id_its_sessions_belong_to_the_target_too() -> None:
    """Whoever's they are: they would write again what goes."""
    mine, other = "tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob"
    ownership, request = owned(mine, other), Request(Target(CORP), included=frozenset({SHARED}))
    selection = select(request, names(SHARED), ownership)
    assert selection.surface.nodes == {mine, other}
    assert goes(request, other, ownership)
    assert not goes(Request(Target(CORP)), other, ownership)
    assert selection.whose[SHARED] == "tenant/acme-corp"


def test_the_guides_kb_id_is_known_by_its_name() -> None:
    """It is the node_id as it was written, so nothing is inferred."""
    selection = select(Request(Target(ACME)), names("tenant:acme:user:bob"), owned())
    assert selection.surface.kb_ids == {"tenant:acme:user:bob"}
    assert not selection.left_out


def test_an_alias_is_a_name_like_any_other() -> None:
    """KATO reads and writes through it."""
    there = names("tenant_acme_user_bob_kato", aliases={"vectors_tenant_acme_user_bob_kato": "old"})
    surface = select(Request(Target(ACME)), there, owned("tenant:acme:user:bob")).surface
    assert "vectors_tenant_acme_user_bob_kato" in surface.collections


def test_another_tenant_that_comes_takes_a_kb_id_out() -> None:
    """Also where it was taken in by name: nobody was told of that one."""
    ann = "tenant_acme_user_ann_kato"
    request = Request(Target(ACME))
    surface = Surface(frozenset({SHARED, ann}))
    mine = ["tenant:acme-corp:user:bob"]
    corp = Request(Target(CORP), included=frozenset({SHARED}))
    before = select(corp, names(SHARED), owned(*mine))
    assert not now_left(corp, Surface(frozenset({SHARED})), before.taken, owned(*mine))
    came = owned(*mine, "tenant:acme_corp:user:bob")
    (left,) = now_left(corp, Surface(frozenset({SHARED})), before.taken, came)
    assert (left.kb_id, left.losers) == (SHARED, (UNDER,))
    told = select(corp, names(SHARED), came)
    assert not now_left(corp, Surface(frozenset({SHARED})), told.taken, came)
    third = owned(*came.nodes, "tenant:acme.corp:user:bob")
    assert now_left(corp, Surface(frozenset({SHARED})), told.taken, third)
    assert {
        each.kb_id for each in now_left(request, surface, (), owned("tenant:acme:user:ann"))
    } == {SHARED}


def test_many_tenants_go_as_one() -> None:
    """What two of them share is nobody else's; a tenant's raw id goes for each."""
    both = Request(Target(many=(CORP, UNDER)))
    ownership = owned("tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob")
    selection = select(both, names(SHARED), ownership)
    assert selection.surface.kb_ids == {SHARED}
    assert selection.surface.tenant_ids == {"acme-corp", "acme_corp"}
    assert both.target.name == "erase 2 tenants"


@given(
    st.lists(
        st.builds(
            "tenant:{}:user:{}".format,
            st.sampled_from(["acme", "acme-corp", "acme_corp", "acme.corp", "a b", "x" * 50]),
            st.sampled_from(["bob", "ann", "corp_user_bob"]),
        ),
        max_size=8,
    ),
    st.sampled_from([ACME, CORP, UNDER]),
)
def test_nothing_goes_that_a_node_of_another_tenant_falls_on(
    nodes: list[str], tenant: TenantKey
) -> None:
    """Whatever was seen: a plan that includes nothing by name takes only its own."""
    ownership = owned(*nodes)
    there = names(*map(kb_id_of, nodes))
    for inferred in (False, True):
        request = Request(Target(tenant), include_inferred=inferred)
        surface = select(request, there, ownership).surface
        others = {kb_id_of(node) for node in nodes if ownership.tenant_of(node) != tenant}
        assert not surface.kb_ids & others
        assert not now_left(request, surface, (), ownership)


@pytest.mark.parametrize(
    ("target", "near"),
    [
        (Target(TenantKey("tenant", "acmee")), ("tenant/acme",)),
        (Target(TenantKey("org", "acme")), ("tenant/acme",)),
        (Target(TenantKey("tenant", "ACME")), ("tenant/acme",)),
        (Target(TenantKey("tenant", " acme ")), ("tenant/acme",)),
        (Target(TenantKey("tenant", unicodedata.normalize("NFD", "café"))), ("tenant/café",)),
        (Target(user="Bob"), ("bob",)),
        (Target(ACME, node_id="tenant:acme:user:bop"), ("tenant:acme:user:bob",)),
        (Target(TenantKey("tenant", "hooli")), ()),
    ],
)
def test_what_was_never_seen_is_refused_with_the_nearest_names(
    target: Target, near: tuple[str, ...]
) -> None:
    """Case, blanks, Unicode form, kind, one letter more."""
    ownership = owned("tenant:acme:user:bob", "tenant:café:user:x", "tenant:globex:user:y")
    there = names(*map(kb_id_of, ownership.nodes))
    assert nearest(target, there, ownership)[: len(near)] == near
    with pytest.raises(PurgeRefused, match="was ever seen"):
        refuse_unseen(target, there, ownership, ())


def test_one_of_many_that_was_never_seen_refuses_them_all() -> None:
    """By its name."""
    ownership = owned("tenant:acme:user:bob")
    with pytest.raises(PurgeRefused, match="tenant/hooli"):
        refuse_unseen(Target(many=(ACME, TenantKey("tenant", "hooli"))), names(), ownership, ())


def test_what_the_guides_layout_has_of_a_tenant_was_seen() -> None:
    """Its raw id is on a key, a collection or a point."""
    refuse_unseen(Target(ACME), names(), owned(), {"acme"})
    refuse_unseen(Target(ACME), names("tenant_acme_user_bob_kato"), owned(), ())
    refuse_unseen(Target(user="bob"), names("tenant_acme_user_bob_kato"), owned(), ())


_TEXTS = st.text("acmeorp_-.b ", min_size=1, max_size=12)


@given(
    st.lists(st.builds("tenant:{}:user:{}".format, _TEXTS, _TEXTS), max_size=4),
    st.one_of(
        st.builds(lambda ids: Target(many=tuple(TenantKey("tenant", each) for each in ids)),
                  st.lists(_TEXTS, min_size=1, max_size=5)),
        st.builds(lambda user: Target(user=user), _TEXTS),
    ),
    st.lists(st.builds("tenant_{}_user_{}_kato".format, _TEXTS, _TEXTS), max_size=6),
)  # fmt: skip
def test_what_names_others_alone_is_told_without_reading_it(
    nodes: list[str], target: Target, more: list[str]
) -> None:
    """Passing over a kb_id by its text comes to the same as reading it by every scheme."""
    ownership = owned(*nodes)
    doubts, slow = Doubts(target, ownership), Doubts(target, ownership)
    slow._named = set()
    for kb_id in (*map(kb_id_of, nodes), *map(kb_id_of, more)):
        assert doubts.about(kb_id) == slow.about(kb_id)
