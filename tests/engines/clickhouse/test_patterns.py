"""The ClickHouse adapter on the real engine, in process and through its HTTP interface."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from services.errors import StoreMisconfigured, StoreNotConfigured, StoreRejected
from services.figures import Precision
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.stores.clickhouse.connect import Identifier
from services.stores.clickhouse.query import ClickHouse
from services.stores.clickhouse.usage import PatternStore
from services.tenancy.layout import bytes_of, text_of
from services.usage.readings import PatternReading, PatternUsage
from tests.conftest import capture_rows
from tests.engines.clickhouse.kato_tables import (
    PASSWORD,
    add_patterns,
    load_capture,
    make_tables,
    settings_for,
)
from tests.servers.clickhouse_http import clickhouse_http
from tests.servers.faults import HttpServer

HOSTILE = (
    b"plain_kato",
    b"",
    b" ",
    b'it\'s "quoted" `twice`',
    b"100%_of*them?[a-z]",
    b"new\nline\r\ttab\\n",
    b"nul\x00in the middle\x00",
    "tenant_日本_ö_kato".encode(),
    b"\xff\xfe not utf-8 \x80",
    b"'; DROP TABLE patterns_data; --",
    b"{db:Identifier} %(db)s $1 ?",
    b"L" * 10_000,
)


@pytest.fixture
def server(chdb_path: str) -> Iterator[HttpServer]:
    with clickhouse_http(chdb_path, password=PASSWORD) as server:
        yield server


@pytest.fixture
def over_http(server: HttpServer, clickhouse: Client) -> PatternStore:
    return Stores(settings_for(server, str(clickhouse.database))).patterns


@pytest.fixture(params=["embedded", "http"])
def store(
    request: pytest.FixtureRequest, chdb_path: str, clickhouse: Client
) -> Iterator[PatternStore]:
    """The adapter over each of the two ways to reach the engine."""
    if request.param == "http":
        yield request.getfixturevalue("over_http")
        return
    engine = ClickHouse(
        lambda: clickhouse_connect.get_client(interface="chdb", path=chdb_path),
        database=str(clickhouse.database),
    )
    store = PatternStore(engine)
    yield store
    engine.close()


def by_kb(reading: PatternReading) -> dict[str, PatternUsage]:
    found = {usage.kb_id: usage for usage in reading.usages if usage.kb_id is not None}
    assert len(found) == len(reading.usages), "a kb_id came twice"
    return found


def assert_conserved(reading: PatternReading) -> None:
    assert sum(usage.amount.count for usage in reading.usages) == reading.total.count
    assert sum(usage.amount.bytes or 0 for usage in reading.usages) == reading.total.bytes


class TestWhatIsRead:
    def test_the_capture_is_counted_exactly(self, store: PatternStore, clickhouse: Client) -> None:
        """Every kb_id of a real KATO has its rows, bytes and times of writing."""
        load_capture(clickhouse)
        rows = capture_rows("clickhouse_patterns_data.jsonl")
        reading = store.read()
        found = by_kb(reading)
        assert {kb_id: u.amount.count for kb_id, u in found.items()} == Counter(
            row["kb_id"] for row in rows
        )
        assert reading.precision is Precision.EXACT
        assert reading.total.count == len(rows) == 136
        assert all(usage.amount.bytes for usage in found.values())
        assert_conserved(reading)
        for kb_id, usage in found.items():
            written = [_moment(row["created_at"]) for row in rows if row["kb_id"] == kb_id]
            updated = [_moment(row["updated_at"]) for row in rows if row["kb_id"] == kb_id]
            assert usage.first_write == min(written)
            assert usage.last_write == max(written + updated)
            assert usage.rows_by_table == {"patterns_data": usage.amount.count}
            assert not usage.bytes_shared_out

    def test_the_first_figures_are_those_of_the_catalogue(
        self, store: PatternStore, clickhouse: Client
    ) -> None:
        """Counts and bytes are there at once: an estimate, as a pattern may be stored twice."""
        load_capture(clickhouse)
        quick, exact = store.quick(), store.read()
        assert quick.precision is Precision.ESTIMATE
        assert quick.total == exact.total
        assert quick.tables == exact.tables
        assert [(u.kb_id, u.amount) for u in quick.usages] == [
            (u.kb_id, u.amount) for u in exact.usages
        ]

    def test_an_empty_kato_is_empty(self, store: PatternStore, clickhouse: Client) -> None:
        """No rows are nothing, which is known, and not a failure."""
        make_tables(clickhouse)
        for reading in (store.quick(), store.read()):
            assert reading.usages == ()
            assert (reading.total.count, reading.total.bytes) == (0, 0)
            assert [table.name for table in reading.tables] == [
                "lsh_buckets",
                "pattern_stats",
                "patterns_data",
            ]

    def test_hostile_kb_ids_are_read_as_they_are(
        self, store: PatternStore, clickhouse: Client
    ) -> None:
        """No byte of a kb_id is lost, changed or acted upon."""
        make_tables(clickhouse)
        add_patterns(clickhouse, HOSTILE, each=3)
        for reading in (store.quick(), store.read()):
            assert {bytes_of(kb_id) for kb_id in by_kb(reading)} == set(HOSTILE)
            assert {usage.amount.count for usage in reading.usages} == {3}
            assert_conserved(reading)

    def test_a_write_is_the_making_or_the_change_of_a_pattern(
        self, store: PatternStore, clickhouse: Client
    ) -> None:
        """First and last are of all rows; what a table does not record is not known."""
        make_tables(clickhouse)
        clickhouse.command(
            "INSERT INTO patterns_data (kb_id, created_at, updated_at) VALUES "
            "('a_kato', 2000, 3000), ('a_kato', 1000, 1500), ('b_kato', 4000, 1)"
        )
        found = by_kb(store.read())
        assert _seconds(found["a_kato"]) == (1000, 3000)
        assert _seconds(found["b_kato"]) == (4000, 4000)
        clickhouse.command("ALTER TABLE patterns_data DROP COLUMN updated_at")
        assert _seconds(by_kb(store.read())["a_kato"]) == (1000, 2000)
        clickhouse.command("ALTER TABLE patterns_data DROP COLUMN created_at")
        assert _seconds(by_kb(store.read())["a_kato"]) == (None, None)

    def test_a_hostile_database_name_is_only_a_name(
        self, server: HttpServer, clickhouse: Client
    ) -> None:
        """Quotes and backslashes in the settings reach the one database that has them."""
        name = {"name": Identifier("od'd `data\\base\" --")}
        clickhouse.command("CREATE DATABASE {name:Identifier}", parameters=name)
        make = "CREATE TABLE {name:Identifier}.patterns_data (kb_id String) ENGINE = MergeTree "
        clickhouse.command(make + "PARTITION BY kb_id ORDER BY kb_id", parameters=name)
        clickhouse.command(
            "INSERT INTO {name:Identifier}.patterns_data VALUES ('a_kato')", parameters=name
        )
        store = Stores(settings_for(server, str(name["name"]))).patterns
        try:
            assert [usage.kb_id for usage in store.read().usages] == ["a_kato"]
        finally:
            clickhouse.command("DROP DATABASE {name:Identifier}", parameters=name)

    def test_health_says_version_and_latency(self, store: PatternStore, clickhouse: Client) -> None:
        """Health is what the server itself says, once KATO's table was seen to be there."""
        make_tables(clickhouse)
        health = store.health()
        assert health.store == "clickhouse"
        assert health.version == clickhouse.server_version
        assert 0 < health.latency < 5

    def test_threads_share_one_store(self, store: PatternStore, clickhouse: Client) -> None:
        """A page may ask for health while the collector reads."""
        load_capture(clickhouse)
        with ThreadPoolExecutor(8) as threads:
            readings = list(threads.map(lambda _: store.read(), range(16)))
        assert all(reading.usages == readings[0].usages for reading in readings)
        assert readings[0].total.count == 136


