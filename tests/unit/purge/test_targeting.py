"""What a request comes to: exact names, what is left out and why, and whether it still holds."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from services.errors import PurgeRefused
from services.figures import Measure
from services.purge.models import LeftKind, Names, Request, Surface, Target, VectorNames
from services.purge.target import Doubts, goes, now_left, select, wanting
from services.purge.unknown_target import nearest, refuse_unseen
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.names import Confirmation
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes

ACME, CORP = TenantKey("tenant", "acme"), TenantKey("tenant", "acme-corp")
UNDER = TenantKey("tenant", "acme_corp")
SHARED = "tenant_acme_corp_user_bob_kato"
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ROWS = {Measure.PATTERNS: 3}


def owned(*nodes: str) -> Ownership:
    return Ownership(nodes, schemes=NamingSchemes.of())


def names(*kb_ids: str, **vectors: object) -> Names:
    found = VectorNames(**({"collections": {}} | vectors))  # type: ignore[arg-type]
    return Names(dict.fromkeys(kb_ids, ROWS), vectors=found)


def test_what_two_tenants_could_hold_stays_by_name_only() -> None:
    """Inferred and nobody else's goes with one choice; what reads in two ways does not."""
    there = names("tenant_acme_user_ann_kato", "tenant_acme_corp_user_x_kato")
    request = Request(Target(ACME), include_inferred=True)
    selection = select(request, there, owned())
    assert selection.surface.kb_ids == {"tenant_acme_user_ann_kato"}
    assert [each.kb_id for each in selection.taken] == ["tenant_acme_user_ann_kato"]
    plain = select(Request(Target(ACME)), there, owned())
    assert not plain.surface.kb_ids | set(plain.taken)
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
    under = select(replace(request, target=Target(UNDER)), names(SHARED), ownership)
    assert under.whose[SHARED] == "tenant/acme_corp"


def test_the_guides_kb_id_is_known_by_its_name() -> None:
    """It is the node_id as it was written, so nothing is inferred."""
    selection = select(Request(Target(ACME)), names("tenant:acme:user:bob"), owned())
    assert selection.surface.kb_ids == {"tenant:acme:user:bob"}
    assert not selection.left_out


BOB, ANN = "tenant:acme:user:bob", "tenant:acme:user:ann"
KB_BOB = "tenant_acme_user_bob_kato"


def test_a_node_ids_purge_takes_what_is_its_alone() -> None:
    """Its kb_id, and a kb_id that is the node_id as it was written, as in the guide's layout."""
    ownership, request = owned(BOB, ANN), Request(Target(ACME, node_id=BOB))
    selection = select(request, names(KB_BOB, BOB, "tenant_acme_user_ann_kato"), ownership)
    assert selection.surface.kb_ids == {KB_BOB, BOB}
    assert (selection.surface.nodes, selection.surface.tenant_ids) == ({BOB}, frozenset())
    assert not selection.left_out
    raw = Request(Target(ACME, node_id=KB_BOB))
    assert goes(raw, BOB, ownership)  # a session of the kb_id that was named
    assert not goes(raw, ANN, ownership)
    assert not goes(Request(Target(CORP, node_id=KB_BOB)), BOB, ownership)


def test_what_another_node_id_uses_too_stays() -> None:
    """Of the same tenant, or of another; it can be included by name."""
    dot, dash = "tenant:acme:user:x.y", "tenant:acme:user:x-y"
    kb_id = kb_id_of(dot)
    (left,) = select(Request(Target(ACME, node_id=dot)), names(kb_id), owned(dot, dash)).left_out
    assert left.why == f"other node_ids of the same tenant use it too: {dash}"
    assert (left.losers, left.kind) == ((ACME,), LeftKind.SHARED)
    taken = select(
        Request(Target(ACME, node_id=dot), included=frozenset({kb_id})), names(kb_id),
        owned(dot, dash),
    )  # fmt: skip
    assert (taken.surface.kb_ids, taken.surface.nodes) == ({kb_id}, {dot, dash})
    mine, other = "tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob"
    (left,) = select(
        Request(Target(CORP, node_id=mine)), names(SHARED), owned(mine, other)
    ).left_out
    assert left.losers == (UNDER,)
    assert "node_ids of several tenants" in left.why
    unseen = select(Request(Target(CORP, node_id=BOB)), names(KB_BOB), owned())
    assert not unseen.surface.kb_ids | set(unseen.left_out)  # it reads as another tenant's


