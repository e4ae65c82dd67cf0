"""What a new session is refused for, before KATO sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from services.access.viewer import Role, TenantPattern, Viewer
from services.embedded.kato.config import RULES, accepted, changed, refusals
from services.errors import EncryptionError, NamingError, SessionRefused
from services.figures import Measure, Precision
from services.sessions.access import confined_landing
from services.sessions.create import SessionService
from services.sessions.landing import NODE_ID_LIMIT, Erased, land
from services.sessions.older import LEARNT, Older, older_data
from services.sessions.options import (
    OPTIONS,
    OptionKind,
    check_options,
    compare,
    compare_change,
    effects,
)
from services.settings.encryption import Encryption
from services.tenancy.kb_ids import TenantKey, kb_id_of, sanitise
from services.tenancy.names import Confirmation, Source
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import GUIDE_TEMPLATES, NamingScheme, NamingSchemes
from services.usage.readings import CreatedSession
from tests.unit.access.scopes_seen import viewer
from tests.unit.isolation.fleets_seen import fleet
from tests.unit.settings.test_encryption import NEW, SECRET

if TYPE_CHECKING:
    from services.stores.records.nodes import StateStore


def owned(*nodes: str) -> Ownership:
    return Ownership(nodes, schemes=NamingSchemes.of())


class Kato:
    """Takes anything, as KATO does, and remembers what it was sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, object]] = []

    def create_session(
        self,
        node_id: str,
        *,
        ttl_seconds: int | None = None,
        metadata: Mapping[str, object] | None = None,
        config: Mapping[str, object] | None = None,
    ) -> CreatedSession:
        self.sent.append({"node_id": node_id, "ttl": ttl_seconds, "metadata": metadata})
        now = datetime.now(UTC)
        return CreatedSession("s", node_id, ttl_seconds or 0, now, now, metadata or {}, {})


@pytest.fixture
def kato() -> Kato:
    return Kato()


@pytest.fixture
def state(tmp_path: Path) -> StateStore:
    from services.stores.records.nodes import StateStore

    return StateStore.open(tmp_path)


@pytest.fixture
def service(state: StateStore, kato: Kato) -> SessionService:
    seen = owned("tenant:acme-corp:user:bob")
    return SessionService(kato, state=state, ownership=lambda: seen, encryption=Encryption([NEW]))


REFUSED = {
    "": "empty",
    "  ": "empty",
    "tenant:a\n:user:b": "control characters",
    "tenant:a\u202eb:user:c": "control characters",
    "test_x": "begin with test_",
    "test:tenant:a": "begin with test_",
    "test-a": "begin with test_",
    "x" * (NODE_ID_LIMIT + 1): f"longer than {NODE_ID_LIMIT}",
    "tenant:acme.corp:user:bob": "already used by tenant/acme-corp",
    "tenant:acme_corp:user:bob": "already used by tenant/acme-corp",
    "tenant:acme:user:O'Brien": "KATO does not bear ' in a name",
    "tenant:a[b]:user:c": "KATO does not bear [ ] in a name",
    f"tenant:{'long' * 12}:user:bob": "cut the name before the tenant ends",
}


@pytest.mark.parametrize("node_id", REFUSED, ids=lambda node: repr(node[:20]))
def test_a_node_id_that_must_not_be_used_is_refused(
    service: SessionService, kato: Kato, node_id: str
) -> None:
    """With the reason, by the landing and by the creation, and KATO is not asked."""
    landing = land(node_id, owned("tenant:acme-corp:user:bob"))
    assert REFUSED[node_id] in landing.refusal
    with pytest.raises(NamingError) as caught:
        service.create(node_id, ttl_seconds=3600, metadata={})
    assert str(caught.value) == landing.refusal
    assert kato.sent == []


@pytest.mark.parametrize(
    "node_id",
    ["tenant:acme-corp:user:bob", "tenant:acme-corp:user:zoe", "tenant:latest_x:user:b",
     "user:zed", "tenant:a*b?:user:x & \u00f6", "contest_1", "tenant:tests:user:日本"],
)  # fmt: skip
def test_others_are_not(service: SessionService, kato: Kato, node_id: str) -> None:
    """A tenant's own memory, a new user of it, and odd names are all right."""
    assert land(node_id, owned("tenant:acme-corp:user:bob")).refusal == ""
    service.create(node_id, ttl_seconds=60, metadata={})
    assert len(kato.sent) == 1


def test_a_memory_that_is_shared_already_takes_no_further_session() -> None:
    """Each of those that share it is told of the others."""
    both = owned("tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob")
    landing = land("tenant:acme-corp:user:bob", both)
    assert landing.others == (TenantKey("tenant", "acme_corp"),)
    assert "already used by tenant/acme_corp" in landing.refusal


