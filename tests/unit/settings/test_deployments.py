"""Several deployments out of one file: each has what its table says, and shares no place."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from pydantic import SecretStr

from services.errors import SettingsError
from services.settings.deployment_settings import Deployment, deployments_of
from services.settings.deployments import COLORS, declared_in, stamp_of
from services.settings.destinations import names_of, settings_of
from services.settings.environment import Settings, load_settings

TWO = """
[deployment.prod-eu]
color = "red"
labels = { region = "eu", stage = "production" }
[deployment.prod-eu.settings]
CLICKHOUSE_HOST = "eu.example.com"
KATO_TENANTS_REFRESH_SECONDS = 30
KATO_TENANTS_SCHEMES = ["a:{a},{b}"]

[deployment.prod-us.settings]
REDIS_URL = "redis://us.example.com/0"
KATO_TENANTS_ROLES = { "CN=admins,OU=us" = "admin" }
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the environment names."""
    monkeypatch.setenv("KATO_TENANTS_DEPLOYMENTS", str(tmp_path / "deployments.toml"))
    return tmp_path / "deployments.toml"


def told(place: Path, text: str) -> dict[str, Deployment]:
    place.write_text(text, "utf-8")
    return {each.name: each for each in deployments_of(load_settings())}


def settings(found: Deployment) -> Settings:
    assert found.settings is not None, found.problem
    return found.settings


def proxy(monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    """Have people sign in, by the environment."""
    signing = {
        "AUTH": "proxy", "PROXY_HEADER": "X-Token", "PROXY_SECRET": "s" * 40, "PROXY_ISSUER": "i",
        "PROXY_AUDIENCE": "a", "ID_CLAIM": "sub", "ROLE_CLAIM": "groups", **more,
    }  # fmt: skip
    for name, value in signing.items():
        monkeypatch.setenv(f"KATO_TENANTS_{name}", value)


def test_each_has_its_own_settings_and_what_the_environment_says_for_all(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy(monkeypatch, DEFAULT_ROLE="viewer", DEFAULT_TENANTS="*", TIMEOUT_SECONDS="7")
    found = told(place, TWO)
    eu, us = settings(found["prod-eu"]), settings(found["prod-us"])
    assert list(found) == ["prod-eu", "prod-us"]
    assert (eu.clickhouse_host, us.clickhouse_host) == ("eu.example.com", None)
    assert (eu.redis_url, us.redis_url) == (None, SecretStr("redis://us.example.com/0"))
    assert (eu.refresh_seconds, us.refresh_seconds) == (30, 60)
    assert eu.timeout_seconds == us.timeout_seconds == 7
    assert eu.schemes == ("a:{a},{b}",)
    assert (eu.deployment, eu.deployment_color) == ("prod-eu", "red")
    assert found["prod-eu"].labels == {"region": "eu", "stage": "production"}
    assert us.deployment_color == COLORS[0]
    assert len({eu.data, us.data, load_settings().data}) == 3


def test_who_says_who_may_come_in_takes_nothing_of_that_from_the_environment(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A default role for all would else open the one that names its admins."""
    proxy(monkeypatch, DEFAULT_ROLE="viewer", DEFAULT_TENANTS="*", TENANTS_CLAIM="tenants")
    found = told(place, TWO)
    eu, us = settings(found["prod-eu"]), settings(found["prod-us"])
    assert (eu.default_role, eu.default_tenants) == ("viewer", ("*",))
    assert us.default_role is None
    assert us.roles == json.dumps({"CN=admins,OU=us": "admin"})
    assert (us.role_claim, us.id_claim) == ("groups", "sub")
    narrow = told(place, TWO + 'KATO_TENANTS_DEFAULT_TENANTS = "tenant/acme"\n')["prod-us"]
    assert settings(narrow).default_tenants == ("tenant/acme",)
    assert settings(narrow).tenants_claim == ""


