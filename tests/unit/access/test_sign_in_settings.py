"""Settings of signing in: what has to go together, and whether a server may be started so."""

from __future__ import annotations

import pytest

from services.access.network import (
    LOOPBACK_HOSTS,
    forwarded,
    host_allowed,
    is_loopback,
    refuse_open,
)
from services.access.viewer import PERMISSIONS, Action
from services.errors import SettingsError
from services.settings.environment import load_settings
from services.settings.redact import in_force
from services.settings.rules import claim_rules, hosts_of, token_rules

P = "KATO_TENANTS_"
RULES = {"ROLE_CLAIM": "groups", "ROLES": "a = admin", "DEFAULT_TENANTS": "*"}
PROXY = {
    **RULES, "AUTH": "proxy", "PROXY_HEADER": "X-Token", "PROXY_ISSUER": "https://idp",
    "PROXY_AUDIENCE": "kato", "PROXY_SECRET": "hunter2" * 10,
}  # fmt: skip
KEYS = {**PROXY, "PROXY_SECRET": "", "PROXY_JWKS_URL": "https://idp/keys"}
OIDC = {
    **RULES, "AUTH": "oidc", "OIDC_CLIENT_ID": "id", "OIDC_CLIENT_SECRET": "hunter2",
    "OIDC_METADATA_URL": "https://idp/.well-known/openid-configuration",
    "OIDC_REDIRECT_URI": "https://dash/oauth2callback", "OIDC_COOKIE_SECRET": "hunter2" * 6,
}  # fmt: skip

COOKIE_ONLY = {**RULES, "AUTH": "oidc", "OIDC_COOKIE_SECRET": "hunter2" * 6}


