"""Rows of a surface as an archive takes them: all of them, in whole blocks, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import given, settings as hypothesis_settings, strategies as st

from services.archive.models import Piece
from services.errors import StoreError
from services.stores.adapters import Stores
from services.stores.archive_sources import ArchiveSources
from services.stores.clickhouse.archive import PatternArchive
from services.stores.clickhouse.native_blocks import (
    Chunk,
    Frame,
    NotWhole,
    Sums,
    TooLarge,
    chunks_of,
)
from services.stores.clickhouse.query import ClickHouse
from tests.engines.clickhouse.kato_tables import (
    PASSWORD,
    add_patterns,
    load_capture,
    make_tables,
    settings_for,
)
from tests.engines.erasing import HOSTILE, MINE, surface_of
from tests.servers.clickhouse_http import clickhouse_http

ALL = "count(), sum(sipHash64(*))"


@pytest.fixture(params=["embedded", "http"])
def archive(
    request: pytest.FixtureRequest, chdb_path: str, clickhouse: Client
) -> Iterator[PatternArchive]:
    """The adapter over each of the two ways to reach the engine."""
    if request.param == "http":
        with clickhouse_http(chdb_path, password=PASSWORD) as server:
            found = settings_for(server, str(clickhouse.database))
            with closing(Stores(found)) as stores:
                yield ArchiveSources(stores.engines, found).patterns
        return
    with closing(
        ClickHouse(
            lambda: clickhouse_connect.get_client(interface="chdb", path=chdb_path),
            database=str(clickhouse.database),
        )
    ) as engine:
        yield PatternArchive(engine)


def put_back(client: Client, pieces: list[Piece], table: str) -> None:
    """Insert each chunk for itself, into a table like the one that it came from."""
    for piece in pieces:
        if piece.content and piece.part.description["table"] == table:
            client.raw_insert(
                f"{table}_again", [each.name for each in piece.part.columns], piece.content,
                fmt="Native", settings={"max_partitions_per_insert_block": 0},
            )  # fmt: skip


def test_hostile_names_come_back_byte_for_byte_and_nobody_elses_do(
    archive: PatternArchive, clickhouse: Client
) -> None:
    load_capture(clickhouse)
    add_patterns(clickhouse, HOSTILE, each=3)
    add_patterns(clickhouse, [MINE], each=5)
    clickhouse.command("CREATE TABLE patterns_data_again AS patterns_data")
    taken = [MINE, *HOSTILE[:3]]
    pieces = list(archive.read(surface_of(*taken)))
    put_back(clickhouse, pieces, "patterns_data")
    names = [piece.part.name for piece in pieces if not piece.content]
    assert names == [
        f"clickhouse/{table}"
        for table in ("lsh_buckets", "pattern_stats", "patterns_data", "patterns_data_again")
    ]
    left = {
        row[0]: row[1:]
        for row in clickhouse.query(
            f"SELECT hex(kb_id), {ALL} FROM patterns_data GROUP BY 1"
        ).result_rows
    }
    right = {
        row[0]: row[1:]
        for row in clickhouse.query(
            f"SELECT hex(kb_id), {ALL} FROM patterns_data_again GROUP BY 1"
        ).result_rows
    }
    assert right
    assert right == {kb: left[kb] for kb in right}
    assert len(right) == len(taken)
    assert sum(piece.count for piece in pieces) == sum(count for count, _ in right.values())


def test_what_was_read_and_what_is_there_have_the_same_print(
    archive: PatternArchive, clickhouse: Client
) -> None:
    make_tables(clickhouse)
    add_patterns(clickhouse, [MINE, "other_kato"], each=200)
    surface = surface_of(MINE)
    ends = {p.part.name: p.fingerprint for p in archive.read(surface) if not p.content}
    prints = archive.prints(surface)
    assert {name: each.fingerprint for name, each in prints.items()} == ends
    assert prints["clickhouse/patterns_data"].count == 200
    clickhouse.command(
        "ALTER TABLE patterns_data UPDATE token_count = token_count + 1 "
        "WHERE kb_id = 'other_kato' SETTINGS mutations_sync = 2"
    )
    assert archive.prints(surface) == prints
    clickhouse.command(
        "ALTER TABLE patterns_data UPDATE token_count = token_count + 1 "
        f"WHERE kb_id = '{MINE}' SETTINGS mutations_sync = 2"
    )
    changed = archive.prints(surface)["clickhouse/patterns_data"]
    assert changed.count == 200
    assert changed.fingerprint != ends["clickhouse/patterns_data"]


def test_a_column_that_is_reckoned_is_not_taken(
    archive: PatternArchive, clickhouse: Client
) -> None:
    make_tables(clickhouse)
    clickhouse.command("ALTER TABLE patterns_data ADD COLUMN twice UInt32 ALIAS length * 2")
    add_patterns(clickhouse, [MINE])
    (part,) = {p.part.name: p.part for p in archive.read(surface_of(MINE)) if p.content}.values()
    assert "twice" not in [each.name for each in part.columns]


def test_a_server_that_is_gone_is_told(chdb_path: str, clickhouse: Client) -> None:
    with clickhouse_http(chdb_path, password=PASSWORD) as server:
        found = settings_for(server, str(clickhouse.database))
    with closing(Stores(found)) as stores, pytest.raises(StoreError):
        list(ArchiveSources(stores.engines, found).patterns.read(surface_of(MINE)))


# --- the blocks ---


def stream_of(client: Client, frame: Frame, rows: int) -> bytes:
    query = (
        f"SELECT sipHash128(number) AS {frame.hash}, toString(number) AS t, "
        f"toUInt8(0) AS {frame.end} FROM numbers({rows})"
    )
    return client.raw_query(query, fmt="Native", settings={"max_block_size": 40})


def read(pieces: list[bytes], frame: Frame) -> tuple[list[Chunk], Sums]:
    sums = Sums()
    return list(chunks_of(pieces, frame, sums, most=500)), sums


def test_however_the_stream_is_cut_into_pieces_its_blocks_are_the_same(clickhouse: Client) -> None:
    frame = Frame()
    data = stream_of(clickhouse, frame, 300)
    whole, sums = read([data], frame)
    assert sum(chunk.rows for chunk in whole) == 300 == sums.rows
    assert len(whole) > 2
    assert all(len(chunk.content) <= 500 for chunk in whole)
    names = b"".join(chunk.content for chunk in whole)
    assert all(b"%d" % number in names for number in range(300))

    @given(st.lists(st.integers(1, 400), min_size=1))
    @hypothesis_settings(max_examples=30)
    def cut(sizes: list[int]) -> None:
        pieces, at = [], 0
        while at < len(data):
            size = sizes[len(pieces) % len(sizes)]
            pieces.append(data[at : at + size])
            at += size
        assert read(pieces, frame) == (whole, sums)

    @given(st.integers(1, len(data) - 1), st.binary(max_size=5))
    @hypothesis_settings(max_examples=40)
    def broken(at: int, more: bytes) -> None:
        try:
            found, got = read([data[:at], more], frame)
        except NotWhole:
            return
        assert not more.strip(b"\0")  # cut where a block ends: the server's own end tells
        assert got.rows == sum(chunk.rows for chunk in found) <= 300

    cut()
    broken()


def test_a_block_is_bounded(clickhouse: Client) -> None:
    frame = Frame()
    data = stream_of(clickhouse, frame, 30)
    with pytest.raises(TooLarge):
        list(chunks_of([data], frame, Sums(), most=50))
