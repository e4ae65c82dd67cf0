"""What a purge counts beside its target: every name, every row, whatever is merged meanwhile."""

from __future__ import annotations

from clickhouse_connect.driver.client import Client

from services.stores.clickhouse.erase import PatternErasing
from services.stores.clickhouse.query import ClickHouse
from services.stores.clickhouse.usage import PatternStore
from tests.engines.clickhouse.kato_tables import add_patterns, load_capture, make_tables
from tests.engines.clickhouse.test_erasing import (
    FLAT,
    erasing as erasing,  # noqa: PLC0414  a fixture
    extra,
    server as server,  # noqa: PLC0414  a fixture
)
from tests.engines.erasing import HOSTILE, MINE, silent, surface_of

A = surface_of("a_kato")


def test_a_projection_does_not_answer_with_what_is_gone(
    erasing: PatternErasing, clickhouse: Client
) -> None:
    """It is a part of the parts, whether these are dropped or rewritten."""
    make_tables(clickhouse)
    for table, engine in (("parted", "MergeTree PARTITION BY kb_id ORDER BY name"), ("flat", FLAT)):
        clickhouse.command(
            f"CREATE TABLE {table} (kb_id String, name String, PROJECTION sums"
            f" (SELECT kb_id AS k, count() GROUP BY k)) ENGINE = {engine.removeprefix('ENGINE = ')}"
        )
        add_patterns(clickhouse, ["a_kato", "b_kato"], each=2, table=table)
    erasing.erase(A, silent)
    for table in ("parted", "flat"):
        answer = clickhouse.query(
            f"SELECT kb_id, count() FROM {table} GROUP BY kb_id",
            settings={"force_optimize_projection": 1},
        )
        assert answer.result_rows == [("b_kato", 2)]


def test_names_are_those_of_the_figures(
    erasing: PatternErasing, clickhouse: Client, chdb_path: str
) -> None:
    """Every kb_id that the usage shows, and no other, with as many rows."""
    load_capture(clickhouse)
    extra(clickhouse, "flat", FLAT, "Nullable(String)")
    add_patterns(clickhouse, HOSTILE, each=2, table="flat")
    add_patterns(clickhouse, [MINE], table="flat")
    clickhouse.command("INSERT INTO flat VALUES (NULL, 'nobody')")
    reading = PatternStore(ClickHouse(lambda: clickhouse, database=str(clickhouse.database))).read()
    rows = {usage.kb_id or "": sum(usage.rows_by_table.values()) for usage in reading.usages}
    assert erasing.names() == rows


def test_the_reckoning_is_the_same_before_and_after(
    erasing: PatternErasing, clickhouse: Client
) -> None:
    """Whatever is merged or marked deleted; what no part holds is in the total alone."""
    load_capture(clickhouse)
    extra(clickhouse, "flat", FLAT)
    extra(clickhouse, "log", "ENGINE = Log")
    clickhouse.command(
        "CREATE MATERIALIZED VIEW fill ENGINE = MergeTree ORDER BY kb_id AS SELECT kb_id FROM flat"
    )
    add_patterns(clickhouse, [MINE, "b_kato"], each=3, table="flat")
    clickhouse.command("INSERT INTO log VALUES ('b_kato', 'p')")
    clickhouse.command("DELETE FROM flat WHERE kb_id = 'b_kato' AND name = 'pattern 1'")
    looks = [erasing.look(surface_of(MINE))]
    clickhouse.command("OPTIMIZE TABLE flat FINAL")
    looks.append(erasing.look(surface_of(MINE)))
    erasing.erase(surface_of(MINE), silent)
    looks.append(erasing.look(surface_of(MINE)))
    reckoned = [look.everything for look in looks]
    assert all(each is not None and each.total - each.seen == 1 for each in reckoned)
    gone = sum(item.count for item in looks[1].items)
    assert reckoned[1].total - reckoned[2].total == gone > 6  # type: ignore[union-attr]
    clickhouse.command("TRUNCATE TABLE log")
    after = erasing.look(surface_of(MINE)).everything
    assert after is not None
    assert after.total - after.seen == 0