def put(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(P + name, value)


@pytest.mark.parametrize("variables", [PROXY, KEYS, OIDC, COOKIE_ONLY, {**RULES, "AUTH": "oidc"}])
def test_a_whole_set_is_taken(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:  # fmt: skip
    """And no secret is in its representation."""
    put(monkeypatch, variables)
    settings = load_settings()
    shown = repr(settings) + repr(in_force(settings)) + repr(token_rules(settings))
    assert "hunter2" not in shown


def test_the_usual_algorithms(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, PROXY)
    assert token_rules(load_settings()).algorithms == ("HS256",)
    put(monkeypatch, {**PROXY, "PROXY_ALGORITHMS": "HS512,HS384,HS256"})
    assert set(token_rules(load_settings()).algorithms) == {"HS256", "HS384", "HS512"}
    put(monkeypatch, {**KEYS, "PROXY_ALGORITHMS": ""})
    assert token_rules(load_settings()).algorithms == ("RS256", "ES256")


@pytest.mark.parametrize(
    ("base", "change", "named"),
    [
        (PROXY, {"PROXY_HEADER": ""}, "PROXY_HEADER"),
        (PROXY, {"PROXY_ISSUER": ""}, "PROXY_ISSUER"),
        (PROXY, {"PROXY_AUDIENCE": ""}, "PROXY_AUDIENCE"),
        (PROXY, {"PROXY_AUDIENCE": ","}, "PROXY_AUDIENCE"),
        (PROXY, {"PROXY_SECRET": ""}, "PROXY_JWKS_URL"),
        (PROXY, {"PROXY_JWKS_URL": "https://idp/keys"}, "PROXY_JWKS_URL"),
        (PROXY, {"PROXY_SECRET": "hunter2"}, "PROXY_SECRET"),
        (PROXY, {"PROXY_SECRET": "-----BEGIN PUBLIC KEY-----hunter2" * 3}, "PROXY_SECRET"),
        (PROXY, {"PROXY_SECRET": "h" * 40, "PROXY_ALGORITHMS": "HS256,HS512"}, "PROXY_SECRET"),
        (PROXY, {"PROXY_ALGORITHMS": "none"}, "PROXY_ALGORITHMS"),
        (PROXY, {"PROXY_ALGORITHMS": "HS256,none"}, "PROXY_ALGORITHMS"),
        (PROXY, {"PROXY_ALGORITHMS": "RS256"}, "PROXY_ALGORITHMS"),
        (KEYS, {"PROXY_ALGORITHMS": "RS256,HS256"}, "PROXY_ALGORITHMS"),
        (KEYS, {"PROXY_ALGORITHMS": "None"}, "PROXY_ALGORITHMS"),
        (KEYS, {"PROXY_JWKS_URL": "http://idp/keys"}, "PROXY_JWKS_URL"),
        (KEYS, {"PROXY_JWKS_URL": "file:///etc/passwd"}, "PROXY_JWKS_URL"),
        (KEYS, {"PROXY_JWKS_URL": "https://[hunter2"}, "PROXY_JWKS_URL"),
        (KEYS, {"ROLE_CLAIM": ""}, "ROLE_CLAIM"),
        (KEYS, {"ROLES": ""}, "ROLES"),
        (KEYS, {"ROLES": "a = root"}, "ROLES"),
        (KEYS, {"DEFAULT_TENANTS": ""}, "DEFAULT_TENANTS"),
        (KEYS, {"DEFAULT_TENANTS": "acme"}, "DEFAULT_TENANTS"),
        (KEYS, {"TENANTS": "a = acme"}, "TENANTS"),
        (KEYS, {"DEFAULT_ROLE": "root"}, "DEFAULT_ROLE"),
        (OIDC, {"OIDC_COOKIE_SECRET": ""}, "OIDC_COOKIE_SECRET"),
        (OIDC, {"OIDC_COOKIE_SECRET": "hunter2"}, "OIDC_COOKIE_SECRET"),
        (OIDC, {"OIDC_CLIENT_ID": ""}, "OIDC_CLIENT_ID"),
        (OIDC, {"OIDC_METADATA_URL": ""}, "OIDC_METADATA_URL"),
        (OIDC, {"OIDC_REDIRECT_URI": "https://dash/"}, "OIDC_REDIRECT_URI"),
        (OIDC, {"SESSION_HOURS": "0"}, "SESSION_HOURS"),
        (OIDC, {"AUTH": "none"}, "AUTH"),
    ],
)
def test_what_is_missing_or_wrong_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, base: dict[str, str], change: dict[str, str], named: str
) -> None:
    put(monkeypatch, {**base, **change})
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.variable == P + named
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "named", "said"),
    [
        ({"TWO_PERSONS": "run a purge"}, "TWO_PERSONS", "no second person"),
        ({"FORWARD_TOKEN": "1"}, "FORWARD_TOKEN", "no token"),
        ({**KEYS, "TWO_PERSONS": "run a purge, sing"}, "TWO_PERSONS", "run a purge, steer a purge"),
        ({**KEYS, "TWO_PERSONS": "see figures"}, "TWO_PERSONS", "rotate keys"),
        ({**KEYS, "TWO_PERSONS": "approve"}, "TWO_PERSONS", "can only hold"),
        ({**KEYS, "TWO_PERSONS": "stop a purge"}, "TWO_PERSONS", "can only hold"),
        ({**KEYS, "TWO_PERSONS": "stop a job"}, "TWO_PERSONS", "can only hold"),
        ({**KEYS, "TWO_PERSONS": "run a purge"}, "ID_CLAIM", "nobody can change"),
        ({**KEYS, "APPROVAL_HOURS": "0"}, "APPROVAL_HOURS", "greater"),
    ],
)  # fmt: skip
def test_who_else_has_to_agree_and_what_goes_to_kato(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, str], named: str, said: str
) -> None:
    """What cannot be, and what cannot be where nobody signs in."""
    put(monkeypatch, change)
    with pytest.raises(SettingsError, match=said) as caught:
        load_settings()
    assert caught.value.variable == P + named


def test_two_persons_are_for_what_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it can be on the list, but approving itself and what stops what goes wrong."""
    writes = {action for action, takes in PERMISSIONS.items() if takes.writes}
    at_once = {each for each in writes if each.value.startswith("stop ")}
    waiting = writes - {Action.APPROVE, *at_once}
    put(monkeypatch, {**KEYS, "TWO_PERSONS": ",".join(sorted(waiting)), "ID_CLAIM": "sub"})
    assert load_settings().two_person_actions == waiting
    assert load_settings().approval_hours == 24


def test_what_has_a_purge_in_it_waits_as_a_purge_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one admin alone could have everything erased by parking it."""
    put(monkeypatch, {**KEYS, "TWO_PERSONS": Action.RUN_PURGE.value, "ID_CLAIM": "sub"})
    assert load_settings().two_person_actions == {
        Action.RUN_PURGE, Action.PARK, Action.MOVE, Action.APART,
    }  # fmt: skip


