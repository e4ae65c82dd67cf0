"""Other deployments: their files are read like an environment, and of ours only what is ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from services.errors import SettingsError
from services.settings.destinations import settings_of
from services.settings.environment import Settings, load_settings

PASSWORD = "hunter2 # 'x'"


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file of the one other deployment, of which the environment says where it is."""
    monkeypatch.setenv("CLICKHOUSE_HOST", "ours")
    monkeypatch.setenv("CLICKHOUSE_PASSWORD", "ours")
    monkeypatch.setenv("KATO_TENANTS_ARCHIVES", "/archives")
    monkeypatch.setenv("KATO_TENANTS_MOVE_TO", f"eu-2 = {tmp_path / 'eu.env'}")
    return tmp_path / "eu.env"


def told(file: Path, text: str) -> Settings:
    file.write_text(text, "utf-8")
    return settings_of(load_settings(), "eu-2")


def test_a_file_stands_for_that_deployments_environment(file: Path) -> None:
    """Nothing that it leaves out is taken from here, but where archives and records are."""
    found = told(file, f'# eu\nREDIS_URL=redis://there:6379/1\nQDRANT_API_KEY="{PASSWORD}"\n')
    assert found.clickhouse_host is None
    assert found.clickhouse_password == SecretStr("")
    assert found.redis_url == SecretStr("redis://there:6379/1")
    assert found.qdrant_api_key == SecretStr(PASSWORD)
    here = load_settings()
    assert found.archives == here.archives == SecretStr("/archives")
    assert found.data.is_relative_to(here.data)
    assert found.data != here.data
    assert not found.destinations


def test_a_secret_of_it_may_be_in_a_file_too(file: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n", "utf-8")
    found = told(file, f"REDIS_URL=redis://h/0\nQDRANT_API_KEY_FILE={tmp_path / 'secret'}")
    assert found.qdrant_api_key == SecretStr("s3cret")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("CLICKHOUSE_HOST=h\nCLICKHOUSE_PORT=hunter2", "in the file of eu-2, CLICKHOUSE_PORT: "),
        ("REDIS_URL=hunter2", "in the file of eu-2, REDIS_URL: "),
        ("QDRANT_API_KEY_FILE=/hunter2", "in the file of eu-2, QDRANT_API_KEY_FILE: "),
        ("KATO_TENANTS_TIMEOUT_SECONDS=3", "names no store"),
        ("CLICKHOUSE_HOST=h\nKATO_TENANTS_READ_ONLY=true", "read only"),
        ("  \n", "empty"),
    ],
)
def test_what_is_wrong_is_said_by_name_and_without_a_value(file: Path, text: str, why: str) -> None:
    with pytest.raises(SettingsError) as caught:
        told(file, text)
    line = str(caught.value)
    assert line.startswith("KATO_TENANTS_MOVE_TO: ")
    assert why in line
    assert "hunter2" not in line
    assert str(file) not in line


def test_neither_an_unknown_name_nor_our_own_records(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="called us-1"):
        settings_of(load_settings(), "us-1")
    with pytest.raises(SettingsError, match="no file that is there"):
        settings_of(load_settings(), "eu-2")
    monkeypatch.setenv("KATO_TENANTS_STATE_URL", "sqlite:////tmp/x")
    with pytest.raises(SettingsError, match="records of this deployment"):
        told(file, "CLICKHOUSE_HOST=h\nKATO_TENANTS_STATE_URL=sqlite:////tmp/x")


@pytest.mark.parametrize("value", ["eu-2", "eu-2 = relative.env", "{", '{"eu-2": 1}'])
def test_the_setting_takes_names_with_absolute_paths(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("KATO_TENANTS_MOVE_TO", value)
    with pytest.raises(SettingsError, match="KATO_TENANTS_MOVE_TO"):
        load_settings()
