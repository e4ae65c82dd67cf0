"""Who has what was looked for: exact means exact, and what is inferred says so."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, strategies as st

from services.figures import Amount, Measure, StoreState
from services.find.index import FleetIndex
from services.find.match import matches_of
from services.find.models import (
    COLLECTION,
    KB,
    NODE,
    SESSION,
    TENANT,
    Certainty,
    Match,
    question_of,
)
from services.tenancy.kb_ids import kb_id_of, sanitise
from services.tenancy.layout import Owner, OwnerKind, text_of
from services.tenancy.ownership import ClaimState, Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.readings import (
    CollectionUsage,
    KeyReading,
    PatternReading,
    PatternUsage,
    SessionRecord,
    VectorReading,
)
from services.usage.rollup import Readings, roll_up
from services.usage.snapshot import Snapshot, StoreFigures

NOW = datetime.now(UTC)
LONG = "tenant:" + "very-long-name" * 6 + ":user:q"

any_text = st.text(st.characters(), max_size=30) | st.binary(max_size=30).map(text_of)
names = st.text("abAB-._ 1", min_size=1, max_size=5).filter(str.strip)


def index_of(
    seen: Iterable[str] = (),
    kb_ids: Iterable[str] = (),
    *,
    sessions: Iterable[SessionRecord] = (),
    collections: Iterable[CollectionUsage] = (),
) -> FleetIndex:
    """The index of a fleet with 3 patterns on each kb_id, by the node_ids seen."""
    ownership = Ownership(seen, schemes=NamingSchemes.of())
    usages = tuple(PatternUsage(kb_id, Amount(3, 30)) for kb_id in dict.fromkeys(kb_ids))
    keys = KeyReading((), tuple(sessions), 0, 0, 0, 0)
    vectors = VectorReading(tuple(collections), Amount())
    rolled = roll_up(
        Readings(PatternReading(usages, (), Amount()), keys, vectors),
        ownership,
        shared_collections=frozenset({"kato_vectors"}),
    )
    snapshot = Snapshot(
        NOW,
        {m: StoreFigures(m, StoreState.OK, Amount()) for m in Measure},
        rolled.tenants,
        rolled.shared,
        rolled.unattributed,
        keys.sessions,
        (),
        vectors.collections,
    )
    return FleetIndex(snapshot, ownership, shared=frozenset({"kato_vectors"}))


def found(index: FleetIndex, typed: str, *, contains: bool = False) -> tuple[Match, ...]:
    return matches_of(index, question_of(typed, contains=contains))


def told(matches: Iterable[Match]) -> set[tuple[str, str, str]]:
    return {(m.what, str(m.tenant), m.certainty.value) for m in matches}


def fleet(*nodes: str) -> FleetIndex:
    """Every node_id was seen, and has data."""
    return index_of(nodes, map(kb_id_of, nodes))


MIXED = index_of(
    ["tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob", "tenant:a:user:b", "x", LONG, ""],
    [
        *map(kb_id_of, ["tenant:acme-corp:user:bob", "tenant:b:user:c", "x", LONG]),
        "tenant:raw:user:bob",
        "",
        "tenant_\udcff_kato",
    ],
    sessions=[SessionRecord("kato:session:s", "s", Owner(OwnerKind.NODE, "x"))],
    collections=[CollectionUsage("vectors_x_kato", Amount(1, 1), "green")],
)


@given(any_text, st.booleans())
@example("", True)
@example("_", True)
@example(LONG, False)
@example("tenant:a:user:b:user:c" * 30, False)
def test_every_text_has_an_answer(typed: str, contains: bool) -> None:
    """It never raises, each match fits as it says, and none is there twice."""
    matches = found(MIXED, typed, contains=contains)
    keys = [(m.what, m.found, m.tenant, m.place) for m in matches]
    assert len(keys) == len(set(keys))
    assert contains or all(m.certainty is not Certainty.CONTAINS for m in matches)


@given(st.lists(st.tuples(names, names), unique=True, max_size=6), names)
@example([("t", "bob"), ("t", "bobby"), ("u", "bo"), ("v", "b-b")], "bob")
@example([("t", "b-b"), ("t", "b_b")], "b-b")
def test_a_user_is_found_in_just_the_tenants_that_the_user_is_in(
    users: list[tuple[str, str]], wanted: str
) -> None:
    """No prefix, no other case, nothing that KATO would only write alike."""
    index = fleet(*(f"tenant:{tenant}:user:{user}" for tenant, user in users))
    tenants = {m.tenant.id for m in found(index, wanted) if m.what == "user" and m.tenant}
    readings = {f"tenant:{tenant}:user:{user}": (tenant, user) for tenant, user in users}
    stripped = {wanted, wanted.strip()} - {""}
    assert tenants == {tenant for tenant, user in readings.values() if user in stripped}


@given(names, names, names)
@example("t", "b-b", "b_b")
@example("t", "bobby", "bob")
def test_without_a_node_id_a_user_is_what_the_kb_id_keeps(
    tenant: str, user: str, wanted: str
) -> None:
    """Equal after KATO's replacements, and marked as inferred."""
    index = index_of([], [kb_id_of(f"tenant:{tenant}:user:{user}")])
    matches = [m for m in found(index, wanted) if m.what == "user"]
    kept = {sanitise(wanted), sanitise(wanted.strip())}
    assert bool(matches) == (sanitise(user) in kept)
    assert all(m.certainty is Certainty.INFERRED for m in matches)
    assert all("no node_id on it was seen" in m.how for m in matches)


