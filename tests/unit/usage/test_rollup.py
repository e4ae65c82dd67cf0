"""Rolling up conserves everything: tenants + shared + nobody's is the whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, strategies as st

from services.figures import Amount, Measure, Precision, Usage
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import Owner, OwnerKind
from services.tenancy.ownership import ClaimState, Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage import rollup
from services.usage.places import KeptPlaces
from services.usage.readings import (
    CollectionUsage,
    KeyGroup,
    KeyReading,
    PatternReading,
    PatternUsage,
    SessionRecord,
    VectorReading,
)
from services.usage.rollup import Readings, RolledUp
from services.usage.snapshot import ByTenant

_places = KeptPlaces()


def roll_up(
    readings: Readings, ownership: Ownership, *, before: RolledUp | None = None,
    shared_collections: frozenset[str] = frozenset(),
) -> RolledUp:  # fmt: skip
    """Roll up as a collect does, with the places as they are known from before."""
    return rollup.roll_up(
        readings, ownership, before=before, shared_collections=shared_collections,
        places=_places.of(ownership),
    )  # fmt: skip


NODES = (
    "tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob", "tenant:acme:user:dana",
    "org:bigco:dept:x:user:y", "x", "",
)  # fmt: skip
KB_IDS = (
    *map(kb_id_of, NODES),
    "tenant_globex_user_hank_kato",
    "unread_kato",
    "tenant_raw-name",
    "",
)

NODES_OF_KEYS = (NODES[2], NODES[2], NODES[3])

amounts = st.builds(Amount, st.integers(0, 10**6), st.integers(0, 10**9))
some_kb = st.sampled_from(KB_IDS)
owners = st.one_of(
    st.builds(Owner, st.just(OwnerKind.KB), some_kb),
    st.builds(Owner, st.just(OwnerKind.TENANT), st.sampled_from(["acme", "acme-corp", "it's"])),
    st.builds(Owner, st.just(OwnerKind.NODE), st.sampled_from(NODES)),
    st.just(Owner(OwnerKind.NONE, "")),
)
seen = st.lists(st.sampled_from(NODES), unique=True)


def pattern_reading(usages: list[PatternUsage]) -> PatternReading:
    return PatternReading(tuple(usages), (), added(usage.amount for usage in usages))


def vector_reading(collections: list[CollectionUsage]) -> VectorReading:
    return VectorReading(tuple(collections), added(c.amount for c in collections))


def added(amounts: Iterable[Amount]) -> Amount:
    return sum(amounts, start=Amount(0, 0))


def key_reading(groups: list[KeyGroup], sessions: list[SessionRecord]) -> KeyReading:
    keys = sum(group.amount.count for group in groups) + len(sessions)
    return KeyReading(tuple(groups), tuple(sessions), keys, keys, 0, 0)


patterns = st.lists(
    st.builds(PatternUsage, some_kb, amounts), unique_by=lambda usage: usage.kb_id
).map(pattern_reading)
plain_collections = st.builds(
    CollectionUsage,
    st.sampled_from([f"vectors_{kb}" for kb in KB_IDS] + ["kato_tenant_acme", "else"]),
    amounts,
    st.just("green"),
)


@st.composite
def split_collections(draw: st.DrawFn) -> CollectionUsage:
    """A collection shared by payload, some of whose points have no tenant_id."""
    by_tenant = draw(st.dictionaries(st.sampled_from(["acme", "b", "c"]), st.integers(1, 99)))
    points = sum(by_tenant.values()) + draw(st.integers(0, 9))
    size = draw(st.none() | st.integers(0, 10**6))
    return CollectionUsage(
        "kato_vectors", Amount(points, size), "green", points_by_tenant=by_tenant
    )


vectors = st.lists(plain_collections | split_collections(), unique_by=lambda c: c.name).map(
    vector_reading
)
groups = st.builds(
    KeyGroup, owners, st.sampled_from(["frequency", "other"]), amounts, st.booleans()
)
sessions = st.builds(
    SessionRecord, st.just("k"), st.text(max_size=4), owners, bytes=st.integers(0, 9999)
)
keys = st.builds(key_reading, st.lists(groups), st.lists(sessions))


def usages(rolled: RolledUp) -> list[Usage]:
    return [
        *(tenant.usage for tenant in rolled.tenants),
        *(part.usage for part in rolled.shared),
        rolled.unattributed.usage,
    ]


@given(patterns, keys, vectors, seen)
def test_the_parts_sum_to_the_whole(
    patterns: PatternReading, keys: KeyReading, vectors: VectorReading, nodes: list[str]
) -> None:
    """Rows, keys, points, sessions and every byte are where they were, each once."""
    ownership = Ownership(nodes, schemes=NamingSchemes.of())
    rolled = roll_up(
        Readings(patterns, keys, vectors), ownership, shared_collections=frozenset({"kato_vectors"})
    )
    whole = {
        Measure.PATTERNS: patterns.total,
        Measure.KEYS: added(group.amount for group in keys.groups),
        Measure.VECTORS: vectors.total,
        Measure.SESSIONS: added(Amount(1, s.bytes) for s in keys.sessions or ()),
    }
    for measure, expected in whole.items():
        parts = [amount for usage in usages(rolled) if (amount := usage.of(measure))]
        assert sum(part.count for part in parts) == expected.count
        assert rolled.sums[measure].count == expected.count
        if measure is not Measure.VECTORS or all(
            c.amount.bytes is not None for c in vectors.collections
        ):
            assert sum(part.bytes or 0 for part in parts) == expected.bytes
    kinds = [kind for usage in usages(rolled) for kind in (usage.keys_by_kind or {}).values()]
    assert sum(kinds) == whole[Measure.KEYS].count
    for usage in usages(rolled):
        assert usage.predictions is not None
        assert usage.predictions.count == (usage.keys_by_kind or {}).get("prediction", 0)


@given(patterns, seen)
def test_what_a_store_did_not_say_is_unknown_everywhere(
    patterns: PatternReading, nodes: list[str]
) -> None:
    """With Redis and Qdrant down, no owner has 0 keys, points or sessions: they are unknown."""
    rolled = roll_up(Readings(patterns), Ownership(nodes, schemes=NamingSchemes.of()))
    for usage in usages(rolled):
        assert usage.patterns is not None
        assert usage.keys is usage.vectors is usage.sessions is usage.keys_by_kind is None
        assert usage.predictions is None


@given(keys, seen)
def test_sessions_that_are_not_read_yet_are_unknown(keys: KeyReading, nodes: list[str]) -> None:
    """While the pass over Redis runs, its keys are counted and nobody has 0 sessions."""
    running = replace(keys, sessions=None, precision=Precision.RUNNING)
    rolled = roll_up(Readings(keys=running), Ownership(nodes, schemes=NamingSchemes.of()))
    for usage in usages(rolled):
        assert usage.keys is not None
        assert usage.sessions is None


@given(keys, seen)
def test_every_tenant_stands_once(keys: KeyReading, nodes: list[str]) -> None:
    """No tenant is listed twice, and shared kb_ids have several holders."""
    rolled = roll_up(Readings(keys=keys), Ownership(nodes, schemes=NamingSchemes.of()))
    names = [tenant.tenant for tenant in rolled.tenants]
    assert len(names) == len(set(names))
    for part in rolled.shared:
        assert part.claim.state is ClaimState.SHARED
        assert set(part.claim.tenants) <= set(names)


whole = st.tuples(patterns, keys, vectors)


@given(whole, whole, seen)
def test_a_round_is_the_same_whatever_was_before(
    first: tuple[PatternReading, KeyReading, VectorReading],
    then: tuple[PatternReading, KeyReading, VectorReading],
    nodes: list[str],
) -> None:
    """Nothing of an earlier round comes into a later one, and who did not change stays as made."""
    ownership = Ownership(nodes, schemes=NamingSchemes.of())
    before = roll_up(Readings(*first), ownership)
    made = {tenant.tenant: tenant for tenant in before.tenants}
    again = roll_up(Readings(*first), ownership, before=before)
    assert again == before
    assert all(tenant is made[tenant.tenant] for tenant in again.tenants)
    after = roll_up(Readings(*then), ownership, before=before)
    fresh = roll_up(Readings(*then), Ownership(nodes, schemes=NamingSchemes.of()))
    assert after == fresh


def test_of_one_change_one_tenant_is_made_anew() -> None:
    """One more key of one kind with one key less of another is a change, and nobody else's."""
    ownership = Ownership(NODES[2:4], schemes=NamingSchemes.of())

    def reading(*counts: int) -> Readings:
        kinds = zip(("frequency", "other", "frequency"), counts, NODES_OF_KEYS, strict=True)
        groups = [
            KeyGroup(Owner(OwnerKind.KB, kb_id_of(node)), kind, Amount(count, 9))
            for kind, count, node in kinds
        ]
        return Readings(keys=key_reading(groups, []))

    before = roll_up(reading(3, 4, 5), ownership)
    last = list(before.tenants)
    after = list(roll_up(reading(4, 3, 5), ownership, before=before).tenants)
    assert [a is b for a, b in zip(last, after, strict=True)] == [True, False]
    assert after[1].usage.keys_by_kind == {"frequency": 4, "other": 3}


