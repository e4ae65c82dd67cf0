"""Names that others have too are found, and none that is the tenant's own alone."""

from __future__ import annotations

from datetime import UTC, datetime

from services.restore.held import held, unborne
from services.restore.models import Held, Unborne
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.names import Confirmation
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingScheme, NamingSchemes

DASH, LINE = TenantKey("tenant", "acme-corp"), TenantKey("tenant", "acme_corp")
BOB, CAT = "tenant:acme-corp:user:bob", "tenant:acme_corp:user:cat"
KB_BOB, KB_CAT = kb_id_of(BOB), kb_id_of(CAT)
SCHEMES = NamingSchemes((NamingScheme("tenant:{tenant}:user:{user}"),))


def owners(*nodes: str, confirmed: TenantKey | None = None) -> Ownership:
    at = datetime(2026, 11, 29, tzinfo=UTC)
    word = {KB_BOB: Confirmation(KB_BOB, confirmed, "ada", at, "sure")} if confirmed else {}
    return Ownership(nodes, schemes=SCHEMES, confirmed=word)


def test_what_nobody_else_has_is_not_named() -> None:
    assert not list(held([KB_BOB], [DASH], owners()))
    assert not list(held([KB_BOB], [DASH], owners(BOB)))


def test_another_s_node_and_an_admin_s_word_are_named() -> None:
    assert list(held([KB_CAT], [DASH], owners(CAT))) == [Held(KB_CAT, (LINE,))]
    found = held([KB_BOB], [DASH], owners(BOB, confirmed=LINE))
    assert list(found) == [Held(KB_BOB, (LINE,))]


def test_of_what_is_not_known_to_be_its_own_a_name_alike_is_enough() -> None:
    assert list(held([KB_BOB], [DASH], owners(CAT))) == [Held(KB_BOB, (LINE,))]
    assert not list(held([KB_BOB], [DASH], owners(BOB, CAT)))


def test_of_a_user_of_all_tenants_nobody_is_another() -> None:
    assert not list(held([KB_BOB], [], owners(BOB)))


def test_new_names_that_kato_does_not_bear_are_named() -> None:
    bad = "tenant:o'brien:user:bob"
    assert list(unborne([BOB], owners())) == []
    (found,) = unborne([bad], owners())
    assert isinstance(found, Unborne)
    assert found.node_id == bad
    assert "'" in found.why
