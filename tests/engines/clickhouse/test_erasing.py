"""Erasing kb_ids from the real ClickHouse engine: all of them, nothing else, and again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from services.errors import (
    StoreDenied,
    StoreError,
    StoreMisconfigured,
    StoreRejected,
    StoreUnavailable,
)
from services.figures import Measure
from services.jobs.models import Progress
from services.purge.models import Look
from services.stores.adapters import Stores
from services.stores.clickhouse.erase import PatternErasing
from services.stores.clickhouse.look import COPIES
from services.stores.clickhouse.query import ClickHouse
from services.tenancy.layout import text_of
from tests.engines.clickhouse.kato_tables import (
    PASSWORD,
    add_patterns,
    load_capture,
    make_tables,
    settings_for,
)
from tests.engines.erasing import HOSTILE, MINE, silent, surface_of
from tests.servers.clickhouse_http import clickhouse_http
from tests.servers.faults import SOON, Dropped, Fault, Garbage, HttpServer, Refused, Slow

FLAT = "ENGINE = MergeTree ORDER BY name"


@pytest.fixture
def server(chdb_path: str) -> Iterator[HttpServer]:
    with clickhouse_http(chdb_path, password=PASSWORD) as server:
        yield server


@pytest.fixture(params=["embedded", "http"])
def erasing(
    request: pytest.FixtureRequest, chdb_path: str, clickhouse: Client
) -> Iterator[PatternErasing]:
    """The adapter over each of the two ways to reach the engine."""
    if request.param == "http":
        server = request.getfixturevalue("server")
        with closing(Stores(settings_for(server, str(clickhouse.database)))) as stores:
            yield stores.pattern_erasing
        return
    engine = ClickHouse(
        lambda: clickhouse_connect.get_client(interface="chdb", path=chdb_path),
        database=str(clickhouse.database),
    )
    yield PatternErasing(engine, seconds=20)
    engine.close()


def prints(client: Client, *tables: str) -> dict[tuple[str, bytes], tuple[int, ...]]:
    """Number and hash of the rows of every kb_id in every table, deleted ones too."""
    found = {}
    for table in tables or ("patterns_data",):
        rows = client.query(
            "SELECT ifNull(hex(toString(kb_id)), ''), count(), sum(sipHash64(*)) "
            "FROM {t:Identifier} GROUP BY 1",
            {"t": table},
            settings={"apply_deleted_mask": 0},
        ).result_rows
        found |= {(table, bytes.fromhex(kb)): tuple(rest) for kb, *rest in rows}
    return found


def without(
    found: dict[tuple[str, bytes], tuple[int, ...]], *kb_ids: bytes
) -> dict[tuple[str, bytes], tuple[int, ...]]:
    return {key: value for key, value in found.items() if key[1] not in kb_ids}


def extra(client: Client, name: str, engine: str, kb_type: str = "String") -> None:
    client.command(f"CREATE TABLE {name} (kb_id {kb_type}, name String) {engine}")


def assert_nothing(look: Look) -> None:
    """Nothing there, nothing in the way, and the store says the same of itself."""
    assert (look.items, look.blockers, look.left) == ((), (), ())
    assert look.disclosed == (COPIES,)
    assert look.everything is not None
    assert look.everything.total == look.everything.seen


def test_a_kb_id_of_the_capture_goes_and_nothing_else(
    erasing: PatternErasing, clickhouse: Client
) -> None:
    """Counted exactly, gone without residue, all others as they were; again is nothing."""
    load_capture(clickhouse)
    before = prints(clickhouse)
    rows = before["patterns_data", MINE.encode()][0]
    (item,) = erasing.look(surface_of(MINE)).items
    assert (item.store, item.owner, item.kind, item.count) == (
        Measure.PATTERNS,
        MINE,
        "patterns_data",
        rows,
    )
    assert item.bytes is not None
    assert item.bytes > 0
    assert item.how.startswith("DROP PARTITION")
    said: list[Progress] = []
    erasing.erase(surface_of(MINE), said.append)
    after = prints(clickhouse)
    assert said == [Progress("patterns_data: dropped partition 1 of 1", 1, 1)]
    assert after == without(before, MINE.encode())
    assert len(after) == len(before) - 1 > 5
    assert erasing.look(surface_of(MINE)).items == ()
    erasing.erase(surface_of(MINE), silent)
    assert prints(clickhouse) == after


def test_a_hostile_name_means_itself(erasing: PatternErasing, clickhouse: Client) -> None:
    """In a table of partitions, of low cardinality, nullable, and in one that takes a mutation.

    NULL names nobody. One after the other, so that each has others beside it that it could mean.
    """
    make_tables(clickhouse)
    extra(clickhouse, "flat", FLAT)
    extra(clickhouse, "low", "ENGINE = MergeTree PARTITION BY kb_id ORDER BY name",
          "LowCardinality(String)")  # fmt: skip
    extra(clickhouse, "nulls", FLAT, "Nullable(String)")
    tables = ("patterns_data", "flat", "low", "nulls")
    for table in tables:
        add_patterns(clickhouse, HOSTILE, each=2, table=table)
    clickhouse.command("INSERT INTO nulls VALUES (NULL, 'nobody')")
    there = prints(clickhouse, *tables)
    assert len(there) == len(tables) * len(HOSTILE) + 1
    for name in HOSTILE:
        look = erasing.look(surface_of(name))
        assert {(i.owner, i.kind, i.count) for i in look.items} == {
            (text_of(name), table, 2) for table in tables
        }
        erasing.erase(surface_of(name), silent)
        there = without(there, name)
        assert prints(clickhouse, *tables) == there, name
    assert_nothing(erasing.look(surface_of(*HOSTILE)))


def test_several_kb_ids_take_one_mutation(erasing: PatternErasing, clickhouse: Client) -> None:
    """What it costs is said beforehand; a second erase starts none."""
    make_tables(clickhouse)
    extra(clickhouse, "flat", FLAT)
    add_patterns(clickhouse, ["a_kato", "b_kato", "c_kato"], each=3, table="flat")
    surface = surface_of("a_kato", "b_kato")
    for item in erasing.look(surface).items:
        assert item.how.startswith("mutation; rewrites or clones all 1 parts (")
    for _ in range(2):
        erasing.erase(surface, silent)
        assert prints(clickhouse, "flat").keys() == {("flat", b"c_kato")}
        (count,) = clickhouse.query(
            "SELECT count() FROM system.mutations WHERE database = {d:String}",
            {"d": clickhouse.database},
        ).result_rows[0]
        assert count == 1


def test_rows_that_are_only_marked_deleted_go_too(
    erasing: PatternErasing, clickhouse: Client
) -> None:
    """They are on disk until then, in a table of partitions and in one that is not."""
    make_tables(clickhouse)
    extra(clickhouse, "flat", FLAT)
    tables = ("patterns_data", "flat")
    for table in tables:
        add_patterns(clickhouse, ["a_kato", "b_kato"], each=3, table=table)
        clickhouse.command(f"DELETE FROM {table} WHERE kb_id = 'a_kato'")
    there = prints(clickhouse, *tables)
    assert [there[table, b"a_kato"][0] for table in tables] == [3, 3]
    items = erasing.look(surface_of("a_kato")).items
    assert sorted((item.kind, item.count) for item in items) == [("flat", 3), ("patterns_data", 3)]
    erasing.erase(surface_of("a_kato"), silent)
    assert prints(clickhouse, *tables) == without(there, b"a_kato")
    assert erasing.look(surface_of("a_kato")).items == ()


def detached(client: Client) -> list[str]:
    rows = client.query(
        "SELECT name FROM system.detached_parts WHERE database = {d:String} ORDER BY name",
        {"d": client.database},
    ).result_rows
    return [name for (name,) in rows]


def test_detached_parts_go_with_their_partition(
    erasing: PatternErasing, clickhouse: Client
) -> None:
    """Only the kb_id's own; those of tables that are not partitioned are disclosed."""
    make_tables(clickhouse)
    extra(clickhouse, "flat", FLAT)
    add_patterns(clickhouse, ["a_kato", "b_kato"])
    add_patterns(clickhouse, ["a_kato"], table="flat")
    for kb in ("a_kato", "b_kato"):
        clickhouse.command(f"ALTER TABLE patterns_data DETACH PARTITION '{kb}'")
    clickhouse.command("ALTER TABLE flat DETACH PARTITION ID 'all'")
    before = detached(clickhouse)
    assert len(before) == 3
    look = erasing.look(surface_of("a_kato"))
    (item,) = look.items
    assert (item.kind, item.count) == ("detached parts of patterns_data", 1)
    assert "the table flat has 1 detached parts" in look.disclosed[1]
    erasing.erase(surface_of("a_kato"), silent)
    assert len(detached(clickhouse)) == 2
    assert erasing.look(surface_of("a_kato")).items == ()
    clickhouse.command("ALTER TABLE patterns_data ATTACH PARTITION 'b_kato'")
    assert prints(clickhouse).keys() == {("patterns_data", b"b_kato")}


