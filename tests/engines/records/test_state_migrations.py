"""The product's own records across versions of it."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, MetaData, create_engine, inspect, text

import services.stores.records.alert_tables
import services.stores.records.history_place_tables
import services.stores.records.history_tables
import services.stores.records.life_tables
import services.stores.records.limit_tables  # noqa: F401  each adds its own
from services.errors import StoreUnavailable
from services.figures import Amount, Measure
from services.stores.records import migrations
from services.stores.records.database import open_database
from services.stores.records.migrations import MIGRATIONS
from services.stores.records.nodes import StateStore
from services.stores.records.schema import METADATA
from services.stores.records.version import NEWEST
from tests.servers.postgres import Postgres
from tests.servers.purger import plan_for
from tests.servers.records import Records, lines_of

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)

VERSION_1 = """
CREATE TABLE schema_version (version INTEGER NOT NULL);
CREATE TABLE node_seen (
    digest VARCHAR(64) NOT NULL, node_id BLOB NOT NULL, source VARCHAR(32) NOT NULL,
    first_seen DATETIME NOT NULL, last_seen DATETIME NOT NULL, PRIMARY KEY (digest));
CREATE TABLE usage_history (
    measure VARCHAR(16) NOT NULL, collected_at DATETIME NOT NULL, count BIGINT NOT NULL,
    bytes BIGINT, PRIMARY KEY (measure, collected_at));
INSERT INTO schema_version VALUES (1);
INSERT INTO node_seen VALUES (
    '1b16b1df538ba12dc3f97edbb85caa7050d46c148134290feba80f8236c83db9', x'6e', 'session',
    '2026-01-31 12:00:00.000000', '2026-01-31 12:00:00.000000');
INSERT INTO usage_history VALUES ('keys', '2026-01-31 12:00:00.000000', 7, 70);
"""
"""What version 1 of the records left in SQLite."""


def schema(engine: Engine) -> dict[str, object]:
    """Every table: its columns, their types, what may be null, its keys."""
    found = inspect(engine)
    return {
        table: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)],
            found.get_pk_constraint(table)["constrained_columns"],
            [(key["constrained_columns"], key["referred_table"])
             for key in found.get_foreign_keys(table)],
        )
        for table in sorted(found.get_table_names())
    }  # fmt: skip


def old_file(data: Path) -> Path:
    """Make the file that version 1 made."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / "state.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(VERSION_1)
    connection.close()
    return path


def version(engine: Engine) -> object:
    with engine.connect() as connection:
        return connection.scalar(text("SELECT version FROM schema_version"))


def test_a_file_of_version_1_is_brought_up_to_date(tmp_path: Path) -> None:
    """What it knew is there, and purges can be kept."""
    old_file(tmp_path)
    records = Records(tmp_path, None)
    state, jobs = records.state(), records.jobs()
    assert [(n.node_id, n.first_seen, n.last_seen) for n in state.nodes()] == [("n", NOW, NOW)]
    assert state.last_totals() == {Measure.KEYS: (NOW, Amount(7, 70))}
    state.record_nodes({"n": "kato"}, NOW)
    assert len(state.nodes()) == 1
    jobs.keep_plan(plan_for(), expires_at=NOW + timedelta(hours=1))
    assert jobs.plan("d" * 64) == plan_for()
    assert version(records.engine()) == NEWEST == len(MIGRATIONS)
    records.close()


def test_every_way_leads_to_the_same_tables(tmp_path: Path) -> None:
    """From nothing, from version 1, and as the product asks for them."""
    old_file(tmp_path / "old")
    fresh, old = Records(tmp_path / "new", None), Records(tmp_path / "old", None)
    asked = create_engine(f"sqlite:///{tmp_path / 'asked.sqlite'}")
    METADATA.create_all(asked)
    assert schema(fresh.engine()) == schema(old.engine()) == schema(asked)
    fresh.close()
    old.close()
    asked.dispose()


def test_the_tables_are_the_same_in_postgresql(postgres_server: Postgres, tmp_path: Path) -> None:
    """The migrations lead to what the product asks for."""
    made = open_database(tmp_path, postgres_server.new_database(), seconds=20)
    asked = create_engine(postgres_server.new_database())
    METADATA.create_all(asked)
    assert schema(made) == schema(asked)
    made.dispose()
    asked.dispose()


def test_a_migration_that_fails_leaves_everything_as_it_was(
    bare_records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables are made and changed in one transaction, and the next start does it again."""
    records = bare_records
    broken = ("CREATE TABLE late (id INTEGER)", "SELECT nothing FROM nowhere")
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, broken))
        with pytest.raises(StoreUnavailable):
            records.engine()
    plain = MetaData()
    engine = create_engine(records.url or f"sqlite:///{records.data / 'state.sqlite'}")
    plain.reflect(engine)
    assert not plain.tables
    engine.dispose()
    assert version(records.engine()) == NEWEST


def test_dashboards_may_start_at_once(bare_records: Records) -> None:
    """One migrates, the others find it done. (Each also begins a purge of its own.)"""
    records = bare_records
    processes = [records.start("tests.servers.purger", f"name-{n}") for n in range(4)]
    assert "refused" not in lines_of(processes)
    assert len(records.jobs().all()) == 4
    assert version(records.engine()) == NEWEST


def test_many_may_open_an_old_file_at_once(tmp_path: Path) -> None:
    """None of them finds it locked, or half way."""
    for number in range(20):
        data = tmp_path / str(number)
        old_file(data)
        with ThreadPoolExecutor(6) as pool:
            for engine in pool.map(open_database, [data] * 6):
                assert version(engine) == NEWEST
                engine.dispose()


def test_a_read_after_the_first_start_does_not_need_the_right_to_create(
    postgres_server: Postgres, tmp_path: Path
) -> None:
    """Whoever prepares the tables may keep the right to."""
    url = postgres_server.new_database()
    owner = open_database(tmp_path, url, seconds=20)
    with owner.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS reader"))
        connection.execute(text("CREATE ROLE reader LOGIN"))
        grant = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO reader"
        connection.execute(text(grant))
    reader = open_database(tmp_path, url.replace("postgres@", "reader@"), seconds=20)
    store = StateStore(reader)
    store.record_nodes({"n": "session"}, NOW)
    assert len(store.nodes()) == 1
    store.close()
    owner.dispose()
