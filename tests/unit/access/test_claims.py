"""Claims become a viewer, and nobody gets more by odd ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from services.access.claims import ClaimRules, identify
from services.access.viewer import EVERYTHING, Role, TenantPattern, Viewer
from services.errors import NotSignedIn
from services.settings import mappings as mapping

EXP = 1_900_000_000
RULES = ClaimRules(
    role_claim="groups",
    roles={"kato-admins": Role.ADMIN, "kato-support": Role.SUPPORT, "kato-view": Role.VIEWER},
    tenants_claim="tenants",
)


def claims(**more: object) -> dict[str, object]:
    return {"sub": "u1", "email": "ann@example.com", "exp": EXP, "groups": "kato-support", **more}


def viewer(found: dict[str, object], rules: ClaimRules = RULES) -> Viewer:
    known = identify(found, rules).viewer
    assert known is not None
    return known


def patterns(*texts: str) -> frozenset[TenantPattern]:
    return frozenset(map(TenantPattern.parse, texts))


def test_a_viewer_is_made_of_claims() -> None:
    """Identity, role, scope, and when the sign-in is over."""
    found = viewer(claims(tenants=["tenant/acme", "org/*"]))
    assert found.id == "ann@example.com"
    assert found.role is Role.SUPPORT
    assert found.scope == patterns("tenant/acme", "org/*")
    assert found.expires_at == datetime.fromtimestamp(EXP, UTC)


def test_the_highest_role_counts() -> None:
    assert viewer(claims(groups=["kato-view", "kato-admins", "staff"])).role is Role.ADMIN


@pytest.mark.parametrize(
    "groups", [None, "staff", [], ["Kato-Admins"], ["kato-admins "], "kato-admins,staff", ["*"]]
)
def test_a_claim_that_no_rule_names_gives_no_role(groups: object) -> None:
    """Names are compared exactly; the person is known all the same."""
    found = identify(claims(groups=groups), RULES)
    assert found.viewer is None
    assert found.id == "ann@example.com"


def test_the_default_role_is_for_those_without_another() -> None:
    rules = ClaimRules(role_claim="groups", roles=RULES.roles, default_role=Role.OPERATOR)
    assert viewer(claims(groups="staff"), rules).role is Role.OPERATOR
    assert viewer(claims(groups="kato-view"), rules).role is Role.VIEWER


def test_nothing_is_in_scope_unless_said_so() -> None:
    assert viewer(claims()).scope == frozenset()
    assert viewer(claims(tenants=[])).scope == frozenset()
    assert not viewer(claims(tenants=["tenant/*"])).sees_all
    assert viewer(claims(tenants="*")).scope == EVERYTHING


def test_names_of_tenants_are_looked_up_where_there_is_a_mapping() -> None:
    """Then a claim's own text is no pattern, and an unknown name gives nothing."""
    rules = ClaimRules(
        default_role=Role.VIEWER,
        tenants_claim="groups",
        tenants={"a": (TenantPattern.parse("tenant/acme"),), "b": (TenantPattern.parse("org/*"),)},
        default_tenants=(TenantPattern.parse("tenant/demo"),),
    )
    found = viewer(claims(groups=["a", "b", "*", "tenant/zed"]), rules)
    assert found.scope == patterns("tenant/acme", "org/*", "tenant/demo")


def test_a_claim_may_be_inside_another_or_have_dots_in_its_name() -> None:
    nested = ClaimRules(role_claim="realm_access.roles", roles=RULES.roles)
    assert viewer(claims(realm_access={"roles": ["kato-admins"]}), nested).role is Role.ADMIN
    dotted = ClaimRules(role_claim="https://example.com/roles", roles=RULES.roles)
    assert viewer(claims(**{"https://example.com/roles": "kato-admins"}), dotted).role is Role.ADMIN
    assert identify(claims(realm_access="roles"), nested).viewer is None


def test_an_email_that_nobody_proved_is_not_believed() -> None:
    """Neither as an identity nor as a role."""
    rules = ClaimRules(role_claim="email", roles={"ann@example.com": Role.ADMIN})
    for proven in (True, "true"):
        assert viewer(claims(email_verified=proven), rules).role is Role.ADMIN
    for odd in (False, "false", None, 1, "TRUE", [], ["true"]):
        found = identify(claims(email_verified=odd), rules)
        assert found.viewer is None
        assert found.id == "u1"


@pytest.mark.parametrize("who", ["", " ", "a ", "a\nb", "a\0", "x" * 201, 7, None, [], ["a"], {}])
def test_an_identity_has_to_be_one(who: object) -> None:
    with pytest.raises(NotSignedIn):
        identify(claims(email=who), RULES)
    with pytest.raises(NotSignedIn):
        identify(claims(name=who), ClaimRules(id_claim="name", default_role=Role.VIEWER))


def test_an_identity_may_have_200_characters() -> None:
    assert identify(claims(email="x" * 200), RULES).id == "x" * 200


@pytest.mark.parametrize("who", ["local admin", "cli/root", "cli/"])
def test_nobody_signs_in_as_this_products_own(who: str) -> None:
    with pytest.raises(NotSignedIn, match="own"):
        identify(claims(email=who), RULES)