def test_a_table_that_cannot_be_erased_from_blocks(
    erasing: PatternErasing, clickhouse: Client
) -> None:
    """Only while it holds rows of the kb_ids that are to go, whose number it says, and why."""
    make_tables(clickhouse)
    odd = {
        "log": ("ENGINE = Log", "String", "the engine Log does not erase rows"),
        "tiny": ("ENGINE = TinyLog", "String", "the engine TinyLog does not erase rows"),
        "memory": ("ENGINE = Memory", "String", "the engine Memory does not erase rows"),
        "fixed": (FLAT, "FixedString(6)", "its kb_id is a FixedString(6)"),
    }
    for table, (engine, kb_type, _) in odd.items():
        extra(clickhouse, table, engine, kb_type)
        clickhouse.command(
            f"INSERT INTO {table} VALUES ('a_kato', 'p'), ('a_kato', 'q'), ('b_kato', 'r')"
        )
    blockers = erasing.look(surface_of("a_kato")).blockers
    assert len(blockers) == len(odd)
    for table, (_, _, why) in odd.items():
        (text,) = (each for each in blockers if f"the table {table} " in each)
        assert "2 rows" in text
        assert why in text
    assert erasing.look(surface_of("c_kato")).blockers == ()
    erasing.erase(surface_of("a_kato"), silent)
    for table in odd:
        assert clickhouse.query(f"SELECT count() FROM {table}").result_rows == [(3,)], table


