"""The gate before every page, and who is there: without sign-in, by a provider, by a proxy."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from unittest.mock import Mock

import pytest
import streamlit as st
from streamlit import config
from streamlit.runtime.context import ContextProxy, StreamlitHeaders
from streamlit.testing.v1 import AppTest

from dashboard.app import hardening, runtime, viewer as access
from services.access.viewer import EVERYTHING, Role
from services.bootstrap import Services
from services.errors import AccessDenied, NotSignedIn, SettingsError
from services.settings.environment import load_settings
from tests.pages.conftest import ENTRY, PROXY, RULES, Headers, Open, Put, Send, words
from tests.servers import issuer
from tests.servers.faults import Answer, HttpServer

OIDC = {**RULES, "AUTH": "oidc"}
UNSIGNED = [
    ("X-Forwarded-User", "ann"), ("X-Forwarded-Email", "ann@example.com"),
    ("X-Forwarded-Groups", "admins"), ("X-Auth-Request-Email", "ann@example.com"),
    ("X-Auth-Request-Groups", "admins"), ("Remote-User", "ann"),
    ("Cf-Access-Authenticated-User-Email", "ann@example.com"), ("X-Amzn-Oidc-Identity", "u1"),
]  # fmt: skip

Sign = Callable[..., None]


@pytest.fixture
def cookie(monkeypatch: pytest.MonkeyPatch) -> Sign:
    """Have Streamlit's cookie say this; nothing for a Streamlit without secrets."""

    class User:
        def __init__(self, found: dict[str, Any]) -> None:
            self.found = found

        def to_dict(self) -> dict[str, Any]:
            return self.found

    def saying(**found: Any) -> None:
        monkeypatch.setattr(st, "user", User(found))

    return saying


@pytest.fixture
def no_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may ask for the stores: nobody came in."""

    def never() -> NoReturn:
        raise AssertionError("the services were reached")

    monkeypatch.setattr(runtime, "services", never)


def opened() -> AppTest:
    app = AppTest.from_file(ENTRY, default_timeout=240).run()
    assert not app.exception, app.exception
    return app


def signed_in(**more: Any) -> dict[str, Any]:
    """What st.user has of somebody who signed in a minute ago."""
    known = issuer.claims(groups=["admins"], iat=int(time.time()) - 60, exp=1)
    return {"is_logged_in": True, "tokens": {}, **known, **more}


def test_without_sign_in_the_sidebar_says_so(services: Services, open_page: Open) -> None:
    """On each page, and whoever is there is the local admin."""
    for page in ("overview", "system"):
        app = open_page(page)
        assert any("Sign-in is off" in each.value for each in app.sidebar.markdown)
        assert not app.info
    found = access.viewer()
    assert (found.id, found.role, found.scope) == (access.LOCAL_ADMIN, Role.ADMIN, EVERYTHING)
    assert found.expires_at is None


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Forwarded-For", "127.0.0.1")], [("Forwarded", "for=127.0.0.1")], [("Via", "1.1 p")],
        [("Cf-Connecting-Ip", "127.0.0.1")], [("X-Real-Ip", "::1")],
    ],
)  # fmt: skip
def test_without_sign_in_nobody_comes_through_a_proxy(
    no_services: None, put: Put, send: Send, headers: Headers
) -> None:
    send(headers)
    app = opened()
    assert app.title[0].value == "You are not signed in"
    assert "SSH tunnel" in words(app)
    put({"ALLOW_OPEN": "1"})
    assert access.viewer().role is Role.ADMIN


def test_without_sign_in_only_this_machine_by_its_own_name(
    monkeypatch: pytest.MonkeyPatch, no_services: None
) -> None:
    """Neither another machine, nor a page that gave its name this machine's address."""
    monkeypatch.setattr(ContextProxy, "ip_address", property(lambda _: "10.0.0.7"))
    with pytest.raises(NotSignedIn):
        access.viewer()
    monkeypatch.setattr(ContextProxy, "ip_address", property(lambda _: "::ffff:127.0.0.1"))
    access.viewer()
    named = StreamlitHeaders([("Host", "evil.example:8501")])
    monkeypatch.setattr(ContextProxy, "headers", property(lambda _: named))
    assert opened().title[0].value == "You are not signed in"


