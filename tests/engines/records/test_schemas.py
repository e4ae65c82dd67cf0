"""Records of several deployments in one PostgreSQL, each in a schema of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, text

from services.errors import SettingsError
from services.stores.records.database import open_database, writing
from services.stores.records.nodes import StateStore
from services.stores.records.version import take_turns
from tests.servers.postgres import Postgres


@pytest.fixture
def engines(postgres_server: Postgres, tmp_path: Path) -> Iterator[tuple[Engine, Engine, Engine]]:
    """One database: as it is without a schema, and two deployments of it."""
    url = postgres_server.new_database()
    found = [
        open_database(tmp_path, url, seconds=20, schema=schema)
        for schema in ("", "kato_tenants_prod-eu", "kato_tenants_prod.us")
    ]
    yield found[0], found[1], found[2]
    for engine in found:
        engine.dispose()
    postgres_server.drop(url)


def test_nothing_of_them_mixes(engines: tuple[Engine, Engine, Engine]) -> None:
    now = datetime.now(UTC)
    for number, engine in enumerate(engines):
        state = StateStore(engine)
        state.record_nodes({f"node-{number}": "redis"}, now)
    for number, engine in enumerate(engines):
        assert [each.node_id for each in StateStore(engine).nodes()] == [f"node-{number}"]
    names = set(inspect(engines[0]).get_schema_names())
    assert {"kato_tenants_prod-eu", "kato_tenants_prod.us"} <= names
    for engine in engines[1:]:
        with engine.connect() as connection:
            schema = connection.execute(text("SELECT current_schema()")).scalar()
            assert schema == engine.get_execution_options()["schema"]


def test_one_that_holds_its_turn_keeps_no_other_waiting(
    engines: tuple[Engine, Engine, Engine],
) -> None:
    """PostgreSQL's advisory locks are of the whole database."""
    holds, done = threading.Event(), threading.Event()

    def hold() -> None:
        with writing(engines[1], "holding") as connection:
            take_turns(connection, 7)
            holds.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert holds.wait(20)
    for engine in (engines[0], engines[2]):
        with writing(engine, "taking") as connection:
            take_turns(connection, 7)
    free = "SELECT pg_try_advisory_xact_lock(:lock)"
    with engines[0].begin() as connection:
        assert connection.execute(text(free), {"lock": 7}).scalar()  # as before there were any
    done.set()
    thread.join(20)


def test_a_schema_is_for_postgresql_alone(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="KATO_TENANTS_STATE_SCHEMA"):
        open_database(tmp_path, schema="x")