def test_views_block_nothing_and_their_own_tables_are_erased_from(
    erasing: PatternErasing, clickhouse: Client
) -> None:
    """A view shows another table's rows; a materialized one keeps them in a table."""
    make_tables(clickhouse)
    clickhouse.command("CREATE VIEW seen AS SELECT * FROM patterns_data")
    clickhouse.command(
        "CREATE MATERIALIZED VIEW kept ENGINE = MergeTree ORDER BY name"
        " AS SELECT kb_id, name FROM patterns_data"
    )
    add_patterns(clickhouse, ["a_kato", "b_kato"], each=2)
    look = erasing.look(surface_of("a_kato"))
    assert look.blockers == ()
    kinds = {item.kind.partition(".inner")[1] or item.kind for item in look.items}
    assert kinds == {"patterns_data", ".inner"}
    erasing.erase(surface_of("a_kato"), silent)
    assert clickhouse.query("SELECT DISTINCT kb_id FROM kept").result_rows == [("b_kato",)]
    assert erasing.look(surface_of("a_kato")).items == ()


def test_flushing_a_queue_that_was_never_used_is_fine(
    erasing: PatternErasing, clickhouse: Client
) -> None:
    make_tables(clickhouse)
    erasing.flush()


def test_no_kb_id_is_nothing(erasing: PatternErasing, clickhouse: Client) -> None:
    load_capture(clickhouse)
    before = prints(clickhouse)
    assert erasing.look(surface_of()).items == ()
    erasing.erase(surface_of(), silent)
    assert prints(clickhouse) == before