def test_a_users_purge_takes_the_user_of_each_tenant_or_of_one() -> None:
    """Whoever else is on a kb_id keeps it."""
    nodes = ("tenant:acme:user:x-y", "tenant:globex:user:x-y", "tenant:globex:user:x.y", BOB)
    ownership = owned(*nodes)
    there = names(*map(kb_id_of, nodes))
    every = select(Request(Target(user="x-y")), there, ownership)
    assert every.surface.kb_ids == {"tenant_acme_user_x_y_kato"}
    assert every.surface.nodes == set(nodes[:2])
    (left,) = every.left_out
    assert left.why == "others use it too: tenant:globex:user:x.y"
    assert left.losers == (TenantKey("tenant", "globex"),)
    assert every.whose["tenant_globex_user_x_y_kato"] == "tenant/globex"
    one = select(Request(Target(ACME, user="x-y")), there, ownership)
    assert one.surface.nodes == {nodes[0]}
    assert one.surface.kb_ids == {"tenant_acme_user_x_y_kato"}
    assert not one.left_out


def test_a_node_id_that_can_be_read_in_two_ways_is_no_ones_to_end() -> None:
    """Its session stays, and with it its kb_id."""
    odd = "tenant:acme:user:x:user:y"
    for target in (
        Target(ACME),
        Target(user="x:user:y"),
        Target(TenantKey("tenant", "acme:user:x")),
    ):
        assert not goes(Request(target), odd, owned(odd))
    (left,) = select(Request(Target(ACME)), names(kb_id_of(odd)), owned(odd)).left_out
    assert left.why == "its node_id can be read as another tenant's too"
    assert left.losers == (TenantKey("tenant", "acme:user:x"),)


@pytest.mark.parametrize(
    ("target", "kb_id", "taken", "left"),
    [
        (Target(user="bob"), KB_BOB, True, True),  # nothing seen: its name alone tells
        (Target(ACME, user="bob"), KB_BOB, True, True),
        (Target(user="ann"), KB_BOB, False, False),
        (Target(CORP, user="bob"), KB_BOB, False, False),
        (Target(user="a-b"), "tenant_acme_user_a_b_kato", False, True),  # or a_b's, or a.b's
        (Target(user="x"), "tenant_a_b_user_x_kato", False, True),  # or a-b's
        (Target(user="bob"), "x_kato", False, False),
        (Target(user="bob"), "tenant:acme:user:bob", True, False),  # as it was written
        (Target(user="a-b"), "tenant:acme:user:a-b", True, False),
        (Target(user="a_b"), "tenant:acme:user:a-b", False, False),
    ],
)
def test_a_user_of_whom_no_node_id_was_seen_is_read_out_of_the_text(
    target: Target, kb_id: str, taken: bool, left: bool
) -> None:
    """Which is doubted, and taken with the inferred only where it can be nobody else's."""
    plain = select(Request(target), names(kb_id), owned())
    assert [each.kb_id for each in plain.left_out] == ([kb_id] if left else [])
    assert all(each.kind is LeftKind.INFERRED for each in plain.left_out)
    assert plain.surface.kb_ids == ({kb_id} if taken and not left else frozenset())
    inferred = select(Request(target, include_inferred=True), names(kb_id), owned())
    assert inferred.surface.kb_ids == ({kb_id} if taken else frozenset())


def test_an_admins_word_makes_a_users_kb_id_sure() -> None:
    """Where it is about the tenant that the text names; else it says nothing of the user."""
    kb_id = "tenant_a_b_user_x_kato"
    for tenant, alone in (("a-b", True), ("a_b", True), ("b", False)):
        word = Confirmation(kb_id, TenantKey("tenant", tenant), "ada", NOW, "R-1")
        ownership = Ownership((), schemes=NamingSchemes.of(), confirmed={kb_id: word})
        (left,) = select(Request(Target(user="x")), names(kb_id), ownership).left_out
        assert left.alone is alone


def test_a_cut_kb_id_says_nothing_of_its_user() -> None:
    """The user's name may be what was cut."""
    kb_id = kb_id_of("tenant:acme:user:" + "u" * 60)
    text = kb_id.removeprefix("tenant_acme_user_").removesuffix("_kato")[:-9]
    assert not select(Request(Target(user=text)), names(kb_id), owned()).left_out


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (Target(), "name a tenant, or a user"),
        (Target(ACME, node_id=BOB, user="bob"), "exclude each other"),
        (Target(many=(ACME, CORP), user="bob"), "exclude each other"),
        (Target(CORP, node_id=BOB), f"{BOB} is not of tenant/acme-corp"),
    ],
)
def test_a_target_has_to_name_one_thing(target: Target, why: str) -> None:
    """A node_id that was seen has the tenant that it has."""
    with pytest.raises(PurgeRefused, match=why):
        select(Request(target), names(), owned(BOB))
    select(Request(Target(CORP, node_id="unseen")), names(), owned(BOB))