@pytest.mark.parametrize("address", ["0.0.0.0", None, "::", "10.0.0.7"])
def test_a_server_that_others_can_reach_shows_nothing(
    monkeypatch: pytest.MonkeyPatch, no_services: None, put: Put, address: str | None
) -> None:
    """However it was started: `streamlit run` knows nothing of our command line."""
    real = config.get_option
    monkeypatch.setattr(
        config, "get_option", lambda key: address if key == "server.address" else real(key)
    )
    assert "KATO\\_TENANTS\\_AUTH" in opened().error[0].value
    put({"ALLOW_OPEN": "1"})
    assert access.viewer().role is Role.ADMIN


@pytest.mark.parametrize(
    ("option", "value"),
    [("server.enableCORS", False), ("server.enableXsrfProtection", False),
     ("server.enableAgentApi", True), ("client.showErrorDetails", "full"),
     ("server.trustedUserHeaders", {"X-User": "email"})],
)  # fmt: skip
def test_streamlits_options_have_to_be_safe(
    monkeypatch: pytest.MonkeyPatch, no_services: None, option: str, value: object
) -> None:
    """The line names the variable that sets it."""
    real = config.get_option
    monkeypatch.setattr(config, "get_option", lambda key: value if key == option else real(key))
    with pytest.raises(SettingsError, match="STREAMLIT_"):
        hardening.check(load_settings())
    assert "cannot start" in opened().error[0].value


def test_a_provider_may_take_as_long_as_a_store(put: Put) -> None:
    """Where the settings name it."""
    put({**OIDC, "TIMEOUT_SECONDS": "17"})
    assert hardening.secrets(load_settings()) == {}
    for name in ("CLIENT_ID", "CLIENT_SECRET", "METADATA_URL", "COOKIE_SECRET"):
        put({f"OIDC_{name}": "x" * 32})
    put({"OIDC_REDIRECT_URI": "https://dash.example.com/oauth2callback"})
    auth = hardening.secrets(load_settings())["auth"]
    assert isinstance(auth, dict)
    assert auth["client_kwargs"] == {"timeout": 17}
    assert auth["client_id"] == "x" * 32


def test_somebody_with_a_good_token_comes_in(services: Services, put: Put, send: Send) -> None:
    """With the role and the token that the header has."""
    put(PROXY)
    text = issuer.secret_token(groups=["helpers"])
    send([("X-Token", text)])
    app = opened()
    assert app.title[0].value == "Overview"
    assert "Sign-in is off" not in words(app)
    assert any("(support)" in caption.value for caption in app.sidebar.caption)
    found = access.viewer()
    assert (found.id, found.role, found.token) == ("ann@example.com", Role.SUPPORT, text)
    assert text not in repr(found)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        UNSIGNED,
        [("X-Token", "")],
        [("X-Token", "ann@example.com")],
        [("X-Token", issuer.secret_token(exp=1, groups="admins"))],
        [("X-Token", issuer.secret_token("x" * 48, groups="admins"))],
        [("X-Token", f"Bearer {issuer.secret_token(groups='admins')}")],
        [("Authorization", f"Bearer {issuer.secret_token(groups='admins')}")],
        [("X-Token", issuer.secret_token(groups="admins"))] * 2,
        [("X-Token", issuer.secret_token(groups=[1]))],
        [("X-Token", issuer.secret_token(groups="admins", email="", sub=""))],
    ],
)
def test_anybody_else_stays_out(
    no_services: None, put: Put, send: Send, headers: Headers
) -> None:  # fmt: skip
    """And the page has nothing but that: no store was reached, no other page declared."""
    put(PROXY)
    send(headers)
    app = opened()
    assert app.title[0].value == "You are not signed in"
    assert not any(value in words(app) for _, value in headers if len(value) > 20)
    assert not app.sidebar.caption
    with pytest.raises(NotSignedIn):
        access.viewer()


def test_a_bearer_token(put: Put, send: Send) -> None:
    """Where the header is the one that has such."""
    put({**PROXY, "PROXY_HEADER": "Authorization"})
    send([("Authorization", f"Bearer {issuer.secret_token(groups='admins')}")])
    assert access.viewer().role is Role.ADMIN
    send([("Authorization", f"Basic {issuer.secret_token(groups='admins')}")])
    with pytest.raises(NotSignedIn):
        access.viewer()