def test_the_node_ids_of_one_kb_id_are_told_apart() -> None:
    """`acme-corp` and `acme_corp` share a kb_id; each user is only in the tenant of its node."""
    index = fleet("tenant:acme-corp:user:b-b", "tenant:acme_corp:user:b_b")
    (match,) = found(index, "b-b")
    assert str(match.tenant) == "tenant/acme-corp"
    assert match.state is ClaimState.SHARED
    assert match.tenant
    hit = index.hit(match.tenant, (match,))
    assert hit.state is ClaimState.SHARED
    assert hit.shared == ("tenant_acme_corp_user_b_b_kato",)
    assert hit.usage.patterns == Amount(3, 30)


def test_a_tenant_with_the_user_on_several_kb_ids_has_all_of_them() -> None:
    index = fleet("app:crm:ctx:a:user:bob", "app:crm:ctx:b:user:bob", "app:crm:ctx:b:user:eve")
    matches = found(index, "bob")
    assert {m.place.name for m in matches if m.place} == {
        "app_crm_ctx_a_user_bob_kato", "app_crm_ctx_b_user_bob_kato"
    }  # fmt: skip
    assert matches[0].tenant
    hit = index.hit(matches[0].tenant, matches)
    assert hit.usage.patterns == Amount(6, 60)
    assert hit.usage.keys == Amount(0, 0)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("tenant:acme-corp:user:bob", {(NODE, "tenant/acme-corp", "exact")}),
        ("tenant_acme_corp_user_bob_kato",
         {(KB, "tenant/acme-corp", "exact"), (KB, "tenant/acme_corp", "exact")}),
        ("tenant:acme.corp:user:bob",
         {(NODE, "tenant/acme-corp", "inferred"), (NODE, "tenant/acme_corp", "inferred")}),
        ("acme_corp", {(TENANT, "tenant/acme_corp", "exact")}),
        ("tenant/b", {(TENANT, "tenant/b", "exact")}),
        ("tenant/nobody", set()),
        ("x", {(NODE, "kb/x_kato", "exact")}),
        ("s", {(SESSION, "kb/x_kato", "exact")}),
        ("kato:session:s", {(SESSION, "kb/x_kato", "exact")}),
        ("vectors_x_kato", {(COLLECTION, "kb/x_kato", "exact")}),
        (LONG, {(NODE, f"tenant/{'very-long-name' * 6}", "exact")}),
        ("q", {("user", f"tenant/{'very-long-name' * 6}", "exact")}),
        (r"tenant_\xff_kato", {(KB, "tenant/\udcff", "exact")}),
        ("b", {("user", "tenant/a", "exact"), (TENANT, "tenant/b", "exact")}),
    ],
)  # fmt: skip
def test_what_a_text_can_be(typed: str, expected: set[tuple[str, str, str]]) -> None:
    """Every meaning that a text has comes out, and says what it is."""
    assert told(found(MIXED, typed)) == expected