def test_a_database_without_katos_table_is_told(
    erasing: PatternErasing, clickhouse: Client
) -> None:
    """It is not taken for a tenant without patterns."""
    for ask in (erasing.look, lambda surface: erasing.erase(surface, silent)):
        with pytest.raises(StoreMisconfigured):
            ask(surface_of(MINE))


FAULTS: list[tuple[Fault, type[StoreError]]] = [
    (Slow(30), StoreUnavailable),
    (Dropped(0.0), StoreUnavailable),
    (Refused(503), StoreUnavailable),
    (Refused(401), StoreDenied),
    (Refused(404), StoreMisconfigured),
    (Garbage(), StoreMisconfigured),
    (Garbage(b""), StoreMisconfigured),
]


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: repr(case[0]))
def test_a_store_that_fails_is_never_one_that_has_nothing(
    server: HttpServer, clickhouse: Client, case: tuple[Fault, type[StoreError]]
) -> None:
    """At first or half-way, it is told for what it is, and nothing of others is touched."""
    fault, error = case
    load_capture(clickhouse)
    before = prints(clickhouse)
    settings = settings_for(
        server, str(clickhouse.database), seconds=0.5 if isinstance(fault, Slow) else 20
    ).model_copy(update={"pass_seconds": 0.5})

    def look(erasing: PatternErasing) -> object:
        return erasing.look(surface_of(MINE))

    def erase(erasing: PatternErasing) -> object:
        return erasing.erase(surface_of(MINE), silent)

    for after, call in ((0, look), (0, erase), (3, look), (4, look), (5, look)):
        with closing(Stores(settings)) as stores:
            server.fail(fault, after=after)
            started = time.perf_counter()
            with pytest.raises(error) as caught:
                call(stores.pattern_erasing)
            assert time.perf_counter() - started < SOON, after
            assert PASSWORD not in str(caught.value)
            server.heal()
    assert prints(clickhouse) == before


def test_a_mutation_of_an_earlier_try_is_waited_for(
    erasing: PatternErasing, clickhouse: Client
) -> None:
    """A second one would only rewrite the parts again."""
    make_tables(clickhouse)
    extra(clickhouse, "flat", FLAT)
    add_patterns(clickhouse, ["a_kato", "b_kato"], table="flat")
    clickhouse.command(
        "ALTER TABLE flat DELETE WHERE kb_id IN ("
        "SELECT if(sleepEachRow(1) = 0, 'a_kato', '') FROM numbers(1))",
        settings={"mutations_sync": 0, "allow_nondeterministic_mutations": 1},
    )
    said: list[Progress] = []
    erasing.erase(surface_of("a_kato"), said.append)
    assert said[0] == Progress("flat: a mutation has 1 parts to do", 0, 1)
    assert said[-1] == Progress("flat: deleted")
    assert prints(clickhouse, "flat").keys() == {("flat", b"b_kato")}
    commands = clickhouse.query(
        "SELECT count() FROM system.mutations WHERE database = {d:String}",
        {"d": clickhouse.database},
    )
    assert commands.result_rows == [(1,)]


def test_a_mutation_that_keeps_failing_is_told(erasing: PatternErasing, clickhouse: Client) -> None:
    """Those after it would wait for ever."""
    make_tables(clickhouse)
    extra(clickhouse, "flat", FLAT)
    add_patterns(clickhouse, ["a_kato"], table="flat")
    clickhouse.command(
        "ALTER TABLE flat DELETE WHERE kb_id IN ("
        "SELECT toString(throwIf(number = 0)) FROM numbers(1))",
        settings={"mutations_sync": 0, "allow_nondeterministic_mutations": 1},
    )
    with pytest.raises(StoreRejected, match="keeps failing"):
        erasing.erase(surface_of("a_kato"), silent)
    clickhouse.command("KILL MUTATION WHERE database = {d:String}", {"d": clickhouse.database})
    erasing.erase(surface_of("a_kato"), silent)
    assert prints(clickhouse, "flat") == {}
