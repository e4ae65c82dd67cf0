"""The ClickHouse adapter on the real engine, in process and through its HTTP interface."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from services.attribution import bytes_of, text_of
from services.errors import (
    StoreDenied,
    StoreError,
    StoreMisconfigured,
    StoreNotConfigured,
    StoreRejected,
    StoreUnavailable,
)
from services.models import PatternReading, PatternUsage, Precision
from services.settings import Settings
from services.stores.clickhouse import Identifier
from services.stores.patterns import PatternStore
from tests.conftest import capture_rows
from tests.contract.kato_tables import add_patterns, load_capture, make_tables
from tests.servers.clickhouse_http import clickhouse_http
from tests.servers.faults import (
    Answer,
    Dropped,
    Fault,
    Garbage,
    HttpServer,
    Refused,
    Slow,
    free_port,
)

PASSWORD = "pass'w:ö%rd-7f3a"
TIMEOUT = 0.5
HANDSHAKE = 3
"""Requests that the driver sends to get to know a server."""

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


def settings_for(server: HttpServer, database: str, *, password: str = PASSWORD) -> Settings:
    return Settings(
        CLICKHOUSE_HOST="127.0.0.1",
        CLICKHOUSE_PORT=server.port,
        CLICKHOUSE_PASSWORD=password,
        CLICKHOUSE_DB=database,
        KATO_TENANTS_TIMEOUT_SECONDS=TIMEOUT,
    )


@pytest.fixture
def server(chdb_path: str) -> Iterator[HttpServer]:
    with clickhouse_http(chdb_path, password=PASSWORD) as server:
        yield server


@pytest.fixture
def over_http(server: HttpServer, clickhouse: Client) -> PatternStore:
    return PatternStore.over_http(settings_for(server, str(clickhouse.database)))


@pytest.fixture(params=["embedded", "http"])
def store(
    request: pytest.FixtureRequest, chdb_path: str, clickhouse: Client
) -> Iterator[PatternStore]:
    """The adapter over each of the two ways to reach the engine."""
    if request.param == "http":
        yield request.getfixturevalue("over_http")
        return
    store = PatternStore(
        lambda: clickhouse_connect.get_client(interface="chdb", path=chdb_path),
        database=str(clickhouse.database),
    )
    yield store
    store.close()


def by_kb(reading: PatternReading) -> dict[str, PatternUsage]:
    found = {usage.kb_id: usage for usage in reading.usages}
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
        """Counts and bytes are there at once, and exact as long as nothing was deleted."""
        load_capture(clickhouse)
        quick, exact = store.quick(), store.read()
        assert quick.precision is Precision.EXACT
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

    def test_health_says_version_and_latency(self, store: PatternStore, clickhouse: Client) -> None:
        """Health is what the server itself says, once KATO's table was seen to be there."""
        make_tables(clickhouse)
        health = store.health()
        assert health.store == "clickhouse"
        assert health.version == clickhouse.server_version
        assert 0 < health.latency < 5


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
        assert store.quick().precision is Precision.EXACT

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
        store = PatternStore.over_http(settings_for(server, "no_such_'db"))
        for ask in (store.health, store.quick, store.read):
            with pytest.raises(StoreMisconfigured, match="no_such_'db"):
                ask()

    def test_a_missing_table_is_named(self, store: PatternStore) -> None:
        """A database that is not KATO's is not an empty one."""
        for ask in (store.health, store.quick, store.read):
            with pytest.raises(StoreMisconfigured, match="patterns_data"):
                ask()

    def test_no_address_is_not_configured(self) -> None:
        """Without a host there is no store, and localhost is not guessed."""
        with pytest.raises(StoreNotConfigured, match="CLICKHOUSE_HOST"):
            PatternStore.over_http(Settings())


FAULTS = [
    (Slow(30), StoreUnavailable),
    (Dropped(0.0), StoreUnavailable),
    (Dropped(0.5), StoreUnavailable),
    (Refused(500), StoreUnavailable),
    (Refused(503), StoreUnavailable),
    (Refused(401), StoreDenied),
    (Refused(403), StoreDenied),
    (Refused(404), StoreMisconfigured),
    (Refused(302), StoreMisconfigured),
    (Garbage(), StoreMisconfigured),
    (Garbage(b'{"name": "another product"}'), StoreMisconfigured),
    (Garbage(b""), StoreMisconfigured),
]