def test_a_tenant_that_looks_like_one_that_is_there() -> None:
    """The other is offered, unless this one is there too; whom the viewer sees not is not."""
    seen = owned("tenant:acme:user:bob", "org:acme:dept:d:user:e", "tenant:beta :user:x",
                 "tenant:beta:user:x")  # fmt: skip
    landing = land("tenant:Acme :user:zoe", seen)
    assert landing.alike == (TenantKey("tenant", "acme"),)
    assert not landing.refusal
    assert land("tenant:beta:user:y", seen).alike == land("tenant:acme:user:z", seen).alike == ()
    told = [confined_landing(landing, viewer(*scope)).alike
            for scope in (["tenant/Acme "], ["tenant/Acme ", "tenant/acme"])]  # fmt: skip
    assert told == [(), landing.alike]


OLDER = Older({Measure.PATTERNS: 16}, ())
CORP, CORP_ = TenantKey("tenant", "acme-corp"), TenantKey("tenant", "acme_corp")
BOB = "tenant:acme-corp:user:bob"


def test_data_that_was_there_before_takes_a_word() -> None:
    """Or is refused where somebody known could have written it; what was seen needs none."""
    cases: list[tuple[Ownership, Older | None, bool, str]] = [
        (owned(), OLDER, True, ""),
        (owned("tenant:acme-corp:user:ann"), OLDER, True, ""),
        (owned("tenant:acme_corp:user:ann"), OLDER, True, "tenant/acme_corp could have written"),
        (owned("tenant:acme_corp:user:ann"), None, False, ""),
        (owned("tenant:acme_corp:user:ann"), Older(), True, ""),  # nothing is known of it
        (owned(BOB), OLDER, False, ""),
        (adopted(CORP), OLDER, False, ""),
        (adopted(CORP_), OLDER, False, "already used by tenant/acme_corp"),
        (adopted(CORP_, BOB), OLDER, False, "already used by tenant/acme_corp"),
    ]
    for ownership, stored, asks, refusal in cases:
        landing = land(BOB, ownership, lambda _, stored=stored: stored)  # type: ignore[misc]
        assert (landing.older is not None) == asks, ownership.nodes
        assert refusal in landing.refusal
        assert bool(landing.refusal) == bool(refusal)


def adopted(tenant: TenantKey, *nodes: str) -> Ownership:
    kb_id = "tenant_acme_corp_user_bob_kato"
    word = Confirmation(kb_id, tenant, "ann", datetime.now(UTC), "asked")
    return Ownership(nodes, schemes=NamingSchemes.of(), confirmed={kb_id: word})


def test_a_word_is_recorded_before_kato_is_asked(state: StateStore, kato: Kato) -> None:
    """So that what the next pass sees of it is not taken for the first that was seen."""
    service = SessionService(kato, state=state, ownership=owned, stored=lambda _: OLDER)
    for word in ("", "  "):
        with pytest.raises(NamingError, match="say why"):
            service.create(BOB, ttl_seconds=60, metadata={}, word=word)
    assert not kato.sent
    assert not state.nodes()
    service.create(BOB, ttl_seconds=60, metadata={}, word="they moved here")
    state.record_nodes({BOB: "session"}, datetime.now(UTC))
    (node,) = state.nodes()
    assert Source.of(node.source) is Source.OVER
    assert len(kato.sent) == 1


def test_what_lies_under_a_kb_id_is_never_taken_for_nothing() -> None:
    """Counted over all of it; not known before the first figures, or where a store was not read."""
    kb_id = "tenant_acme_user_bob_kato"
    seen = fleet(patterns={kb_id: 3, "x_kato": 1}, keys={kb_id: 2}, sessions=["tenant:acme:user:b"])
    assert older_data(kb_id, seen.snapshot) == Older({Measure.PATTERNS: 3, Measure.KEYS: 2}, ())
    assert older_data("tenant_acme_user_b_kato", seen.snapshot) is None
    unread = fleet(keys={kb_id: 2}, unread=[Measure.VECTORS]).snapshot
    assert older_data(kb_id, unread) == Older({Measure.KEYS: 2}, (Measure.VECTORS,))
    assert older_data("x_kato", unread) == Older({}, (Measure.VECTORS,))
    assert older_data("x_kato", fleet(absent=[Measure.VECTORS]).snapshot) is None
    assert older_data("x_kato", None) == Older({}, LEARNT)
    stores = fleet().snapshot.stores
    for precision in Precision.ESTIMATE, Precision.RUNNING:
        passing = replace(stores[Measure.PATTERNS], precision=precision)
        early = replace(seen.snapshot, stores={**stores, Measure.PATTERNS: passing})
        assert older_data("y_kato", early) == Older({}, (Measure.PATTERNS,))