def test_in_the_guides_layout_the_kb_id_is_the_node_id() -> None:
    """Its user is read out of it as it is: the guide's `LIKE '%:user:{user}'`, made exact."""
    index = index_of([], ["tenant:acme:user:bob", "tenant:acme:user:jim:user:bobby"])
    (match,) = found(index, "bob")
    assert told([match]) == {("user", "tenant/acme", "inferred")}
    assert not found(index, "bo")


def test_a_name_that_reads_in_two_ways_says_so() -> None:
    index = index_of([], ["tenant_a_user_b_user_c_kato"])
    (match,) = found(index, "c")
    assert "in another way too" in match.how
    assert [str(tenant) for tenant in match.others] == ["tenant/a_user_b"]


def test_an_inferred_tenant_is_found_by_its_own_id_too() -> None:
    """All that is known of it is what a kb_id keeps."""
    index = index_of(["tenant:known_co:user:u"], ["tenant_new_co_user_u_kato"])
    assert (TENANT, "tenant/new_co", "inferred") in told(found(index, "new-co"))
    assert not found(index, "known-co")


def test_a_kb_id_that_was_cut_is_counted_and_never_guessed() -> None:
    index = index_of([], [kb_id_of(LONG)])
    assert index.illegible == 1
    assert not found(index, "q")
    assert fleet(LONG).illegible == 0


def test_a_node_id_without_data_is_still_its_tenants() -> None:
    """Its figures are zeros that are known."""
    index = index_of(["tenant:idle:user:u"])
    (match,) = found(index, "tenant:idle:user:u")
    assert match.tenant
    hit = index.hit(match.tenant, (match,))
    assert hit.usage.patterns == hit.usage.sessions == Amount(0, 0)


def test_inside_of_names_only_when_asked() -> None:
    """In either case of letters, marked as what it is, what is exact first."""
    index = fleet("tenant:acme:user:bob", "tenant:globex:user:BOBBY")
    assert told(found(index, "bob")) == {("user", "tenant/acme", "exact")}
    matches = found(index, "bob", contains=True)
    assert matches[0].certainty is Certainty.EXACT
    assert told(matches) == {
        ("user", "tenant/acme", "exact"), ("user", "tenant/globex", "contains")
    }  # fmt: skip


@pytest.mark.parametrize("typed", ["%", "*", "b%", "b_b*", "?", "bo[b]", ".*", "bob' OR '1'='1"])
def test_nothing_is_a_wildcard(typed: str) -> None:
    assert not found(fleet("tenant:acme:user:bob"), typed)
    assert not found(fleet("tenant:acme:user:bob"), typed, contains=True)


def test_a_shared_collection_is_everyones_with_a_point_in_it() -> None:
    split = CollectionUsage(
        "kato_vectors", Amount(5, 50), "green", points_by_tenant={"acme": 3, "globex": 1}
    )
    assert told(found(index_of(collections=[split]), "kato_vectors")) == {
        (COLLECTION, "tenant/acme", "exact"), (COLLECTION, "tenant/globex", "exact")
    }  # fmt: skip


def test_a_session_that_names_nobody_is_nobodys() -> None:
    broken = SessionRecord(
        "kato:session:s", "s", Owner(OwnerKind.NONE, ""), readable=False, problem="it is not JSON"
    )
    (match,) = found(index_of(sessions=[broken]), "s")
    assert match.tenant is None
    assert match.state is ClaimState.UNATTRIBUTED
    assert match.how == "it is not JSON"
