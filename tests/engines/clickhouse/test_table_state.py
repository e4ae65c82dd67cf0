"""A second look reads no row of a table that says that nothing was written to it; else all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from services.archive.models import Print
from services.stores.adapters import Stores
from services.stores.archive_sources import ArchiveSources
from services.stores.clickhouse.archive import PatternArchive
from services.stores.clickhouse.query import ClickHouse
from services.stores.clickhouse.surface import PatternSurface
from services.stores.clickhouse.table_state import state_of
from tests.engines.clickhouse.kato_tables import (
    PASSWORD,
    add_patterns,
    make_tables,
    settings_for,
)
from tests.engines.erasing import HOSTILE, MINE, surface_of
from tests.servers.clickhouse_http import LimitedUser, clickhouse_http

TABLE, ROWS = "clickhouse/patterns_data", "patterns_data"
OTHER = "other_kato"
SYNC = "SETTINGS mutations_sync = 2"
MINE_ONLY = f"kb_id = '{MINE}'"
DELETED = "SETTINGS lightweight_deletes_sync = 2"
PATCHED = (
    "SETTINGS lightweight_delete_mode = 'lightweight_update_force', enable_lightweight_update = 1, "
    "allow_experimental_lightweight_update = 1"
)
CHANGES = (
    f"INSERT INTO {ROWS} (kb_id, name) VALUES ('{MINE}', 'new')",
    f"ALTER TABLE {ROWS} DELETE WHERE {MINE_ONLY} AND name = 'pattern 0' {SYNC}",
    f"ALTER TABLE {ROWS} DELETE WHERE {MINE_ONLY} {SYNC}",
    f"ALTER TABLE {ROWS} UPDATE first_token = 'x' WHERE name = 'pattern 1' {SYNC}",
    f"DELETE FROM {ROWS} WHERE {MINE_ONLY} AND name = 'pattern 1' {DELETED}",
    f"DELETE FROM {ROWS} WHERE {MINE_ONLY} AND name = 'pattern 2' {PATCHED}",
    f"UPDATE {ROWS} SET first_token = 'y' WHERE {MINE_ONLY} AND name = 'pattern 2' {PATCHED}",
    f"OPTIMIZE TABLE {ROWS} FINAL",
    f"ALTER TABLE {ROWS} DROP PARTITION '{MINE}'",
    f"ALTER TABLE {ROWS} DETACH PARTITION '{MINE}'",
    f"ALTER TABLE {ROWS} DETACH PARTITION '{MINE}'; ALTER TABLE {ROWS} ATTACH PARTITION '{MINE}'",
    f"ALTER TABLE {ROWS} REPLACE PARTITION '{MINE}' FROM twin",
    f"ALTER TABLE {ROWS} MODIFY TTL created_at + INTERVAL 1 DAY",
    f"ALTER TABLE {ROWS} ADD COLUMN later UInt8 DEFAULT 7",
    f"TRUNCATE TABLE {ROWS}",
    f"EXCHANGE TABLES {ROWS} AND twin",
)
OF_OTHERS = (
    f"INSERT INTO {ROWS} (kb_id, name) VALUES ('{OTHER}', 'new')",
    f"OPTIMIZE TABLE {ROWS} PARTITION '{OTHER}' FINAL",
    f"ALTER TABLE {ROWS} DROP PARTITION '{OTHER}'",
    "SELECT 1",
)


@pytest.fixture
def archive(chdb_path: str, clickhouse: Client) -> Iterator[PatternArchive]:
    connect = partial(clickhouse_connect.get_client, interface="chdb", path=chdb_path)
    with closing(ClickHouse(connect, database=str(clickhouse.database))) as engine:
        yield PatternArchive(engine)


def begin(client: Client) -> None:
    """KATO's tables anew, which lightweight updates may write to, with two owners' rows."""
    for table in (ROWS, "lsh_buckets", "pattern_stats", "twin"):
        client.command(f"DROP TABLE IF EXISTS {table} SYNC")
    make_tables(client)
    client.command(
        f"ALTER TABLE {ROWS} MODIFY SETTING enable_block_number_column = 1, "
        "enable_block_offset_column = 1"
    )
    client.command(f"CREATE TABLE twin AS {ROWS}")
    add_patterns(client, [MINE], each=2, table="twin")
    add_patterns(client, [MINE, OTHER], each=4)  # in one part each, with nothing to merge


def seen(archive: PatternArchive, *names: str) -> dict[str, Print]:
    """What an archive is known to have read."""
    found: dict[str, Print] = {}
    for piece in archive.read(surface_of(*(names or (MINE,)))):
        count = piece.count + found.get(piece.part.name, Print(0, "")).count
        found[piece.part.name] = Print(count, piece.fingerprint, piece.state)
    return found


def is_spared(archive: PatternArchive, known: Mapping[str, Print], *names: str) -> bool:
    """Whether no row is read again: what is wrongly known of the table is believed then."""
    wrong = {TABLE: replace(known[TABLE], count=999)}
    return archive.prints(surface_of(*(names or (MINE,))), wrong)[TABLE].count == 999


def test_every_change_to_the_owners_rows_is_looked_at(
    archive: PatternArchive, clickhouse: Client
) -> None:
    """Each for itself, on tables made anew: what is known is believed after none of them."""
    believed = []
    for change in CHANGES:
        begin(clickhouse)
        known = seen(archive)
        for statement in change.split("; "):
            clickhouse.command(statement)
        if is_spared(archive, known):
            believed.append(change)
    assert believed == []


def test_what_is_written_of_others_spares_a_pass(
    archive: PatternArchive, clickhouse: Client
) -> None:
    begin(clickhouse)
    known, surface = seen(archive), surface_of(MINE)
    for statement in OF_OTHERS:
        clickhouse.command(statement)
        assert is_spared(archive, known), statement
    assert archive.prints(surface, known) == archive.prints(surface)


def test_a_mutation_that_waits_is_looked_at(archive: PatternArchive, clickhouse: Client) -> None:
    """Readers may see what it does before any part is another one (apply_mutations_on_fly)."""
    begin(clickhouse)
    known = seen(archive)
    clickhouse.command(f"SYSTEM STOP MERGES {ROWS}")
    try:
        clickhouse.command(
            f"ALTER TABLE {ROWS} UPDATE first_token = 'x' WHERE 1 SETTINGS mutations_sync = 0"
        )
        assert not is_spared(archive, known)
    finally:
        clickhouse.command(f"SYSTEM START MERGES {ROWS}")


def test_a_table_that_was_made_anew_is_looked_at(
    archive: PatternArchive, clickhouse: Client
) -> None:
    """Its parts have the names of those before."""
    begin(clickhouse)
    known = seen(archive)
    begin(clickhouse)
    assert not is_spared(archive, known)


def test_hostile_names_have_a_state_of_their_own(
    archive: PatternArchive, clickhouse: Client
) -> None:
    begin(clickhouse)
    add_patterns(clickhouse, HOSTILE, each=2)
    known = seen(archive, *HOSTILE)
    assert is_spared(archive, known, *HOSTILE)
    add_patterns(clickhouse, [MINE])
    assert is_spared(archive, known, *HOSTILE)
    add_patterns(clickhouse, HOSTILE[:1])
    assert not is_spared(archive, known, *HOSTILE)


def test_rows_in_partitions_of_everybody_go_with_the_whole_table(
    archive: PatternArchive, clickhouse: Client
) -> None:
    make_tables(clickhouse)
    clickhouse.command("CREATE TABLE notes (kb_id String, t String) ENGINE MergeTree ORDER BY t")
    clickhouse.command(f"INSERT INTO notes VALUES ('{MINE}', 'a'), ('{OTHER}', 'b')")
    surface, name = surface_of(MINE), "clickhouse/notes"
    wrong = {name: replace(seen(archive)[name], count=999)}
    assert archive.prints(surface, wrong)[name].count == 999
    clickhouse.command(f"INSERT INTO notes VALUES ('{OTHER}', 'c')")
    assert archive.prints(surface, wrong)[name].count == 1


def test_nothing_is_told_of_tables_that_have_no_parts_or_are_kept_elsewhere_too(
    archive: PatternArchive, clickhouse: Client
) -> None:
    begin(clickhouse)
    clickhouse.command("CREATE TABLE logged (kb_id String) ENGINE = Log")
    clickhouse.command(f"INSERT INTO logged VALUES ('{MINE}')")
    assert seen(archive)["clickhouse/logged"].state == ""
    there = PatternSurface(archive._asking, surface_of(MINE))
    (place,) = (each for each in archive._places(there) if each.table.name == ROWS)
    bound = there.bound(place)
    assert state_of(archive._asking, place, bound)
    for engine in ("ReplicatedMergeTree", "SharedMergeTree", "Distributed"):
        other = replace(place, table=replace(place.table, engine=engine))
        assert state_of(archive._asking, other, bound) == ""


def test_who_may_not_see_mutations_looks_twice(chdb_path: str, clickhouse: Client) -> None:
    begin(clickhouse)
    home = str(clickhouse.database)
    told = ("tables", "columns", "parts", "settings", "databases")
    limits = LimitedUser((*(f"SELECT ON system.{each}" for each in told), f"SELECT ON {home}.*"))
    with clickhouse_http(chdb_path, password=PASSWORD, limits=limits) as server:
        found = settings_for(server, home)
        with closing(Stores(found)) as stores:
            archive = ArchiveSources(stores.engines, found).patterns
            known = seen(archive)
            assert known[TABLE].state == ""
            assert archive.prints(surface_of(MINE), known) == known