def test_memory_of_predictions_is_told_apart() -> None:
    """With its margin; where only that is another, the tenant is made anew, and nobody else."""
    ownership = Ownership(NODES[2:4], schemes=NamingSchemes.of())

    def reading(first: int | None, second: int | None) -> Readings:
        sizes = zip(("prediction", "frequency", "frequency"), (first, second, 5), NODES_OF_KEYS,
                    strict=True)  # fmt: skip
        groups = [
            KeyGroup(Owner(OwnerKind.KB, kb_id_of(node)), kind, Amount(2, size, 0, 3.0))
            for kind, size, node in sizes
        ]
        return Readings(keys=key_reading(groups, []))

    before = roll_up(reading(30, 70), ownership)
    bigco, acme = before.tenants
    assert acme.usage.predictions == Amount(2, 30, 0, 3.0)
    assert bigco.usage.predictions == Amount(0, 0)
    after = list(roll_up(reading(40, 60), ownership, before=before).tenants)
    assert [a is b for a, b in zip((bigco, acme), after, strict=True)] == [True, False]
    untold = list(roll_up(reading(None, 60), ownership).tenants)
    assert untold[1].usage.predictions == Amount(2, None, 0, 3.0)


def test_one_tenant_is_found_by_its_name() -> None:
    """With nobody else made; one of whom nothing was found is None."""
    rolled = roll_up(Readings(pattern_reading([PatternUsage(kb_id_of("x"), Amount(1, 1))])),
                     Ownership(["x"], schemes=NamingSchemes.of()))  # fmt: skip
    assert isinstance(rolled.tenants, ByTenant)
    (only,) = rolled.tenants
    assert rolled.tenants.of(only.tenant) is only is rolled.tenants[0]
    assert rolled.tenants[:1] == (only,)
    assert rolled.tenants.of(TenantKey("tenant", "else")) is None


