"""The ClickHouse adapter on its bad days, and what it costs, over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from clickhouse_connect.driver.client import Client

from services.errors import (
    StoreDenied,
    StoreError,
    StoreMisconfigured,
    StoreRejected,
    StoreUnavailable,
)
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.stores.clickhouse.connect import connecting
from services.stores.clickhouse.query import ClickHouse
from services.stores.clickhouse.usage import PatternStore
from services.usage.readings import PatternReading
from tests.engines.clickhouse.kato_tables import (
    PASSWORD,
    add_patterns,
    load_capture,
    make_tables,
    settings_for,
)
from tests.servers.clickhouse_http import clickhouse_http
from tests.servers.faults import (
    SOON,
    Answer,
    Dropped,
    Fault,
    Garbage,
    HttpServer,
    Refused,
    Slow,
    free_port,
)

TIMEOUT = 1.0
OVERLOADED_CODES = (
    159, 160, 173, 201, 202, 203, 209, 210, 225, 236, 241, 242, 243, 252, 279, 285, 394, 439, 473,
    745, 999,
)  # fmt: skip
HANDSHAKE = 3
"""Requests that the driver sends to get to know a server."""


@pytest.fixture
def server(chdb_path: str) -> Iterator[HttpServer]:
    with clickhouse_http(chdb_path, password=PASSWORD) as server:
        yield server


@pytest.fixture
def over_http(server: HttpServer, clickhouse: Client) -> PatternStore:
    return Stores(settings_for(server, str(clickhouse.database))).patterns


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
    def test_each_fault_is_told_for_what_it_is(
        self,
        server: HttpServer,
        clickhouse: Client,
        case: tuple[Fault, type[StoreError]],
    ) -> None:
        """At first and later, it is told in time, in our words, and is over when the fault is."""
        fault, error = case
        seconds = TIMEOUT if isinstance(fault, Slow) else 20
        settings = settings_for(server, str(clickhouse.database), seconds=seconds)
        stores = Stores(settings)
        store = stores.patterns
        make_tables(clickhouse)
        add_patterns(clickhouse, ["a_kato", "b_kato"])
        for after in (0, HANDSHAKE):
            server.fail(fault, after=after)
            started = time.perf_counter()
            with pytest.raises(error) as caught:
                store.read()
            assert time.perf_counter() - started < SOON
            assert type(caught.value) is error
            _assert_clean(str(caught.value), server)
            server.heal()
            stores.engines.clickhouse.close()
        assert store.read().total.count == 2

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
        self, server: HttpServer, clickhouse: Client
    ) -> None:
        """It is got to know afresh, for it may be another; and no sooner than it has to be."""
        load_capture(clickhouse)
        settings = settings_for(server, str(clickhouse.database))
        connect, made = connecting(settings, "127.0.0.1"), []
        store = PatternStore(
            ClickHouse(lambda: made.append(1) or connect(), database=settings.clickhouse_db)
        )
        for _ in range(2):
            assert store.read().total.count == 136
        server.go_down()
        with pytest.raises(StoreUnavailable):
            store.read()
        server.come_back()
        for _ in range(2):
            assert store.read().total.count == 136
        assert len(made) == 2

    def test_a_server_that_is_down_at_the_start_harms_only_its_use(self) -> None:
        """Building the adapter sends nothing; using it says that nothing listens."""
        settings = Settings(CLICKHOUSE_HOST="127.0.0.1", CLICKHOUSE_PORT=free_port())
        store = Stores(settings).patterns
        with pytest.raises(StoreUnavailable, match="nothing listens"):
            store.health()

    def test_a_wrong_password_is_denied(self, server: HttpServer, clickhouse: Client) -> None:
        """Neither password is in the message."""
        settings = settings_for(server, str(clickhouse.database), password="wrong-secret")
        with pytest.raises(StoreDenied) as caught:
            Stores(settings).patterns.health()
        assert "wrong-secret" not in str(caught.value)
        _assert_clean(str(caught.value), server)

    @pytest.mark.parametrize(
        ("code", "error"),
        [
            *((code, StoreDenied) for code in (164, 192, 193, 194, 195, 291, 392, 497, 516)),
            *((code, StoreUnavailable) for code in OVERLOADED_CODES),
            (81, StoreMisconfigured),
            (60, StoreMisconfigured),
            *((code, StoreRejected) for code in (36, 47, 62, 396, 452)),
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
                Stores(settings_for(server, "kato")).patterns.health()
            _assert_clean(str(caught.value), server)
            assert "SELECT" not in str(caught.value)
            assert type(caught.value) is error
            assert ("overloaded" in str(caught.value)) == (error is StoreUnavailable)


def _assert_clean(message: str, server: HttpServer) -> None:
    assert message.startswith("ClickHouse ")
    for secret in (PASSWORD, str(server.port), "127.0.0.1", "http://", "Traceback"):
        assert secret not in message


class TestWhatAPassCosts:
    def test_building_it_sends_nothing(self, over_http: PatternStore, server: HttpServer) -> None:
        """The dashboard starts whether the store is there or not."""
        assert server.calls == []

    @pytest.mark.parametrize(("ask", "most"), [(PatternStore.quick, 2), (PatternStore.read, 7)])
    def test_it_does_not_grow_with_the_number_of_kb_ids(
        self,
        over_http: PatternStore,
        server: HttpServer,
        clickhouse: Client,
        ask: Callable[[PatternStore], PatternReading],
        most: int,
    ) -> None:
        """300 kb_ids take as many queries as 3; two of a pass ask whether anything was written."""
        make_tables(clickhouse)
        add_patterns(clickhouse, ["kb_kato"])
        ask(over_http)  # which makes the clients
        clickhouse.command("TRUNCATE TABLE patterns_data")
        costs = []
        for count in (3, 300):
            add_patterns(clickhouse, [f"kb{number}_kato" for number in range(count)])
            before = len(server.calls)
            assert len(ask(over_http).usages) == count
            costs.append(len(server.calls) - before)
        assert costs[0] == costs[1] <= most

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
