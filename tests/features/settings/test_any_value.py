"""Whatever a variable holds, what comes of it is a start, or one line that says what is wrong."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from services import bootstrap
from services.errors import KatoTenantsError, SettingsError, StartFailed
from services.settings.environment import Settings, load_settings
from services.settings.variables import file_variables
from services.stores.open import engines_of  # noqa: F401  imported before the clock runs

NAMES = sorted(str(info.alias) for info in Settings.model_fields.values())
FILES = sorted(file_variables(Settings))
PATHS = ("KATO_TENANTS_DATA", "KATO_TENANTS_ANCHOR_FILE", *FILES)
KINDS = ("CLICKHOUSE_", "REDIS_", "QDRANT_", "KATO_", "SERVICE_NAME")
BASE = {"REDIS_URL": "redis://127.0.0.1:1/0", "KATO_TENANTS_TIMEOUT_SECONDS": "0.2",
        "KATO_TENANTS_STATE_SECONDS": "0.2"}  # fmt: skip
PIECES = st.sampled_from([
    "redis://", "rediss://", "unix://", "http://", "https://", "postgresql+psycopg://", "sqlite://",
    "postgres://", "sqlite+aiosqlite://", "/", "//", ":", "@", "?", "#", "%", "%41", "[", "]",
    "[::1]", "127.0.0.1", ":1", "h", "?db=", "&", "=", ",", "{", "}", "{a}", '"', "true", "1", "-1",
    "1e999", "nan", "inf", "99999999999999999999", "0x10", " ", "\n", "\t", "\x1b", "\udcff",
    "é", "日", "\\",
    "[" * 2_000, "oidc", "proxy", "local", "admin", "=", "*", "tenant/a", "null", "sample",
    "?connect_timeout=x", "?timeout=x", "?sslmode=x", "?host=a:b", "?protocol=3", "?foo=1",
])  # fmt: skip
SIGNS = st.characters(exclude_characters="\0", exclude_categories=("Cs",))
VALUES = st.lists(PIECES, max_size=6).map("".join) | st.text(SIGNS, max_size=30)


@pytest.fixture(autouse=True)
def _nothing_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No name resolves, and nothing is written but into a folder of the test's own."""

    def in_vain(*_: Any, **__: Any) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", in_vain)
    monkeypatch.chdir(tmp_path)


def _outcome(variable: str, value: str) -> KatoTenantsError | None:
    """Start with a variable at a value, and ask every store; return the error that comes of it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, usual in {**BASE, variable: value}.items():
            patch.setenv(name, usual)
        try:
            services = bootstrap.build(load_settings())
        except KatoTenantsError as exc:
            return exc
        with closing(services):
            for check in services.health.check():
                assert "this product failed" not in str(check.problem)
    return None


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(variable=st.sampled_from([*NAMES, *FILES]), value=VALUES)
@example("QDRANT_URL", "http://q:6333\n")
@example("KATO_TENANTS_HISTORY_URL", "http://h:8123/kato")
@example("KATO_TENANTS_STATE_URL", "sqlite+aiosqlite:///x")
@example("KATO_TENANTS_STATE_URL", "sqlite://host/x")
@example("KATO_TENANTS_STATE_URL", "sqlite:///x?timeout=x")
@example("KATO_TENANTS_STATE_URL", "postgresql://h/x?connect_timeout=x")
@example("KATO_TENANTS_REFRESH_SECONDS", "inf")
@example("KATO_TENANTS_AUDIT_MINUTES", "1e300")
@example("KATO_TENANTS_SCHEMES", "[" * 100_000)
@example("KATO_TENANTS_ROLES", "{" * 100_000)
@example("KATO_TENANTS_DATA", "x" * 5_000)
@example("KATO_API_URL", "http://xn--a")
def test_any_value_is_a_start_or_one_line(tmp_path: Path, variable: str, value: str) -> None:
    if variable in PATHS and not value.isspace() and value:
        value = f"{tmp_path}/{value.replace('..', '')}"
    error = _outcome(variable, value)
    assert not isinstance(error, StartFailed), error
    if error is not None:
        assert str(error).isprintable()  # so that it is one line
        assert not isinstance(error, SettingsError) or error.variable.startswith(KINDS)