def both_nodes() -> Ownership:
    return Ownership(NODES[:2], schemes=NamingSchemes.of())


def test_a_shared_kb_id_is_in_neither_tenants_figures() -> None:
    """The 16 patterns of the collision belong to both, so to no one alone."""
    usage = PatternUsage("tenant_acme_corp_user_bob_kato", Amount(16, 100))
    rolled = roll_up(Readings(pattern_reading([usage])), both_nodes())
    assert [t.usage.patterns for t in rolled.tenants] == [Amount(0, 0), Amount(0, 0)]
    assert rolled.shared[0].usage.patterns == Amount(16, 100)
    assert all(t.shared == ("tenant_acme_corp_user_bob_kato",) for t in rolled.tenants)


def test_a_part_says_what_clickhouse_does_of_its_kb_id() -> None:
    """When it was written, in which tables; and rows without a kb_id are a sample of nobody's."""
    first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    found = PatternUsage(kb_id_of("x"), Amount(1, 1), first, last, {"patterns_data": 1})
    rows = PatternUsage(None, Amount(2, 2))
    rolled = roll_up(
        Readings(pattern_reading([found, rows])), Ownership(["x"], schemes=NamingSchemes.of())
    )
    ((part,),) = (tenant.parts for tenant in rolled.tenants)
    assert (part.first_write, part.last_write) == (first, last)
    assert part.rows_by_table == {"patterns_data": 1}
    assert rolled.unattributed.samples == ("rows without a kb_id",)


def test_a_session_names_its_tenant_even_on_a_shared_kb_id() -> None:
    """Its record carries the raw node_id."""
    session = SessionRecord("k", "s", Owner(OwnerKind.NODE, NODES[0]), bytes=9)
    rolled = roll_up(Readings(keys=key_reading([], [session])), both_nodes())
    by_name = {str(tenant.tenant): tenant for tenant in rolled.tenants}
    assert by_name["tenant/acme-corp"].usage.sessions == Amount(1, 9)
    assert by_name["tenant/acme-corp"].kb_ids == ()


def test_a_key_that_only_looks_like_a_kb_ids_is_nobodys() -> None:
    """`myapp:metadata:5` is another program's, unless ClickHouse knows `myapp`."""
    group = KeyGroup(Owner(OwnerKind.KB, "myapp"), "metadata", Amount(3, 30), sure=False)
    reading = key_reading([group], [])
    nobody = Ownership((), schemes=NamingSchemes.of())
    rolled = roll_up(Readings(keys=reading), nobody)
    assert rolled.unattributed.usage.keys_by_kind == {"unknown": 3}
    patterns = pattern_reading([PatternUsage("myapp", Amount(1, 1))])
    rolled = roll_up(Readings(patterns, reading), nobody)
    assert [str(tenant.tenant) for tenant in rolled.tenants] == ["kb/myapp"]


def test_unknown_sizes_are_not_zero() -> None:
    """Where Qdrant does not tell bytes, no owner's vectors take 0 bytes."""
    collection = CollectionUsage("vectors_unread_kato", Amount(5, None), "green")
    reading = VectorReading((collection,), Amount(5, None))
    ownership = Ownership(["x"], schemes=NamingSchemes.of())
    rolled = roll_up(Readings(vectors=reading), ownership)
    assert [tenant.usage.vectors for tenant in rolled.tenants] == [Amount(5, None)]
    assert rolled.unattributed.usage.vectors == Amount(0, None)