def test_a_role_without_rules_is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    """A default role takes no claim."""
    put(monkeypatch, {**KEYS, "ROLE_CLAIM": "", "ROLES": "", "DEFAULT_ROLE": "viewer"})
    assert claim_rules(load_settings()).roles == {}


def test_tenants_by_the_role_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapping of tenants without a claim of its own reads the claim of the roles."""
    put(monkeypatch, {**KEYS, "DEFAULT_TENANTS": "", "TENANTS": "a = tenant/acme"})
    assert claim_rules(load_settings()).tenants_claim == "groups"


def test_streamlits_secrets_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().oidc_secrets == {}
    put(monkeypatch, OIDC)
    assert set(load_settings().oidc_secrets) == {
        "redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url"
    }  # fmt: skip


def test_hosts_without_sign_in_are_this_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hosts_of(load_settings()) == LOOPBACK_HOSTS
    monkeypatch.setenv(P + "ALLOW_OPEN", "1")
    assert hosts_of(load_settings()) == ("*",)
    monkeypatch.setenv(P + "ALLOWED_HOSTS", "dash.example.com")
    assert hosts_of(load_settings()) == ("dash.example.com",)


LOOPBACK = ["127.0.0.1", "localhost", "LOCALHOST", "::1", "127.8.9.1", "::ffff:127.0.0.1"]
OPEN = [None, "", "0.0.0.0", "::", "10.0.0.7", "dash.example.com", "localhost.example.com"]


@pytest.mark.parametrize("address", LOOPBACK)
def test_a_start_on_loopback_needs_no_sign_in(address: str) -> None:
    assert is_loopback(address)
    refuse_open(address, auth="local", allow_open=False)


@pytest.mark.parametrize("address", OPEN)
def test_any_other_start_needs_one_or_a_word(address: str | None) -> None:
    assert not is_loopback(address)
    refuse_open(address, auth="oidc", allow_open=False)
    refuse_open(address, auth="proxy", allow_open=False)
    refuse_open(address, auth="local", allow_open=True)
    with pytest.raises(SettingsError, match="KATO_TENANTS_ALLOW_OPEN"):
        refuse_open(address, auth="local", allow_open=False)


def test_an_open_server_says_where_it_would_listen() -> None:
    """At an address, or at each that the machine has."""
    for address in (None, "", "0.0.0.0", "::"):
        with pytest.raises(SettingsError, match="listen on every address:"):
            refuse_open(address, auth="local", allow_open=False)
    with pytest.raises(SettingsError, match=r"listen on 10\.0\.0\.7:"):
        refuse_open("10.0.0.7", auth="local", allow_open=False)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("localhost", True), ("localhost:8501", True), ("[::1]:8501", True), ("LocalHost.", True),
     ("evil.example", False), ("localhost.evil.example", False), ("localhost@evil", False),
     ("", False), (None, False), ("localhost:", False), ("localhost\n", False),
     ("localhost/", False), ("a b", False), ("[::1", False), ("127.0.0.1.evil.example", False)],
)  # fmt: skip
def test_hosts_of_this_machine(host: str | None, allowed: bool) -> None:
    assert host_allowed(host, LOOPBACK_HOSTS) == allowed


def test_hosts_below_a_name() -> None:
    assert host_allowed("a.b.example.com:443", ["*.example.com"])
    assert not host_allowed("example.com", ["*.example.com"])
    assert not host_allowed(".example.com", ["*.example.com"])
    assert not host_allowed("badexample.com", ["*.example.com"])
    assert host_allowed("anything", ["*"])
    assert not host_allowed("any thing", ["*"])


@pytest.mark.parametrize("name", ["X-Forwarded-For", "x-forwarded-proto", "Forwarded", "VIA"])
def test_signs_of_a_proxy(name: str) -> None:
    assert forwarded(["Host", name])
    assert not forwarded(["Host", "Origin", "Cookie"])