def test_the_claim_that_was_chosen_is_the_only_identity() -> None:
    with pytest.raises(NotSignedIn):
        identify(claims(), ClaimRules(id_claim="upn", default_role=Role.VIEWER))


@pytest.mark.parametrize(
    "exp",
    [None, "1900000000", True, -1, float("nan"), float("inf"), 10**400, 1e300, [EXP], {}, "never"],
)
def test_a_time_has_to_be_one(exp: object) -> None:
    with pytest.raises(NotSignedIn):
        identify(claims(exp=exp), RULES)


def test_a_session_lasts_from_when_the_token_was_issued() -> None:
    """Then `exp` makes no difference, and `iat` has to be there."""
    found = identify(claims(iat=EXP, exp=1), RULES, lasting=timedelta(hours=8))
    assert found.expires_at == datetime.fromtimestamp(EXP, UTC) + timedelta(hours=8)
    for odd in (None, "1", True, 253_402_300_799):
        with pytest.raises(NotSignedIn):
            identify(claims(iat=odd), RULES, lasting=timedelta(hours=8))


@pytest.mark.parametrize(
    "tenants",
    ["acme", "tenant/", "/acme", "*/acme", ["tenant/acme", "acme"], [1], {"a": 1}, 5, True],
)
def test_tenants_that_are_not_understood_are_refused_whole(tenants: object) -> None:
    with pytest.raises(NotSignedIn):
        identify(claims(tenants=tenants), RULES)


ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from(["kato-admins", "*", "tenant/*", "admin", "kato-support"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)  # fmt: skip
NAMES = st.sampled_from(["email", "sub", "exp", "groups", "tenants", "email_verified", "role", "x"])


def texts_in(value: object) -> list[str]:
    """Every text that a claim gives: itself, or a list's."""
    return [value] if isinstance(value, str) else list(value) if isinstance(value, list) else []  # type: ignore[arg-type]


@given(st.dictionaries(NAMES, ODD))
def test_odd_claims_give_nothing_that_was_not_said(found: dict[str, object]) -> None:
    """Either it is refused, or role and scope are those that the texts name, and no more."""
    try:
        known = identify(found, RULES)
    except NotSignedIn:
        return
    assert isinstance(known.id, str)
    assert known.id in (found.get("email"), found.get("sub"))
    groups = [name for name in texts_in(found.get("groups")) if isinstance(name, str)]
    roles = [RULES.roles[name] for name in groups if name in (RULES.roles or {})]  # type: ignore[index]
    if known.viewer is None:
        assert not roles
        return
    assert known.viewer.role is max(roles, key=list(Role).index)
    said = {text for text in texts_in(found.get("tenants")) if isinstance(text, str)}
    assert {str(pattern) for pattern in known.viewer.scope} <= said
    assert known.viewer.sees_all == ("*" in said)


@given(ODD, ODD)
def test_only_the_rules_name_roles(groups: object, role: object) -> None:
    """A claim called role, or a role's own name among the groups, makes nobody anything."""
    rules = ClaimRules(role_claim="groups", roles={"a-name-nobody-draws": Role.ADMIN})
    try:
        known = identify(claims(groups=groups, role=role, roles=role), rules)
    except NotSignedIn:
        return
    assert known.viewer is None


def test_mappings_are_lines_or_json() -> None:
    """A name may hold `=`; the last one parts it from its value."""
    lines = "kato-admins = admin\n\n CN=support,OU=kato = support \n"
    assert mapping.read_roles(lines) == {
        "kato-admins": Role.ADMIN, "CN=support,OU=kato": Role.SUPPORT
    }  # fmt: skip
    assert mapping.read_roles('{"a": "viewer"}') == {"a": Role.VIEWER}
    assert mapping.read_roles("CN=admin,OU=kato = viewer") == {"CN=admin,OU=kato": Role.VIEWER}
    assert mapping.read_tenants("a = tenant/acme, org/*") == {
        "a": (TenantPattern.parse("tenant/acme"), TenantPattern.parse("org/*"))
    }
    assert mapping.read_tenants('{"a": ["tenant/a,b"], "b": "*"}') == {
        "a": (TenantPattern.parse("tenant/a,b"),), "b": (TenantPattern.parse("*"),)
    }  # fmt: skip
    assert mapping.read_roles("") == {}


@pytest.mark.parametrize(
    "text",
    ["a", "a =", "= admin", "a = root", "a = admin\na = viewer", '{"a": "admin", "a": "viewer"}',
     '{"a": 1}', '{"a": ["admin"]}', "{", '{"a": {"b": "admin"}}', "a = admin, b = viewer",
     "a = admin ;b = admin"],
)  # fmt: skip
def test_a_mapping_of_roles_that_is_unclear_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"given|written|JSON|tenant|several"):
        mapping.read_roles(text)


@pytest.mark.parametrize("text", ["a = acme", '{"a": [1]}', '{"a": null}', "a = */acme"])
def test_a_mapping_of_tenants_that_is_unclear_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"given|written|JSON|tenant"):
        mapping.read_tenants(text)