def test_the_environment_needs_no_roles_of_its_own(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each deployment does, and who has none fails alone."""
    proxy(monkeypatch, DEFAULT_TENANTS="*")
    found = told(place, TWO)
    assert found["prod-us"].settings is not None
    assert "nobody would have a role" in found["prod-eu"].problem


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('CLICKHOUSE_PORT = "much"', "CLICKHOUSE_PORT"),
        ('CLICKHOUSE_HOTS = "x"', "CLICKHOUSE_HOTS is no setting"),
        ('KATO_TENANTS_AUTH = "local"', "of the whole dashboard"),
        ('KATO_TENANTS_PROXY_SECRET_FILE = "/x"', "of the whole dashboard"),
        ('KATO_TENANTS_DEPLOYMENT = "x"', "of the whole dashboard"),
        ('QDRANT_API_KEY_FILE = "/nowhere"', "names no file"),
        ("KATO_TENANTS_BILL_ZONE = 2026-01-01", "a date"),
    ],
)
def test_one_that_is_wrong_leaves_the_other_as_it_is(place: Path, text: str, why: str) -> None:
    found = told(place, f"{TWO}[deployment.bad.settings]\n{text}\n")
    assert why in found["bad"].problem
    assert found["bad"].settings is None
    assert found["prod-eu"].settings is not None


@pytest.mark.parametrize(
    "table",
    ['color = "pink"', "labels = 3", 'labels = { a = "b\\nc" }', "other = 1", "settings = 3"],
)
def test_a_table_that_is_none_says_so(place: Path, table: str) -> None:
    found = told(place, f"{TWO}[deployment.bad]\n{table}\n")
    assert found["bad"].problem
    assert found["prod-eu"].settings is not None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("= hunter2", "is no TOML: line 1, column 1"),
        ("[deployment]", "names no deployment"),
        ("[deployments.x]", "where [deployment.NAME] belongs"),
        ("deployment = 3", "where [deployment.NAME] belongs"),
        ("[deployment.'../x']", "a name that cannot be used"),
        ("[deployment.a]\n[deployment.A]", "two deployments that are called a"),
        ("x = " + "[" * 5000, "is no TOML"),
        (" ", "empty"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_nothing_of_what_is_there(
    place: Path, text: str, why: str
) -> None:
    with pytest.raises(SettingsError) as failed:
        told(place, text)
    assert why in str(failed.value)
    assert "hunter2" not in str(failed.value)


def test_a_folder_has_its_files_in_their_order(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place.parent / "more"
    folder.mkdir()
    (folder / "b.toml").write_text("[deployment.one]", "utf-8")
    (folder / "a.toml").write_text("[deployment.two]", "utf-8")
    (folder / "c.txt").write_text("[deployment.three]", "utf-8")
    assert [each.name for each in declared_in(folder)] == ["two", "one"]
    (folder / "c.toml").write_text("[deployment.one]", "utf-8")
    with pytest.raises(SettingsError, match="two deployments that are called one"):
        declared_in(folder)


def test_settings_may_be_a_file_of_variables(place: Path) -> None:
    (place.parent / "eu.env").write_text("# eu\nREDIS_URL='redis://eu/0'\n", "utf-8")
    found = told(place, '[deployment.eu]\nsettings = "eu.env"')
    assert settings(found["eu"]).redis_url == SecretStr("redis://eu/0")


@pytest.mark.parametrize(
    ("variable", "value"),
    [("REDIS_URL", "redis://h/0"), ("KATO_API_URL", "http://h"), ("CLICKHOUSE_PASSWORD", "x"),
     ("KATO_TENANTS_ANCHOR_FILE", "/x"), ("KATO_TENANTS_STATE_SCHEMA", "x")],
)  # fmt: skip
def test_a_store_in_the_environment_beside_the_file_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """It would else be silently nobody's, or everybody's."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable):
        told(place, TWO)


def test_records_on_one_postgresql_have_a_schema_each(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql://u@h/db"
    monkeypatch.setenv("KATO_TENANTS_STATE_URL", url)
    own = '\n[deployment.own.settings]\nKATO_TENANTS_STATE_URL = "postgresql://u@h/other"\n'
    found = {name: settings(each) for name, each in told(place, TWO + own).items()}
    schemas = {name: each.state_schema for name, each in found.items()}
    assert schemas == {
        "prod-eu": "kato_tenants_prod-eu", "prod-us": "kato_tenants_prod-us", "own": "",
    }  # fmt: skip
    monkeypatch.setenv("KATO_TENANTS_STATE_URL", "sqlite:////x/y")
    assert all("one file for all" in told(place, TWO)[name].problem for name in ("prod-eu",))


@pytest.mark.parametrize(
    "line",
    ['KATO_TENANTS_STATE_URL = "postgresql://u@h/db"', 'KATO_TENANTS_DATA = "/x"',
     'KATO_TENANTS_ANCHOR_FILE = "/x/anchors"'],
)  # fmt: skip
def test_two_that_would_keep_what_they_know_in_one_place_do_not_both_start(
    place: Path, line: str
) -> None:
    text = (
        f"[deployment.a.settings]\n{line}\n[deployment.b.settings]\n{line}\nREDIS_URL='redis://h'"
    )
    found = told(place, text)
    assert found["a"].settings is not None
    assert "is that of a too" in found["b"].problem


def test_one_alone_has_the_embedded_engines(place: Path) -> None:
    found = told(place, "[deployment.a]\n[deployment.b]\n")
    assert settings(found["a"]).embedded
    assert "a has the embedded engines" in found["b"].problem


def test_the_others_are_destinations_and_their_records_are_where_they_have_them(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KATO_TENANTS_ARCHIVES", "/archives")
    monkeypatch.setenv("KATO_TENANTS_MOVE_TO", f"far = {place.parent / 'far.env'}")
    found = told(place, TWO)
    here, there = settings(found["prod-eu"]), settings(found["prod-us"])
    assert names_of(here) == ("far", "prod-us")
    target = settings_of(here, "prod-us")
    assert (target.data, target.redis_url) == (there.data, there.redis_url)
    assert target.archives == here.archives
    for name in ("prod-eu", "nowhere"):
        with pytest.raises(SettingsError, match="names no deployment"):
            settings_of(here, name)


def test_reading_only_is_for_all_where_the_environment_says_so(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KATO_TENANTS_READ_ONLY", "true")
    found = told(place, TWO + "KATO_TENANTS_READ_ONLY = false\n")
    assert all(settings(each).read_only for each in found.values())


def test_the_stamp_is_another_once_a_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    seen = [stamp_of(tmp_path)]
    file.write_text("1", "utf-8")
    seen.append(stamp_of(tmp_path))
    file.write_text("22", "utf-8")
    seen.append(stamp_of(tmp_path))
    os.utime(file, ns=(0, 0))
    seen.append(stamp_of(tmp_path))
    file.unlink()
    assert len(set(seen)) == 4
    assert stamp_of(tmp_path) == seen[0]
    assert stamp_of(tmp_path / "nowhere")


words = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20)


@given(st.dictionaries(words, words, max_size=3), words, words)
def test_whatever_stands_in_a_table_it_is_read_or_its_problem_is_said(
    variables: dict[str, str], name: str, color: str
) -> None:
    """Nothing but SettingsError leaves, and no value is repeated in a problem."""
    secret = "hunter2"
    given = {**variables, "REDIS_URL": f"nonsense://{secret}"}
    text = "".join(f"{json.dumps(key)} = {json.dumps(value)}\n" for key, value in given.items())
    text = text.replace("\\ud", "\\\\ud").replace("\x7f", "\\u007f")
    path = Path(os.environ.get("TMPDIR", "/tmp"), f"deployments-{os.getpid()}.toml")
    path.write_text(
        f"[deployment.{json.dumps(name)}]\ncolor = {json.dumps(color)}\n"
        f"[deployment.{json.dumps(name)}.settings]\n{text}".replace("\x7f", "\\u007f"), "utf-8",
    )  # fmt: skip
    try:
        here = Settings(deployments=path)
        problems = [each.problem for each in deployments_of(here, {})]
    except SettingsError as exc:
        problems = [str(exc)]
    finally:
        path.unlink()
    assert all(problems)
    assert secret not in "".join(problems)
