"""Values as compose, shells and secret files bring them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.errors import SettingsError
from services.settings.environment import Settings, load_settings
from services.settings.redact import in_force
from services.settings.variables import file_variables

KEY = "s3cret" * 8
SECRETS = {
    "CLICKHOUSE_PASSWORD": "p w#/@", "REDIS_URL": "redis://h/1", "QDRANT_URL": "http://q:6333",
    "QDRANT_API_KEY": "key", "KATO_API_URL": "http://kato:8000",
    "KATO_TENANTS_STATE_URL": "sqlite:////tmp/x",
    "KATO_TENANTS_HISTORY_URL": "http://ch/kato_usage",
    "KATO_TENANTS_METADATA_KEYS": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "KATO_TENANTS_LOG_KEY": KEY, "KATO_TENANTS_ANCHOR_URL": "https://h/x",
    "KATO_TENANTS_ALERT_ROUTES": f"[a]\nalertmanager = 'https://h'\ntoken = '{KEY}'",
    "KATO_TENANTS_OIDC_CLIENT_SECRET": KEY, "KATO_TENANTS_OIDC_COOKIE_SECRET": KEY,
    "KATO_TENANTS_ARCHIVES": "s3://b/x", "KATO_TENANTS_ARCHIVES_OPTIONS": '{"key": "k"}',
    "KATO_TENANTS_ARCHIVE_IDENTITIES": KEY,
    "KATO_TENANTS_PROXY_SECRET": KEY, "KATO_TENANTS_METRICS_TOKEN": KEY,
}  # fmt: skip


def test_every_value_is_stripped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of blanks and line ends around it; one that is nothing else is not set."""
    values = {"CLICKHOUSE_HOST": " h\n", "CLICKHOUSE_PORT": "\t9000\r\n", "CLICKHOUSE_USER": "u\n",
              "CLICKHOUSE_SECURE": "true\n", "KATO_TENANTS_FILL": " sample ", "SERVICE_NAME": " \n",
              "QDRANT_API_KEY": "key\r\n"}  # fmt: skip
    for variable, value in values.items():
        monkeypatch.setenv(variable, value)
    found = load_settings()
    assert (found.clickhouse_host, found.clickhouse_port, found.clickhouse_user) == ("h", 9000, "u")
    assert (found.clickhouse_secure, found.fill, found.service_name) == (True, "sample", "kato")
    assert found.qdrant_api_key is not None
    assert found.qdrant_api_key.get_secret_value() == "key"


def test_every_secret_may_be_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As Docker's convention has it: the variable's name and `_FILE`."""
    assert set(file_variables(Settings)) == {f"{variable}_FILE" for variable in SECRETS}
    for variable, value in SECRETS.items():
        file = tmp_path / variable
        file.write_text(f"\ufeff{value}\r\n", "utf-8")
        monkeypatch.setenv(f"{variable}_FILE", f"{file}\n")
    found = load_settings()
    by_alias = {str(info.alias): name for name, info in Settings.model_fields.items()}
    for variable, value in SECRETS.items():
        assert getattr(found, by_alias[variable]).get_secret_value() == value
    assert KEY not in repr(found) + repr(in_force(found))


def test_a_secrets_file_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In one line with neither its path, which may be the secret itself, nor what it has."""
    contents = {"empty": b" \n", "latin": b"hunter\xe9", "zero": b"a\0b", "long": b"x" * 70_000}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    os.mkfifo(tmp_path / "pipe")  # nobody writes into it: to read it would take for ever
    for name in (*contents, "pipe", "nothing", "", "x" * 300):
        monkeypatch.setenv("CLICKHOUSE_PASSWORD_FILE", str(tmp_path / name))
        with pytest.raises(SettingsError) as caught:
            load_settings()
        line = str(caught.value)
        assert line.startswith("CLICKHOUSE_PASSWORD_FILE: "), name
        assert "hunter" not in line
        assert str(tmp_path) not in line


def test_a_secret_is_set_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Which of two is meant nobody can know."""
    (tmp_path / "f").write_text("redis://h/1")
    monkeypatch.setenv("REDIS_URL", "redis://h/2")
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path / "f"))
    with pytest.raises(SettingsError, match=r"^REDIS_URL_FILE: set, and so is REDIS_URL: only one"):
        load_settings()
    monkeypatch.setenv("REDIS_URL", "")
    assert in_force(load_settings())["REDIS_URL"].value == "redis://h/1"


@pytest.mark.parametrize("url", [
    "postgresql://me@db/kato?password=hunter@2", "postgresql://me:hun?ter@2/x@db/kato",
    "https://log.example.com/anchors?key=hunter@2",
])  # fmt: skip
def test_of_a_secret_url_no_part_is_taken_for_its_host(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """What is behind an @ may still be a query, and what is before a ? a password."""
    variable = "KATO_TENANTS_ANCHOR_URL" if url.startswith("https") else "KATO_TENANTS_STATE_URL"
    monkeypatch.setenv(variable, url)
    assert in_force(load_settings())[variable].value == "(set)"
