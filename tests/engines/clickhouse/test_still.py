"""A pass over ClickHouse is spared only where every part and table is still the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings, strategies as st

from services.embedded.write.rows import create_missing
from services.stores.clickhouse.query import ClickHouse
from services.stores.clickhouse.usage import PatternStore
from services.usage.readings import PatternReading
from tests.engines.clickhouse.kato_tables import make_tables

SAME_SIZE = "INSERT INTO patterns_data (kb_id, name) VALUES ('{}_kato', '{}')"
CHANGES = (
    SAME_SIZE.format("a", "q"),
    SAME_SIZE.format("c", "p"),
    "INSERT INTO lsh_buckets (kb_id) VALUES ('a_kato')",
    "ALTER TABLE patterns_data DROP PARTITION 'a_kato'",
    "ALTER TABLE patterns_data DETACH PARTITION 'b_kato'",
    "ALTER TABLE patterns_data ATTACH PARTITION 'b_kato'",
    "ALTER TABLE patterns_data DELETE WHERE name = 'p' SETTINGS mutations_sync = 2",
    "ALTER TABLE patterns_data UPDATE first_token = 'x' WHERE 1 SETTINGS mutations_sync = 2",
    "DELETE FROM patterns_data WHERE name = 'p' SETTINGS lightweight_deletes_sync = 2",
    "TRUNCATE TABLE patterns_data",
    "OPTIMIZE TABLE patterns_data FINAL",
    "EXCHANGE TABLES lsh_buckets AND pattern_stats",
    "SELECT 1",
)


@pytest.fixture
def store(chdb_path: str, clickhouse: Client) -> Iterator[PatternStore]:
    connect = partial(clickhouse_connect.get_client, interface="chdb", path=chdb_path)
    engine = ClickHouse(connect, database=str(clickhouse.database))
    make_tables(clickhouse)
    yield PatternStore(engine)
    engine.close()


@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(done=st.lists(st.sampled_from(CHANGES), min_size=1, max_size=2))
def test_no_change_is_missed(store: PatternStore, clickhouse: Client, done: list[str]) -> None:
    """Whatever is done, a reading that is given again is what a new pass brings."""
    clickhouse.command("TRUNCATE TABLE patterns_data")
    for kb in "ab":
        clickhouse.command(SAME_SIZE.format(kb, "p"))
    last = store.read()
    for statement in done:
        clickhouse.command(statement)
    again = store.read(last=last)
    if again is last:
        assert again == store.read()


def test_a_table_that_was_made_anew_is_another(store: PatternStore, clickhouse: Client) -> None:
    """With a part of the same name, rows and bytes."""
    clickhouse.command(SAME_SIZE.format("a", "p"))
    last = marked(store)
    clickhouse.command("DROP TABLE patterns_data SYNC")
    create_missing(clickhouse, str(clickhouse.database))
    clickhouse.command(SAME_SIZE.format("a", "q"))
    assert store.read(last=last) is not last


def test_still_tables_cost_one_question(
    store: PatternStore, clickhouse: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No table of KATO's is touched, and the mark of an earlier pass stands."""
    clickhouse.command(SAME_SIZE.format("a", "p"))
    last = marked(store)
    monkeypatch.setattr(PatternStore, "_read", None)
    assert store.read(last=last) is last
    other = replace(last, mark=None)
    with pytest.raises(TypeError):
        store.read(last=other)


def test_what_is_written_meanwhile_leaves_no_mark(
    store: PatternStore, clickhouse: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that comes while the tables are read may be counted in one and not in another."""
    passing = PatternStore._read

    def busy(self: PatternStore) -> PatternReading:
        clickhouse.command(SAME_SIZE.format("late", "p"))
        return passing(self)

    monkeypatch.setattr(PatternStore, "_read", busy)
    assert store.read().mark is None


def marked(store: PatternStore) -> PatternReading:
    reading = store.read()
    assert reading.mark is not None
    return reading