def test_what_is_not_the_targets_cannot_be_included() -> None:
    """Though it is there."""
    request = Request(Target(ACME), included=frozenset({"tenant_globex_user_x_kato", "b_kato"}))
    with pytest.raises(PurgeRefused, match=r"not of tenant/acme, so .*: b_kato"):
        select(request, names("tenant_globex_user_x_kato"), owned(BOB))


def test_collections_go_by_the_names_of_what_goes() -> None:
    """Those that are there, and those that would be; never one that several share by payload."""
    there = names(
        KB_BOB, aliases={"kato_tenant_acme": "old"}, shared=frozenset({"vectors_b_kato"}),
        collections={"vectors_b_kato": 1, "vectors_tenant_globex_user_x_kato": 2, "else": 3},
    )  # fmt: skip
    surface = select(Request(Target(ACME)), there, owned(BOB)).surface
    assert surface.collections == {f"vectors_{KB_BOB}", "kato_tenant_acme"}
    assert surface.shared_collections == {"vectors_b_kato"}
    all_shared = frozenset({f"vectors_{KB_BOB}", "kato_tenant_acme"})
    surface = select(Request(Target(ACME)), names(KB_BOB, shared=all_shared), owned(BOB)).surface
    assert not surface.collections


def test_whose_everything_is_that_goes() -> None:
    """Of kb_ids, node_ids and raw ids; what stands for itself can be named too."""
    found = select(Request(Target(ACME)), names(KB_BOB), owned(BOB))
    assert found.whose == {KB_BOB: "tenant/acme", BOB: "tenant/acme", "acme": "tenant/acme"}
    itself = TenantKey.of_kb("x_kato")
    found = select(Request(Target(itself)), names("x_kato"), owned())
    assert (found.surface.kb_ids, found.surface.tenant_ids) == ({"x_kato"}, frozenset())
    assert found.whose == {"x_kato": "kb/x_kato"}


def test_a_kb_id_that_became_anothers_may_not_go_any_more() -> None:
    """At all, or since what was inferred is not what was confirmed."""
    surface, request = Surface(frozenset({KB_BOB})), Request(Target(ACME))
    assert not now_left(request, surface, (), owned(BOB))
    other = Request(Target(TenantKey("tenant", "globex")))
    (left,) = now_left(other, surface, (), owned(BOB))
    assert (left.kb_id, left.why) == (KB_BOB, "it is no longer the target's at all")
    (left,) = now_left(request, surface, (), owned())
    assert left.kind is LeftKind.INFERRED
    inferred = Request(Target(ACME), include_inferred=True)
    assert not now_left(inferred, surface, (left,), owned())
    assert now_left(request, surface, (left,), owned())  # nobody asked for it
    assert now_left(inferred, surface, (), owned())  # nobody was told of it


def test_a_purge_works_each_node_id_out_once() -> None:
    """And says the same as `goes`."""
    ownership, request = owned(BOB, ANN), Request(Target(ACME, node_id=BOB))
    wanted = wanting(request, ownership)
    assert [wanted(node) for node in (BOB, ANN, BOB)] == [True, False, True]


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


def test_a_few_of_the_nearest_names_are_told() -> None:
    """Never the target's own; and where none is near, none."""
    ownership = owned(*(f"tenant:acme{sign}:user:x" for sign in "1234"))
    target = Target(TenantKey("tenant", "acme"))
    near = nearest(target, names(), ownership)
    assert len(near) == 3
    with pytest.raises(PurgeRefused, match=f"ever seen here; did you mean {' or '.join(near)}\\?"):
        refuse_unseen(target, names(), ownership, ())
    with pytest.raises(PurgeRefused, match=r"nothing of tenant/zed was ever seen here$"):
        refuse_unseen(Target(TenantKey("tenant", "zed")), names(), ownership, ())
    alike = owned("tenant:Acme:user:x", "tenant:acme:user:y")
    assert nearest(target, names(), alike) == ("tenant/Acme",)
    users = owned(BOB, "team:x:shared", "unread")
    assert nearest(Target(user="bobb"), names(), users) == ("bob",)
    assert nearest(Target(TenantKey("tenant", "acmee")), names(KB_BOB), owned()) == ("tenant/acme",)


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
