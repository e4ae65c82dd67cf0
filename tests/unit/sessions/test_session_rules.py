"""What a new session is refused for, before KATO sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.access.viewer import Role, TenantPattern, Viewer
from services.embedded.kato.config import RULES
from services.encryption import Encryption
from services.errors import EncryptionError, NamingError, SessionRefused
from services.sessions.access import confined_landing
from services.sessions.create import SessionService
from services.sessions.landing import NODE_ID_LIMIT, Erased, land
from services.sessions.options import OPTIONS, OptionKind, check_options, compare
from services.stores.records.nodes import StateStore
from services.tenancy.kb_ids import (
    GUIDE_TEMPLATES,
    NamingScheme,
    NamingSchemes,
    TenantKey,
    kb_id_of,
    sanitise,
)
from services.tenancy.ownership import Ownership
from services.usage.readings import CreatedSession
from tests.unit.test_encryption import NEW, SECRET


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
def service(tmp_path: Path, kato: Kato) -> SessionService:
    state = StateStore.open(tmp_path)
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
     "user:zed", "tenant:a*b[c]?:user:x", "contest_1", "tenant:tests:user:日本"],
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


def test_what_was_erased_is_asked_for_once_more(tmp_path: Path, kato: Kato) -> None:
    """By its own kb_id, and nobody else's: KATO is not asked before it was said again."""
    bob, zoe = "tenant:acme-corp:user:bob", "tenant:acme-corp:user:zoe"
    gone = {kb_id_of(bob): Erased(datetime(2026, 11, 28, 14, 2, tzinfo=UTC), "GDPR-4711")}
    seen = owned(bob)
    service = SessionService(
        kato, state=StateStore.open(tmp_path), ownership=lambda: seen, erased=gone.get
    )
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


def test_sensitive_metadata_without_a_key_is_refused(tmp_path: Path, kato: Kato) -> None:
    """It never leaves in the clear."""
    bare = SessionService(kato, state=StateStore.open(tmp_path), ownership=owned)
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
    "no_such_option": (1,),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_option_out_of_range_is_refused(service: SessionService, name: str) -> None:
    """KATO would drop it without a word."""
    for value in WRONG[name]:
        with pytest.raises(SessionRefused, match=name):
            service.create("user:a", ttl_seconds=60, metadata={}, config={name: value})


def test_the_bounds_themselves_are_taken() -> None:
    check_options({"recall_threshold": 0, "max_predictions": 1, "persistence": 100})
    check_options({"recall_threshold": 1.0, "max_predictions": 10_000, "max_pattern_length": 0})
    check_options({"stm_mode": "ROLLING", "filter_pipeline": ["jaccard", "length"]})


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_the_stand_in_takes_what_the_form_offers(option) -> None:  # type: ignore[no-untyped-def]
    """Default and bounds are within the stand-in's own rules, which are the recorded ones."""
    offered = [option.default, *option.choices] if option.kind is not OptionKind.LIST else [[]]
    if option.kind in (OptionKind.WHOLE, OptionKind.SHARE):
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