class TestBadDays:
    @pytest.mark.parametrize("case", FAULTS, ids=lambda case: repr(case[0]))
    @pytest.mark.parametrize("after", [0, HANDSHAKE], ids=["at first", "later"])
    def test_each_fault_is_told_for_what_it_is(
        self,
        over_http: PatternStore,
        server: HttpServer,
        clickhouse: Client,
        case: tuple[Fault, type[StoreError]],
        after: int,
    ) -> None:
        """It is told in time, in our words, and is over when the fault is."""
        fault, error = case
        load_capture(clickhouse)
        server.fail(fault, after=after)
        started = time.perf_counter()
        with pytest.raises(error) as caught:
            over_http.read()
        assert time.perf_counter() - started < TIMEOUT + 1
        assert type(caught.value) is error
        _assert_clean(str(caught.value), server)
        server.heal()
        assert over_http.read().total.count == 136

    @pytest.mark.parametrize("fault", [Dropped(0.5), Dropped(0.99), Garbage()], ids=repr)
    def test_no_query_of_a_pass_believes_half_an_answer(
        self, over_http: PatternStore, server: HttpServer, clickhouse: Client, fault: Fault
    ) -> None:
        """Wherever in a pass the answer breaks off, the pass fails and gives no figures."""
        load_capture(clickhouse)
        over_http.read()
        before = len(server.calls)
        over_http.read()
        queries = len(server.calls) - before
        for served in range(queries):
            server.fail(fault, after=served)
            with pytest.raises((StoreUnavailable, StoreMisconfigured)):
                over_http.read()
            server.heal()
            over_http.health()

    def test_a_store_that_comes_back_is_used_again(
        self, over_http: PatternStore, server: HttpServer, clickhouse: Client
    ) -> None:
        """Nobody has to restart anything after ClickHouse was down."""
        load_capture(clickhouse)
        assert over_http.read().total.count == 136
        server.go_down()
        with pytest.raises(StoreUnavailable):
            over_http.read()
        server.come_back()
        assert over_http.read().total.count == 136

    def test_a_server_that_is_down_at_the_start_harms_only_its_use(self) -> None:
        """Building the adapter sends nothing; using it says that nothing listens."""
        settings = Settings(CLICKHOUSE_HOST="127.0.0.1", CLICKHOUSE_PORT=free_port())
        store = PatternStore.over_http(settings)
        with pytest.raises(StoreUnavailable, match="nothing listens"):
            store.health()

    def test_a_wrong_password_is_denied(self, server: HttpServer, clickhouse: Client) -> None:
        """Neither password is in the message."""
        settings = settings_for(server, str(clickhouse.database), password="wrong-secret")
        with pytest.raises(StoreDenied) as caught:
            PatternStore.over_http(settings).health()
        assert "wrong-secret" not in str(caught.value)
        _assert_clean(str(caught.value), server)

    @pytest.mark.parametrize(
        ("code", "error"),
        [
            (516, StoreDenied),
            (497, StoreDenied),
            (159, StoreUnavailable),
            (202, StoreUnavailable),
            (81, StoreMisconfigured),
            (60, StoreMisconfigured),
            (241, StoreRejected),
        ],
    )
    def test_clickhouse_own_errors_are_told_by_their_code(
        self, code: int, error: type[StoreError]
    ) -> None:
        """ClickHouse's text, which quotes the query, is not in the message."""
        text = f"Code: {code}. DB::Exception: user {PASSWORD} in scope SELECT version()"
        failure = Answer(500, text.encode(), {"X-ClickHouse-Exception-Code": str(code)})
        with HttpServer(lambda _: failure) as server:
            with pytest.raises(error) as caught:
                PatternStore.over_http(settings_for(server, "kato")).health()
            _assert_clean(str(caught.value), server)
            assert "SELECT" not in str(caught.value)


def _assert_clean(message: str, server: HttpServer) -> None:
    assert message.startswith("clickhouse ")
    for secret in (PASSWORD, str(server.port), "127.0.0.1", "http://", "Traceback"):
        assert secret not in message


class TestWhatAPassCosts:
    def test_building_it_sends_nothing(self, over_http: PatternStore, server: HttpServer) -> None:
        """The dashboard starts whether the store is there or not."""
        assert server.calls == []

    @pytest.mark.parametrize("ask", [PatternStore.quick, PatternStore.read])
    def test_it_does_not_grow_with_the_number_of_kb_ids(
        self,
        over_http: PatternStore,
        server: HttpServer,
        clickhouse: Client,
        ask: Callable[[PatternStore], PatternReading],
    ) -> None:
        """300 kb_ids take as many queries as 3."""
        make_tables(clickhouse)
        over_http.health()
        costs = []
        for count in (3, 300):
            add_patterns(clickhouse, [f"kb{number}_kato" for number in range(count)])
            before = len(server.calls)
            assert len(ask(over_http).usages) == count
            costs.append(len(server.calls) - before)
        assert costs[0] == costs[1] <= 4

    def test_the_first_figures_touch_no_table(
        self, over_http: PatternStore, server: HttpServer, clickhouse: Client
    ) -> None:
        """They are two queries, both of the catalogue."""
        load_capture(clickhouse)
        over_http.health()
        before = len(server.calls)
        over_http.quick()
        queries = [call.body.decode() for call in server.calls[before:]]
        assert len(queries) == 2
        assert all("system." in query and ":Identifier}" not in query for query in queries)

    def test_no_value_is_written_into_a_query(
        self, over_http: PatternStore, server: HttpServer, clickhouse: Client
    ) -> None:
        """Database and tables travel beside the query, as bound parameters."""
        load_capture(clickhouse)
        over_http.read()
        queries = [call for call in server.calls if b"system.settings" not in call.body]
        assert any(call.query.get("param_table") == "patterns_data" for call in queries)
        assert all(str(clickhouse.database).encode() not in call.body for call in queries)
        assert all(b"patterns_data" not in call.body for call in queries)

    def test_threads_share_one_store(self, store: PatternStore, clickhouse: Client) -> None:
        """A page may ask for health while the collector reads."""
        load_capture(clickhouse)
        with ThreadPoolExecutor(8) as threads:
            readings = list(threads.map(lambda _: store.read(), range(16)))
        assert all(reading.usages == readings[0].usages for reading in readings)
        assert readings[0].total.count == 136


def test_a_kb_id_is_the_same_text_everywhere() -> None:
    """The hostile names above go there and back between bytes and text."""
    assert all(bytes_of(text_of(name)) == name for name in HOSTILE)