@pytest.mark.parametrize("service_name", ["kato", "k", "a-much-longer-name"])
@pytest.mark.parametrize("template", GUIDE_TEMPLATES)
def test_a_name_is_refused_exactly_when_its_kb_id_no_longer_names_its_tenant(
    template: str, service_name: str
) -> None:
    """A cut that leaves the tenant whole is warned of; a cut into the tenant is refused."""
    scheme = NamingScheme(template)
    for length in range(1, 70):
        values = dict.fromkeys(scheme.fields, "u") | {scheme.kind: "t" * length}
        seen = Ownership((), schemes=NamingSchemes.of(), service=service_name)
        landing = land(scheme.make(**values), seen)
        told = landing.claim.tenant == landing.tenant
        assert bool(landing.refusal) == (not told), (length, landing)
        whole = f"{sanitise(scheme.make(**values))}_{sanitise(service_name)}"
        assert bool(landing.warning) == (landing.kb_id != whole)


def test_what_was_erased_is_asked_for_once_more(state: StateStore, kato: Kato) -> None:
    """By its own kb_id, and nobody else's: KATO is not asked before it was said again."""
    bob, zoe = "tenant:acme-corp:user:bob", "tenant:acme-corp:user:zoe"
    gone = {kb_id_of(bob): Erased(datetime(2026, 11, 28, 14, 2, tzinfo=UTC), "GDPR-4711")}
    seen = owned(bob)
    service = SessionService(kato, state=state, ownership=lambda: seen, erased=gone.get)
    assert [each.erased for each in map(service._land, (bob, zoe))] == [*gone.values(), None]
    with pytest.raises(SessionRefused, match="was erased on 2026-11-28 14:02 UTC"):
        service.create(bob, ttl_seconds=60, metadata={})
    assert kato.sent == []
    service.create(bob, ttl_seconds=60, metadata={}, again=True)
    service.create(zoe, ttl_seconds=60, metadata={})
    assert [each["node_id"] for each in kato.sent] == [bob, zoe]


def test_for_which_ticket_it_was_erased_is_told_to_some() -> None:
    """Those who see all, and who asked for it; whoever else may see it is told when."""
    erased = Erased(datetime(2026, 11, 28, tzinfo=UTC), "GDPR-4711", "ann")
    found = land("tenant:acme-corp:user:bob", owned("tenant:acme-corp:user:bob"))
    landing = replace(found, erased=erased)
    told = {
        (who, scope): confined_landing(
            landing, Viewer(who, Role.OPERATOR, frozenset({TenantPattern.parse(scope)}))
        ).erased
        for who in ("ann", "bea") for scope in ("*", "tenant/acme-corp", "tenant/zed")
    }  # fmt: skip
    untold = replace(erased, ticket="", by="")
    assert told == {
        ("ann", "*"): erased, ("bea", "*"): erased,
        ("ann", "tenant/acme-corp"): erased, ("bea", "tenant/acme-corp"): untold,
        ("ann", "tenant/zed"): None, ("bea", "tenant/zed"): None,
    }  # fmt: skip


@pytest.mark.parametrize("ttl", [59, 0, -1, 30 * 86_400 + 1])
def test_a_ttl_out_of_bounds_is_refused(service: SessionService, kato: Kato, ttl: int) -> None:
    with pytest.raises(SessionRefused, match="60 seconds to 30 days"):
        service.create("user:a", ttl_seconds=ttl, metadata={})
    assert kato.sent == []


def test_sensitive_metadata_leaves_encrypted(service: SessionService, kato: Kato) -> None:
    """Its value is in nothing that KATO gets; what is plain stays plain."""
    service.create("user:a", ttl_seconds=60, metadata={"plan": "pro"}, sensitive={"pin": SECRET})
    sent = kato.sent[0]["metadata"]
    assert isinstance(sent, dict)
    assert sent.keys() == {"plan", "encrypted_data"}
    assert "hunter2" not in repr(kato.sent)
    assert Encryption([NEW]).decrypt(sent["encrypted_data"]) == {"pin": SECRET}


def test_sensitive_metadata_without_a_key_is_refused(state: StateStore, kato: Kato) -> None:
    """It never leaves in the clear."""
    bare = SessionService(kato, state=state, ownership=owned)
    with pytest.raises(EncryptionError):
        bare.create("user:a", ttl_seconds=60, metadata={}, sensitive={"pin": SECRET})
    assert kato.sent == []


def test_the_name_of_encrypted_metadata_is_taken(service: SessionService) -> None:
    with pytest.raises(SessionRefused, match="encrypted_data"):
        service.create("user:a", ttl_seconds=60, metadata={"encrypted_data": "x"})


