"""Patterns that are stored twice, and rows without a kb_id: on the engine, and in the figures."""

from __future__ import annotations

from collections.abc import Iterator

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from services.figures import Amount
from services.stores.clickhouse import row_counts
from services.stores.clickhouse.query import ClickHouse
from services.stores.clickhouse.usage import PatternStore
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.readings import PatternReading
from services.usage.rollup import Readings, roll_up
from tests.engines.clickhouse.kato_tables import make_tables


@pytest.fixture
def store(chdb_path: str, clickhouse: Client) -> Iterator[PatternStore]:
    engine = ClickHouse(
        lambda: clickhouse_connect.get_client(interface="chdb", path=chdb_path),
        database=str(clickhouse.database),
    )
    yield PatternStore(engine)
    engine.close()


def put(client: Client, kb_id: str, *names: str) -> None:
    values = ", ".join(f"({kb_id}, '{name}')" for name in names)
    client.command(f"INSERT INTO patterns_data (kb_id, name) VALUES {values}")


def counts(reading: PatternReading) -> dict[str | None, tuple[int, int]]:
    """The patterns and the rows of each kb_id."""
    assert sum(usage.amount.count for usage in reading.usages) == reading.total.count
    return {u.kb_id: (u.amount.count, u.rows_by_table["patterns_data"]) for u in reading.usages}


def test_a_name_of_a_kb_id_is_one_pattern_however_often_it_is_stored(
    store: PatternStore, clickhouse: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are told beside it; only kb_ids whose parts are others are counted again."""
    monkeypatch.setattr(row_counts, "ROWS_AT_ONCE", 3)
    make_tables(clickhouse)
    asked: list[bytes] = []
    ask = row_counts.Repeats._ask

    def listening(self: row_counts.Repeats, table: object, raws: list[bytes]) -> dict[bytes, int]:
        asked.extend(raws)
        return ask(self, table, raws)  # type: ignore[arg-type]

    monkeypatch.setattr(row_counts.Repeats, "_ask", listening)
    put(clickhouse, "'a_kato'", "p", "q", "p")
    put(clickhouse, "'a_kato'", "p")
    put(clickhouse, "'b_kato'", "p", "q")
    assert counts(store.read()) == {"a_kato": (2, 4), "b_kato": (2, 2)}
    assert sorted(asked) == [b"a_kato", b"b_kato"]
    asked.clear()
    assert counts(store.read()) == {"a_kato": (2, 4), "b_kato": (2, 2)}
    assert not asked
    put(clickhouse, "'b_kato'", "q", "r")
    assert counts(store.read()) == {"a_kato": (2, 4), "b_kato": (3, 4)}
    assert asked == [b"b_kato"]
    clickhouse.command("DELETE FROM patterns_data WHERE kb_id = 'a_kato' AND name = 'p'")
    assert counts(store.read()) == {"a_kato": (1, 1), "b_kato": (3, 4)}


@pytest.mark.parametrize("type_", ["Nullable(String)", "LowCardinality(Nullable(String))"])
def test_a_row_without_a_kb_id_is_nobodys(
    store: PatternStore, clickhouse: Client, type_: str
) -> None:
    """And not the data of a kb_id that is empty."""
    clickhouse.command(
        f"CREATE TABLE patterns_data (kb_id {type_}, name String, length UInt32) "
        "ENGINE = MergeTree ORDER BY name"
    )
    put(clickhouse, "NULL", "p", "q")
    put(clickhouse, "''", "p")
    put(clickhouse, "'tenant_acme_user_bob_kato'", "p", "q", "p")
    reading = store.read()
    assert counts(reading) == {None: (2, 2), "": (1, 1), "tenant_acme_user_bob_kato": (2, 3)}
    assert store.holders(["q"]) == {None: 1, "tenant_acme_user_bob_kato": 1}
    rolled = roll_up(Readings(patterns=reading), Ownership([], schemes=NamingSchemes.of()))
    nobodys = rolled.unattributed
    assert nobodys.usage.patterns
    assert nobodys.usage.patterns.count == 2
    assert nobodys.samples == ("rows without a kb_id",)
    assert {str(usage.tenant): usage.usage.patterns for usage in rolled.tenants} == {
        "tenant/acme": Amount(2, reading.usages[2].amount.bytes),
        "kb/": Amount(1, reading.usages[1].amount.bytes),
    }
