"""Rows are counted anew where parts are others, and always come to what a first pass counts."""

from __future__ import annotations

from collections.abc import Collection

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from services.stores.clickhouse.query import ClickHouse
from services.stores.clickhouse.row_counts import RowCounts
from services.stores.clickhouse.tables import Rows, Table
from services.stores.clickhouse.usage import PatternStore
from services.usage.readings import PatternReading
from tests.engines.clickhouse.kato_tables import make_tables

STEPS = (
    "INSERT INTO patterns_data (kb_id, name) SELECT 'kb' || number % 6, number FROM numbers(60)",
    "INSERT INTO patterns_data (kb_id, name) VALUES ('kb1', 'more')",
    "INSERT INTO patterns_data (kb_id, name) VALUES ('kb1', 'yet more'), ('new', 'first')",
    "DELETE FROM patterns_data WHERE kb_id = 'kb2' AND toUInt64OrZero(name) < 30",
    "DELETE FROM patterns_data WHERE kb_id = 'kb3'",
    "ALTER TABLE patterns_data DROP PARTITION 'kb4'",
    "OPTIMIZE TABLE patterns_data FINAL",
    "INSERT INTO patterns_data (kb_id, name) VALUES ('kb4', 'back')",
    "TRUNCATE TABLE patterns_data",
)


def seen(reading: PatternReading) -> dict[str | None, object]:
    """What is counted; a partition in which nothing is left may still be there, or be gone."""
    return {each.kb_id: each for each in reading.usages if each.amount.count}


def test_what_is_kept_comes_to_what_is_counted_anew(
    chdb_path: str, clickhouse: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tables(clickhouse)
    engine = ClickHouse(
        lambda: clickhouse_connect.get_client(interface="chdb", path=chdb_path),
        database=str(clickhouse.database),
    )
    asked: list[Collection[bytes] | None] = []
    ask = RowCounts._ask

    def listening(
        self: RowCounts, table: Table, kb_ids: Collection[bytes] | None = None
    ) -> list[Rows]:
        if table.name == "patterns_data":
            asked.append(kb_ids)
        return ask(self, table, kb_ids)

    keeping = PatternStore(engine)
    anew = list[Collection[bytes] | None]()
    for step in STEPS:
        clickhouse.command(step)
        with monkeypatch.context() as patch:
            patch.setattr(RowCounts, "_ask", listening)
            found = keeping.read()
        anew.append(asked.pop() if asked else ())
        assert seen(found) == seen(PatternStore(engine).read()), step
    engine.close()
    assert anew[0] is None  # all were new
    assert anew[1:4] == [{b"kb1"}, {b"kb1", b"new"}, {b"kb2"}]
    assert anew[-2] == {b"kb4"}