WRONG = {
    "recall_threshold": (-0.01, 1.01, "0.5", True),
    "max_predictions": (0, 10_001, 1.5, True),
    "persistence": (0, 101, None),
    "max_pattern_length": (-1, "5"),
    "stm_mode": ("clear", "", 1),
    "use_token_matching": (1, "true", None),
    "rank_sort_algo": ("Potential", "best"),
    "filter_pipeline": (["length", "nothing"], "length"),
    "affinity_emotive": ("", "  ", "a\n", 5),
    "indexer_type": ("vi", "HNSW", 1),
    "length_min_ratio": (-0.01, 1.01, float("nan")),
    "length_max_ratio": (0.99, float("inf"), float("nan"), "2"),
    "jaccard_min_overlap": (0, 2.5),
    "minhash_bands": (0, 101),
    "minhash_rows": (0, 21),
    "minhash_num_hashes": (9, 257),
    "bloom_false_positive_rate": (0.00009, 0.11, True),
    "no_such_option": (1,),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_option_out_of_range_is_refused(service: SessionService, name: str) -> None:
    """KATO would drop it, and every other, without a word."""
    for value in WRONG[name]:
        with pytest.raises(SessionRefused, match=name):
            service.create("user:a", ttl_seconds=60, metadata={}, config={name: value})


def test_the_bounds_themselves_are_taken() -> None:
    check_options({"recall_threshold": 0, "max_predictions": 1, "persistence": 100})
    check_options({"recall_threshold": 1.0, "max_predictions": 10_000, "max_pattern_length": 0})
    check_options({"stm_mode": "ROLLING", "filter_pipeline": ["jaccard", "length"]})
    check_options({"length_min_ratio": 1, "length_max_ratio": 1, "jaccard_min_overlap": 1})
    check_options({"minhash_bands": 100, "minhash_rows": 20, "minhash_num_hashes": 256})
    check_options({"bloom_false_positive_rate": 0.0001, "minhash_num_hashes": 10})
    check_options({"bloom_false_positive_rate": 0.1, "indexer_type": "FAISS"})


def test_all_options_of_kato_are_offered() -> None:
    """By the names and defaults that its stand-in has from a real one."""
    assert {option.name: option.default for option in OPTIONS} == {
        name: rule.default for name, rule in RULES.items()
    }
    assert len(OPTIONS) == 24


VALUES = st.one_of(
    st.integers(-2, 300), st.floats(-1, 300), st.booleans(), st.none(), st.text(max_size=3),
    st.sampled_from([0.0001, 0.1, 1.0, "VI", "LSH", "CLEAR", "ROLLING", "potential", float("nan")]),
    st.lists(st.sampled_from(["length", "bloom", "other"]), max_size=2),
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*RULES, "no_such_option"]), VALUES, max_size=4))
def test_what_passes_here_is_taken_whole_by_kato(config: dict[str, object]) -> None:
    """When a session is created, and when its options are changed: nothing is dropped or bent."""
    try:
        check_options(config)
    except SessionRefused:
        return
    assert accepted(config) == config
    assert not refusals(config)
    assert {name: changed(config)[name] for name in config} == config


def test_what_an_option_does_besides_is_said() -> None:
    """Vectors that do nothing, and one option that takes another along only sometimes."""
    assert not list(effects({"indexer_type": "VI", "recall_threshold": 0.4}))
    assert not list(effects({"use_token_matching": False, "sort_symbols": False}))
    (vectors,) = effects({"indexer_type": "LSH"})
    assert "LSH" in vectors
    (along,) = effects({"use_token_matching": False})
    assert "sort_symbols" in along


def test_what_changed_along_stands_beside_what_was_asked() -> None:
    asked, before = {"use_token_matching": False}, {"sort_symbols": None, "persistence": 7}
    after = {"use_token_matching": False, "sort_symbols": False, "persistence": 7}
    found = list(compare_change(asked, before=before, after=after))
    told = [(each.name, each.accepted, each.kept, each.along) for each in found]
    assert told == [
        ("use_token_matching", False, True, False),
        ("sort_symbols", False, False, True),
    ]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_the_stand_in_takes_what_the_form_offers(option) -> None:  # type: ignore[no-untyped-def]
    """Default and bounds are within the stand-in's own rules, which are the recorded ones."""
    offered = [option.default, *option.choices] if option.kind is not OptionKind.LIST else [[]]
    if option.kind in (OptionKind.WHOLE, OptionKind.NUMBER):
        offered = [v for v in (option.least, option.most) if v is not None]
    rule = RULES[option.name]
    assert option.default == rule.default
    for value in offered:
        assert rule.allows(value), value


def test_asked_and_accepted_are_compared() -> None:
    """What KATO dropped or changed stands out."""
    rows = {row.name: row for row in compare({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5, "z": 0})}
    assert [rows[name].kept for name in "abc"] == [True, False, False]
    assert rows["c"].accepted is None
