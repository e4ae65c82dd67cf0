"""Settings: KATO's own names, one line for a wrong one, and no secret on the screen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.errors import SettingsError
from services.settings.environment import Settings, load_settings
from services.settings.redact import in_force
from services.settings.variables import file_variables

ROOT = Path(__file__).parents[3]
STREAMLITS = {"STREAMLIT_SERVER_COOKIE_SECRET"}
DOCS = ROOT / "docs" / "settings.md"


def test_nothing_set_means_embedded() -> None:
    """A fresh machine starts on the embedded engines."""
    assert load_settings().embedded


@pytest.mark.parametrize(
    ("variable", "value"),
    [("CLICKHOUSE_HOST", "h"), ("REDIS_URL", "redis://h"), ("QDRANT_URL", "http://h"),
     ("QDRANT_HOST", "h"), ("KATO_API_URL", "http://h")],
)  # fmt: skip
def test_one_store_set_turns_the_embedded_engines_off(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert not load_settings().embedded


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CLICKHOUSE_PORT", "http"),
        ("CLICKHOUSE_PORT", "70000"),
        ("CLICKHOUSE_SECURE", "perhaps"),
        ("REDIS_URL", "http://user:hunter2@h"),
        ("QDRANT_URL", "hunter2"),
        ("KATO_API_URL", "ftp://hunter2"),
        ("KATO_TENANTS_REFRESH_SECONDS", "0"),
        ("KATO_TENANTS_TIMEOUT_SECONDS", "-1"),
        ("KATO_TENANTS_MEMORY_SAMPLE", "2"),
        ("KATO_TENANTS_SCHEMES", "{nothing}"),
        ("KATO_TENANTS_SCHEMES", "[not json"),
        ("KATO_TENANTS_FILL", "half"),
        ("KATO_TENANTS_DEPLOYMENT", "x" * 41),
        ("KATO_TENANTS_DEPLOYMENT", "prod\u202eue"),
        ("KATO_TENANTS_DEPLOYMENT_COLOR", "#ff0000"),
        ("KATO_TENANTS_METRICS_TOKEN", "hunter2"),
        ("KATO_TENANTS_METRICS_TOKEN", f"{'x' * 20}, hunter2"),
        ("KATO_TENANTS_METRICS_TOKEN", "hunter2 with blanks in it, and long enough"),
        ("KATO_TENANTS_METRICS_NETWORKS", "10.0.0.1/8"),
        ("KATO_TENANTS_METRICS_NETWORKS", "example.com"),
        ("KATO_TENANTS_BILL_ZONE", "Europe/Nowhere"),
        ("KATO_TENANTS_BILL_ZONE", "../etc/passwd"),
        ("SERVICE_NAME", "x" * 41),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """The line names the variable and never repeats what may be a secret."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"{variable}: ")
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the settings in force nor in a repr."""
    secrets = {
        "CLICKHOUSE_PASSWORD": "hunter2",
        "REDIS_URL": "redis://user:hunter2@redis:6379/0?password=hunter2",
        "QDRANT_URL": "https://hunter2@q",
        "QDRANT_API_KEY": "hunter2",
        "KATO_API_URL": "http://u:hunter2@kato:8000",
        "KATO_TENANTS_STATE_URL": "postgresql://u:hunter2@pg/db",
        "KATO_TENANTS_HISTORY_URL": "http://u:hunter2@ch:8123/kato_usage",
    }
    for variable, value in secrets.items():
        monkeypatch.setenv(variable, value)
    settings = load_settings()
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in repr(in_force(settings))
    assert in_force(settings)["REDIS_URL"].value == "redis://redis:6379/0"
    assert in_force(settings)["QDRANT_API_KEY"].value == "(set)"


def test_what_is_not_as_usual_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its value: what is set to its default is at its default."""
    monkeypatch.setenv("SERVICE_NAME", "kato")
    monkeypatch.setenv("QDRANT_API_KEY", "hunter2")
    monkeypatch.setenv("KATO_TENANTS_REFRESH_SECONDS", "30")
    monkeypatch.delenv("KATO_TENANTS_DATA")
    changed = [name for name, it in in_force(load_settings()).items() if not it.usual]
    assert changed == ["QDRANT_API_KEY", "KATO_TENANTS_REFRESH_SECONDS"]


def test_schemes_may_be_json_or_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates that hold a comma need the JSON form."""
    monkeypatch.setenv("KATO_TENANTS_SCHEMES", "a:{a}, b:{b}:c:{c}")
    assert load_settings().schemes == ("a:{a}", "b:{b}:c:{c}")
    monkeypatch.setenv("KATO_TENANTS_SCHEMES", '["a:{a},{b}"]')
    assert load_settings().schemes == ("a:{a},{b}",)
    assert "a:{a},{b}" in [s.template for s in load_settings().naming.schemes]


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """As compose files leave them."""
    monkeypatch.setenv("REDIS_URL", "")
    assert load_settings().embedded


def test_every_setting_is_documented_and_passed_on_and_nothing_else() -> None:
    """docs/settings.md and compose.yaml have exactly the variables there are, and their files."""
    names = {str(info.alias) for info in Settings.model_fields.values()}
    docs = DOCS.read_text("utf-8")
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", docs, re.MULTILINE)) == names
    listed = docs.partition("## Secrets out of files")[2].partition("\n\n`")[2].partition("\n\n")[0]
    assert set(re.findall(r"([A-Z_]+_FILE)`", listed)) == set(file_variables(Settings))
    compose = (ROOT / "compose.yaml").read_text("utf-8")
    service = compose.partition("    environment:\n")[2].partition("    volumes:\n")[0]
    passed = re.findall(r"^      ([A-Z_]+):", service, re.MULTILINE)
    assert sorted(passed) == sorted({*names, *file_variables(Settings), *STREAMLITS})


def test_compose_sets_no_secret_beside_its_file() -> None:
    """What it sets by itself can be set to nothing, for only one of the two can be."""
    for variable in file_variables(Settings):
        secret = variable.removesuffix("_FILE")
        line = re.search(rf"^ +{secret}:(.*)$", (ROOT / "compose.yaml").read_text(), re.MULTILINE)
        assert line is not None
        assert line[1] in ("", f" ${{{secret}:-}}") or line[1].startswith(f" ${{{secret}-")


def test_tls_is_katos_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    """REDIS_TLS and QDRANT_HTTPS turn KATO's own addresses into TLS ones."""
    from services.stores.qdrant import connect as qdrant
    from services.stores.redis import connect as redis

    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@redis:6379")
    monkeypatch.setenv("REDIS_TLS", "true")
    monkeypatch.setenv("QDRANT_HOST", "qdrant")
    monkeypatch.setenv("QDRANT_HTTPS", "true")
    client = redis.client_of(load_settings())
    assert client.connection_pool.connection_class.__name__ == "SSLConnection"
    client.close()
    vectors = qdrant.client_of(load_settings())
    assert vectors.init_options["https"] is True
    vectors.close()