def _seconds(usage: PatternUsage) -> tuple[float | None, float | None]:
    first, last = usage.first_write, usage.last_write
    return first and first.timestamp(), last and last.timestamp()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestDeletedRows:
    def test_they_do_not_count_and_their_bytes_do(
        self, store: PatternStore, clickhouse: Client
    ) -> None:
        """A kb_id of which every row was deleted keeps its bytes until they are merged away."""
        make_tables(clickhouse)
        add_patterns(clickhouse, ["gone_kato", "kept_kato"], each=4)
        clickhouse.command("DELETE FROM patterns_data WHERE kb_id = 'gone_kato'")
        quick, reading = store.quick(), store.read()
        assert quick.precision is Precision.ESTIMATE
        assert quick.total.count == 8
        gone, kept = by_kb(reading)["gone_kato"], by_kb(reading)["kept_kato"]
        assert (gone.amount.count, kept.amount.count) == (0, 4)
        assert gone.amount.bytes
        assert gone.first_write is None
        assert reading.total.count == 4
        assert reading.precision is Precision.EXACT
        assert_conserved(reading)


class TestOtherTables:
    def test_every_table_with_a_kb_id_counts(self, store: PatternStore, clickhouse: Client) -> None:
        """Tables that nobody told us of are found; views and others do not count."""
        make_tables(clickhouse)
        add_patterns(clickhouse, ["a_kato", "b_kato"])
        odd = r"""odd `name' "of" a \table"""
        clickhouse.command(
            "CREATE TABLE {t:Identifier} (kb_id LowCardinality(String), name String) "
            "ENGINE = MergeTree PARTITION BY kb_id ORDER BY name",
            parameters={"t": Identifier(odd)},
        )
        clickhouse.command("CREATE VIEW seen AS SELECT kb_id, name FROM patterns_data")
        clickhouse.command("CREATE TABLE config (k String, v String) ENGINE = MergeTree ORDER BY k")
        clickhouse.command("INSERT INTO config VALUES ('a', 'b')")
        clickhouse.command(
            "INSERT INTO {t:Identifier} VALUES ('b_kato', 'x'), ('b_kato', 'y'), ('c_kato', 'z')",
            parameters={"t": Identifier(odd)},
        )
        reading = store.read()
        found = by_kb(reading)
        assert {kb_id: usage.amount.count for kb_id, usage in found.items()} == {
            "a_kato": 1,
            "b_kato": 1,
            "c_kato": 0,
        }
        assert found["b_kato"].rows_by_table == {odd: 2, "patterns_data": 1}
        assert found["c_kato"].amount.bytes
        assert_conserved(reading)
        tables = {table.name: table for table in reading.tables}
        assert tables[odd].has_kb_id
        assert tables[odd].rows == 3
        assert tables[odd].partitions == 2
        assert tables["config"].rows == 1
        assert not tables["config"].has_kb_id
        assert tables["seen"].engine == "View"

    @pytest.mark.parametrize(
        "layout",
        [
            "(kb_id String, name String) ENGINE = MergeTree",
            "(kb_id String, name String) ENGINE = MergeTree PARTITION BY (kb_id, name)",
            "(kb_id FixedString(9), name String) ENGINE = MergeTree PARTITION BY kb_id",
            "(kb_id Nullable(String), name String) ENGINE = MergeTree",
        ],
    )
    def test_a_table_that_is_not_partitioned_by_kb_id_is_divided_by_rows(
        self, store: PatternStore, clickhouse: Client, layout: str
    ) -> None:
        """Its bytes are shared out whole, which is said, and the first figures leave it out."""
        make_tables(clickhouse)
        clickhouse.command("CREATE TABLE flat " + layout + " ORDER BY name")
        clickhouse.command(
            "INSERT INTO flat VALUES ('a_kato', '1'), ('a_kato', '2'), ('b_kato', '3')"
        )
        add_patterns(clickhouse, ["a_kato"])
        quick, reading = store.quick(), store.read()
        assert quick.precision is Precision.ESTIMATE
        assert [usage.kb_id for usage in quick.usages] == ["a_kato"]
        assert quick.total == reading.total
        found = by_kb(reading)
        size = next(table.bytes for table in reading.tables if table.name == "flat")
        assert found["b_kato"].bytes_shared_out
        assert abs((found["b_kato"].amount.bytes or 0) - size / 3) < 1
        assert found["a_kato"].rows_by_table == {"flat": 2, "patterns_data": 1}
        assert_conserved(reading)

    def test_deleted_rows_keep_their_share_of_such_a_table(
        self, store: PatternStore, clickhouse: Client
    ) -> None:
        """What was deleted is not put on those who remain, and not lost when nobody does."""
        make_tables(clickhouse)
        clickhouse.command("CREATE TABLE flat (kb_id String) ENGINE = MergeTree ORDER BY kb_id")
        clickhouse.command("INSERT INTO flat VALUES ('a_kato'), ('a_kato'), ('a_kato'), ('b_kato')")
        clickhouse.command("DELETE FROM flat WHERE kb_id = 'a_kato'")
        reading = store.read()
        found = by_kb(reading)
        assert found["a_kato"].rows_by_table == {"flat": 0}
        assert found["b_kato"].rows_by_table == {"flat": 1}
        assert (found["a_kato"].amount.bytes or 0) > 2 * (found["b_kato"].amount.bytes or 0)
        assert_conserved(reading)
        clickhouse.command("DELETE FROM flat WHERE 1")
        assert_conserved(store.read())