def test_somebody_without_a_role_is_told_who_they_are(
    no_services: None, put: Put, send: Send
) -> None:
    put(PROXY)
    send([("X-Token", issuer.secret_token(groups=["staff"])), *UNSIGNED])
    app = opened()
    assert app.title[0].value == "You have no role here"
    assert "ann@example.com" in words(app)
    with pytest.raises(AccessDenied):
        access.viewer()


def test_a_token_runs_out_in_mid_session(
    services: Services, put: Put, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection's headers stay as they were; the next look refuses, and draws nothing."""
    put(PROXY)
    over = datetime.fromtimestamp(int(time.time()) + 3600, UTC)
    send([("X-Token", issuer.secret_token(groups=["admins"], exp=over.timestamp()))])
    app = opened()
    assert app.title[0].value == "Overview"
    clock = Mock(now=Mock(return_value=over - timedelta(seconds=1)))
    monkeypatch.setattr(access, "datetime", clock)
    assert access.viewer().role is Role.ADMIN
    clock.now.return_value = over
    with pytest.raises(NotSignedIn):
        access.viewer()
    assert app.run().title[0].value == "You are not signed in"
    assert len(app.metric) == 0


def test_a_role_that_is_taken_away_counts_at_once(put: Put, send: Send) -> None:
    """The rules are read again each time."""
    put(PROXY)
    send([("X-Token", issuer.secret_token(groups=["admins"]))])
    assert access.viewer().role is Role.ADMIN
    put({"ROLES": "admins = viewer", "DEFAULT_TENANTS": "tenant/acme"})
    found = access.viewer()
    assert found.role is Role.VIEWER
    assert not found.sees_all


def test_tokens_by_published_keys(put: Put, send: Send) -> None:
    """And a key set that cannot be read lets nobody in."""
    with HttpServer(lambda _: Answer.json(issuer.jwks("one"))) as server:
        put({**PROXY, "PROXY_SECRET": "", "PROXY_JWKS_URL": server.url})
        send([("X-Token", issuer.token(groups="admins"))])
        assert access.viewer().role is Role.ADMIN
        access.viewer()
        assert len(server.calls) == 1
    with HttpServer(lambda _: Answer(500)) as server:
        put({"PROXY_JWKS_URL": server.url})
        with pytest.raises(NotSignedIn, match="cannot be checked now"):
            access.viewer()


def test_a_provider_that_is_not_set_up(no_services: None, put: Put, cookie: Sign) -> None:
    put(OIDC)
    cookie()
    assert "sign-in is not set up" in words(opened()).lower()


def test_a_provider_that_signs_people_in(no_services: None, put: Put, cookie: Sign) -> None:
    put(OIDC)
    cookie(is_logged_in=False)
    app = opened()
    assert app.title[0].value == "You are not signed in"
    assert [button.label for button in app.button] == ["Sign in"]


def test_somebody_who_signed_in_at_a_provider(
    services: Services, put: Put, cookie: Sign, send: Send
) -> None:
    """For as many hours as are set, whatever the token's exp says; headers add nothing."""
    put(OIDC)
    send(UNSIGNED)
    cookie(**signed_in(groups=["helpers"], tokens={"access": "abc"}))
    app = opened()
    assert "Sign out" in [button.label for button in app.sidebar.button]
    found = access.viewer()
    assert (found.id, found.role, found.token) == ("ann@example.com", Role.SUPPORT, "abc")
    assert found.expires_at is not None
    cookie(**signed_in(iat=int(time.time()) - timedelta(hours=9).seconds))
    assert app.run().title[0].value == "You are not signed in"


@pytest.mark.parametrize(
    "odd",
    [{"is_logged_in": "true"}, {"is_logged_in": 1}, {"is_logged_in": None}, {"iat": None},
     {"iat": "1"}, {"iat": 1}, {"email": ["a"]}, {"groups": {"a": 1}}],
)  # fmt: skip
def test_an_odd_cookie_signs_nobody_in(
    no_services: None, put: Put, cookie: Sign, odd: dict[str, Any]
) -> None:
    put(OIDC)
    cookie(**signed_in(**odd))
    assert opened().title[0].value == "You are not signed in"


def test_a_wrong_setting_is_said_before_anything_else(no_services: None, put: Put) -> None:
    put({"AUTH": "proxy"})
    assert "KATO\\_TENANTS\\_PROXY\\_HEADER" in opened().error[0].value
