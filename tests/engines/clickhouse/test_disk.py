"""What is still on disk after an erasure: waited for, or told until when."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from services.jobs.models import Progress
from services.stores.clickhouse.disk import until
from services.stores.clickhouse.erase import PatternErasing
from services.stores.clickhouse.query import ClickHouse
from tests.engines.clickhouse.kato_tables import add_patterns, make_tables
from tests.engines.clickhouse.test_erasing import extra
from tests.engines.erasing import silent, surface_of

A = surface_of("a_kato")
LIFETIME = (
    "ENGINE = MergeTree ORDER BY name SETTINGS old_parts_lifetime = {}, cleanup_delay_period = 1, "
    "max_cleanup_delay_period = 1, cleanup_delay_period_random_add = 0"
)
"""The engine looks for what is over every second, and not every half a minute or later."""


@pytest.fixture
def erasing(chdb_path: str, clickhouse: Client) -> PatternErasing:
    make_tables(clickhouse)
    return PatternErasing(
        ClickHouse(
            lambda: clickhouse_connect.get_client(interface="chdb", path=chdb_path),
            database=str(clickhouse.database),
        ),
        seconds=20,
    )


def old_parts(client: Client) -> int:
    ((count,),) = client.query(
        "SELECT count() FROM system.parts WHERE database = {d:String} AND NOT active AND rows > 0",
        {"d": client.database},
    ).result_rows
    return int(count)


def test_old_parts_are_waited_for(erasing: PatternErasing, clickhouse: Client) -> None:
    """Until the engine has removed the last part that still held the rows."""
    extra(clickhouse, "flat", LIFETIME.format(5))
    add_patterns(clickhouse, ["a_kato", "b_kato"], table="flat")
    erasing.erase(A, silent)
    assert old_parts(clickhouse) == 1
    said: list[Progress] = []
    assert erasing.await_disk(A, said.append) == ()
    assert old_parts(clickhouse) == 0
    assert set(said) == {Progress("1 replaced parts are still on disk", 0, 1)}


def test_what_takes_longer_is_told_at_once_and_until_when(
    erasing: PatternErasing, clickhouse: Client
) -> None:
    """By the table's own setting: 1,000 s are not waited for."""
    extra(clickhouse, "flat", LIFETIME.format(1000))
    add_patterns(clickhouse, ["a_kato", "b_kato"], table="flat")
    erased = datetime.now(UTC)
    erasing.erase(A, silent)
    began = time.monotonic()
    (text,) = erasing.await_disk(A, silent)
    assert time.monotonic() - began < 500
    assert text.startswith("the table flat still has 1 replaced parts on disk")
    found = re.search(r"until about (\S+ \S+) UTC$", text)
    assert found
    told = datetime.fromisoformat(f"{found[1]}+00:00")
    assert timedelta(seconds=990) < told - erased < timedelta(seconds=1100)


def test_what_held_only_others_is_nothing(erasing: PatternErasing, clickhouse: Client) -> None:
    """Parts that were merged after the rows were gone, and other partitions."""
    extra(clickhouse, "flat", LIFETIME.format(1000))
    extra(clickhouse, "untouched", LIFETIME.format(1000))
    clickhouse.command("ALTER TABLE patterns_data MODIFY SETTING old_parts_lifetime = 1000")
    for table in ("flat", "untouched", "patterns_data"):
        for kb in ("a_kato", "b_kato", "b_kato"):
            if (table, kb) != ("untouched", "a_kato"):
                add_patterns(clickhouse, [kb], table=table)
    erasing.erase(A, silent)
    erased = erasing.await_disk(A, silent)
    assert [text.split()[2] for text in erased] == ["flat"]
    for table in ("flat", "untouched", "patterns_data"):
        clickhouse.command(f"OPTIMIZE TABLE {table} FINAL")
    assert old_parts(clickhouse) > 5
    after = erasing.await_disk(A, silent)
    assert [text.partition("until")[0] for text in after] == [
        text.partition("until")[0] for text in erased
    ]


def test_parts_of_a_partition_that_were_merged_before_are_told(
    erasing: PatternErasing, clickhouse: Client
) -> None:
    """Its rows are in those too, and dropping the partition does not remove them."""
    clickhouse.command("ALTER TABLE patterns_data MODIFY SETTING old_parts_lifetime = 1000")
    for kb in ("a_kato", "a_kato", "b_kato", "b_kato"):
        add_patterns(clickhouse, [kb])
    clickhouse.command("OPTIMIZE TABLE patterns_data FINAL")
    erasing.erase(A, silent)
    (text,) = erasing.await_disk(A, silent)
    assert text.startswith("the table patterns_data still has 2 replaced parts on disk")


def test_nobody_is_nothing_to_wait_for(erasing: PatternErasing) -> None:
    assert erasing.await_disk(surface_of(), silent) == ()


@pytest.mark.parametrize(
    ("since", "lifetime", "now", "then"),
    [(1000, 480, 1010, 1525), (1000, 480, 5000, 5000), (0, 480, 5000, 5045)],
)
def test_the_time_that_is_told_is_never_past(
    since: int, lifetime: int, now: int, then: int
) -> None:
    """A query may hold a part for longer, and some parts have no time at all."""
    assert until(since, lifetime, now) == then
