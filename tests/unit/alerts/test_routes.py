"""Routes as they are set: what is meant, and what is refused without a word of its secrets."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from services.access.viewer import EVERYTHING, TenantPattern
from services.alerts.models import Kind
from services.alerts.routes import HEARTBEAT, read_routes
from services.errors import SettingsError
from services.isolation.severity import Severity
from services.settings.environment import Settings
from services.settings.redact import in_force

SECRET = base64.b64encode(b"k" * 24).decode()
TEXT = f"""
[ops]
alertmanager = "https://user:geheim@am.example.com/prefix"

[acme-team]
webhook = "https://hooks.example.com/x?key=geheim"
secret = "whsec_{SECRET}"
scope = ["tenant/acme", "org/*"]
severity = "high"
conditions = ["growth", "finding"]
repeat_hours = 0

[mail]
apprise = "mailto://user:geheim@example.com"
"""


def test_toml_and_json_say_the_same() -> None:
    ops, acme, mail = read_routes(TEXT)
    assert (ops.kind, ops.again, ops.scope) == (Kind.ALERTMANAGER, HEARTBEAT, EVERYTHING)
    assert acme.scope == {TenantPattern("tenant", "acme"), TenantPattern("org", "*")}
    assert (acme.severity, acme.codes) == (Severity.HIGH, {"growth", "finding"})
    assert acme.again is None
    assert (mail.again, mail.severity) == (timedelta(days=1), Severity.INFO)
    assert read_routes(json.dumps({"mail": {"apprise": mail.address}})) == (mail,)
    assert read_routes("  ") == ()


def test_no_secret_is_in_what_is_shown() -> None:
    """Neither of a route nor among the settings in force."""
    assert "geheim" not in repr(read_routes(TEXT))
    assert SECRET not in repr(read_routes(TEXT))
    settings = Settings(alert_routes=TEXT)
    assert in_force(settings)["KATO_TENANTS_ALERT_ROUTES"].value == "(set)"
    assert "geheim" not in repr(settings)


HOOK = f'webhook = "https://x"\nsecret = "{SECRET}"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[a", "neither TOML nor JSON"),
        ("a = 1", "a is no table"),
        ("[a]\nwebhook = 'https://x'", "secret of a has to be"),
        (f"[a]\nwebhook = 'https://x'\nsecret = '{SECRET[:8]}'", "secret of a has to be"),
        ("[a]\nwebhook = 'https://x'\nsecret = 'geheim!'", "secret of a has to be"),
        ("[a]\nwebhook = 'geheim'", "webhook of a has to begin with http"),
        ("[a]\napprise = 'geheim'", "apprise of a is a URL"),
        ("[a]\nalertmanager = 'http://x'\napprise = 'json://x'", "exactly one of"),
        ("[a]\nsecret = 'geheim'", "exactly one of"),
        (f"[a]\n{HOOK}geheim = 1", "none of"),
        (f"[a]\n{HOOK}conditions = ['geheim']", "there are backup_failed"),
        (f"[a]\n{HOOK}conditions = 'growth'", "no list of texts"),
        (f"[a]\n{HOOK}severity = 'geheim'", "a severity that is none of"),
        (f"[a]\n{HOOK}severity = 1", "severity of a is no text"),
        (f"[a]\n{HOOK}scope = []", "the scope of a is empty"),
        (f"[a]\n{HOOK}scope = ['acme']", "a tenant is written kind/id"),
        (f"[a]\n{HOOK}repeat_hours = -1", "repeat_hours of a is from 0"),
        (f"[a]\n{HOOK}repeat_hours = true", "repeat_hours of a is no number"),
        (f"[a]\n{HOOK}repeat_hours = nan", "repeat_hours of a is from 0"),
        (f"[a]\n{HOOK}token = 'geheim'", "a token, and only Alertmanager"),
        (f"[a]\nalertmanager = 'http://x'\nsecret = '{SECRET}'", "only a webhook is signed"),
        ("[a]\nalertmanager = 'http://x'\nrepeat_hours = 1", "Alertmanager itself decides"),
        ('[a]\nalertmanager = "http://x"\ntoken = "geh\\teim"', "cannot be sent"),
        ("['a b']\napprise = 'json://x'", "a route's name"),
    ],
)
def test_what_is_wrong_is_said_without_its_value(text: str, says: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        read_routes(text)
    assert wrong.value.variable == "KATO_TENANTS_ALERT_ROUTES"
    assert says in wrong.value.reason
    assert not ("geheim" in text.replace("['geheim']", "").replace("geheim = 1", "")
                and "geheim" in wrong.value.reason)  # fmt: skip


@given(st.text())
def test_any_text_is_routes_or_a_settings_error(text: str) -> None:
    with suppress(SettingsError):
        read_routes(text)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(["a", "webhook", "scope", "severity", "conditions", "apprise"]), inner,
        max_size=3,
    ), max_leaves=8,
))  # fmt: skip
def test_any_json_is_routes_or_a_settings_error(value: object) -> None:
    with suppress(SettingsError):
        read_routes(json.dumps({"a": value}))