class TestWhatIsMissing:
    def test_a_missing_database_is_named(self, server: HttpServer, chdb_path: str) -> None:
        """The message names the database to create or to set."""
        store = Stores(settings_for(server, "no_such_'db")).patterns
        for ask in (store.health, store.quick, store.read):
            with pytest.raises(StoreMisconfigured, match="no_such_'db"):
                ask()

    def test_a_missing_table_is_named(self, store: PatternStore, clickhouse: Client) -> None:
        """A database that is not KATO's is not an empty one, nor is a table of another sort."""
        for make in ("SELECT 1", "CREATE TABLE patterns_data (kb_id String) ENGINE = Memory"):
            clickhouse.command(make)
            for ask in (store.health, store.quick, store.read):
                with pytest.raises(StoreMisconfigured, match="patterns_data"):
                    ask()

    def test_no_address_is_not_configured(self) -> None:
        """Without a host there is no store, and localhost is not guessed."""
        with pytest.raises(StoreNotConfigured, match="CLICKHOUSE_HOST"):
            Stores(Settings(REDIS_URL="redis://r")).patterns.health()


def test_a_kb_id_is_the_same_text_everywhere() -> None:
    """The hostile names above go there and back between bytes and text."""
    assert all(bytes_of(text_of(name)) == name for name in HOSTILE)


class TestAfterAFailure:
    def test_what_a_failed_query_had_found_is_in_no_later_answer(
        self, chdb_path: str, clickhouse: Client
    ) -> None:
        """The engine hands it out with the same client's next answer."""
        load_capture(clickhouse)
        connect = partial(clickhouse_connect.get_client, interface="chdb", path=chdb_path)
        engine = ClickHouse(connect, database=str(clickhouse.database))
        store = PatternStore(engine)
        before = store.read()
        failing = "SELECT 'left over', 1, 1, 1, 1, 1 FROM numbers(3) WHERE NOT throwIf(number = 2)"
        with pytest.raises(StoreRejected):
            engine.asking.rows(
                "fail", failing, {}, settings={"max_block_size": 1, "max_threads": 1}
            )
        assert store.read() == before
        assert [table.name for table in store.quick().tables] == [
            table.name for table in before.tables
        ]
        engine.close()
