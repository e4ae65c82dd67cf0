"""Rows come back into the real ClickHouse engine: all of them once, over nothing, by any name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from services.archive.models import Column, Part, Piece, Print
from services.errors import StoreRejected
from services.restore.models import STAGING, Misfit, RowsWritten, Unfit
from services.stores.clickhouse.archive import PatternArchive
from services.stores.clickhouse.query import ClickHouse
from services.stores.clickhouse.staging import RowWriting
from services.tenancy.layout import text_of
from tests.engines.clickhouse.kato_tables import add_patterns, make_tables
from tests.engines.erasing import HOSTILE, MINE, surface_of

NAMES = (MINE, *map(text_of, HOSTILE[:3]))
SAME = {name: name for name in NAMES}
NEW = {name: f"new {number}\\'" for number, name in enumerate(NAMES)}
ALL = "SELECT hex(kb_id), count(), sum(sipHash64(*)) FROM {table:Identifier} GROUP BY 1"


@pytest.fixture
def engine(chdb_path: str, clickhouse: Client) -> Iterator[ClickHouse]:
    make_tables(clickhouse)
    add_patterns(clickhouse, [*NAMES, "bystander"], each=3)
    with closing(
        ClickHouse(
            lambda: clickhouse_connect.get_client(interface="chdb", path=chdb_path),
            database=str(clickhouse.database),
        )
    ) as engine:
        yield engine


@pytest.fixture
def pieces(engine: ClickHouse) -> list[Piece]:
    return archived(engine, "patterns_data")


@pytest.fixture
def part(pieces: list[Piece]) -> Part:
    return part_of(pieces)


def archived(engine: ClickHouse, table: str) -> list[Piece]:
    read = PatternArchive(engine).read(surface_of(*NAMES))
    return [piece for piece in read if piece.part.description["table"] == table]


def part_of(pieces: list[Piece]) -> Part:
    count = sum(piece.count for piece in pieces)
    return replace(pieces[-1].part, count=count, fingerprint=pieces[-1].fingerprint)


def chunks_of(pieces: list[Piece]) -> list[tuple[int, bytes]]:
    return [(number, piece.content) for number, piece in enumerate(pieces, 1) if piece.content]


def everything(client: Client, table: str = "patterns_data") -> dict[str, tuple[int, int]]:
    rows = client.query(ALL, parameters={"table": table}).result_rows
    return {name: (count, sum_) for name, count, sum_ in rows}


def erase(client: Client, table: str = "patterns_data") -> None:
    """Leave nothing but the bystander's."""
    client.command(
        f"ALTER TABLE {table} DELETE WHERE kb_id != 'bystander' SETTINGS mutations_sync=2"
    )


def restored(
    engine: ClickHouse, pieces: list[Piece], names: Mapping[str, str], job: str = "j"
) -> RowsWritten:
    writing, part = RowWriting(engine), part_of(pieces)
    writing.stage(part, names, chunks_of(pieces), job=job)
    done = writing.attach(part, names, job=job)
    writing.drop(part, job=job)
    return done


def staged(client: Client) -> list[str]:
    return [name for (name,) in client.query(f"SHOW TABLES LIKE '{STAGING}%'").result_rows]


def test_what_was_erased_is_as_it_was_and_nobody_else_is_touched(
    engine: ClickHouse, clickhouse: Client, pieces: list[Piece], part: Part
) -> None:
    before = everything(clickhouse)
    erase(clickhouse)
    assert len(everything(clickhouse)) == len(before) - len(NAMES)
    assert RowWriting(engine).there(part, SAME).count == 0
    assert restored(engine, pieces, SAME) == RowsWritten(written=part.count)
    assert everything(clickhouse) == before
    assert RowWriting(engine).there(part, SAME) == Print(part.count, part.fingerprint)
    assert staged(clickhouse) == []
    assert restored(engine, pieces, SAME, job="again") == RowsWritten(there=part.count)
    assert everything(clickhouse) == before


def test_by_other_names_the_same_rows(
    engine: ClickHouse, clickhouse: Client, pieces: list[Piece], part: Part
) -> None:
    """Proven by the fingerprint of the old names; who was there stays."""
    before = everything(clickhouse)
    assert restored(engine, pieces, NEW) == RowsWritten(written=part.count)
    after = everything(clickhouse)
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + len(NAMES)
    assert RowWriting(engine).there(part, NEW) == Print(part.count, part.fingerprint)


def test_what_a_job_put_aside_is_dropped_by_the_names_of_parts_alone(
    engine: ClickHouse, clickhouse: Client, pieces: list[Piece], part: Part
) -> None:
    """Also under its new names; what another job put aside stays, and what was attached."""
    erase(clickhouse)
    writing = RowWriting(engine)
    for job in ("mine", "theirs"):
        writing.stage(part, NEW, chunks_of(pieces), job=job)
    writing.attach(part, NEW, job="mine")
    before, theirs = everything(clickhouse), set(staged(clickhouse))
    parts = [part.name, "clickhouse/'; DROP TABLE patterns_data; --", "clickhouse/nothing"]
    assert writing.drop_all(parts, job="mine") == 2
    assert len(theirs - set(staged(clickhouse))) == 2
    assert len(staged(clickhouse)) == 1
    assert everything(clickhouse) == before
    assert writing.drop_all(parts, job="mine") == writing.drop_all([], job="theirs") == 0
    assert writing.drop_all(parts, job="theirs") == 1


def test_a_partition_with_other_rows_of_the_owner_is_left(
    engine: ClickHouse, clickhouse: Client, pieces: list[Piece], part: Part
) -> None:
    erase(clickhouse)
    add_patterns(clickhouse, [MINE], each=1)
    own = everything(clickhouse)[MINE.encode().hex().upper()]
    done = restored(engine, pieces, SAME)
    assert done.kept > 0
    assert done.written + done.kept == part.count
    assert everything(clickhouse)[MINE.encode().hex().upper()] == own


def test_a_chunk_that_is_sent_again_is_there_once(
    engine: ClickHouse, clickhouse: Client, pieces: list[Piece], part: Part
) -> None:
    """However far an earlier try came: half staged, staged, half attached."""
    before = everything(clickhouse)
    erase(clickhouse)
    writing, chunks = RowWriting(engine), chunks_of(pieces)
    with pytest.raises(ZeroDivisionError):
        writing.stage(
            part, SAME, (1 / 0 if at else each for at, each in enumerate([*chunks, 1])), job="j"
        )  # type: ignore[misc]
    writing.stage(part, SAME, [*chunks, *chunks], job="j")
    real, done = engine.slow.command, []

    def killed(*asked: object, **options: object) -> None:
        if "ATTACH" in str(asked[1]):
            done.append(1)
            if len(done) > 2:
                raise KeyboardInterrupt
        real(*asked, **options)  # type: ignore[arg-type]

    engine.slow.command = killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        writing.attach(part, SAME, job="j")
    engine.slow.command = real  # type: ignore[method-assign]
    again = restored(engine, pieces, SAME)
    assert (again.kept, again.written + again.there) == (0, part.count)
    assert again.there > 0
    assert everything(clickhouse) == before


def test_a_table_that_is_not_divided_by_kb_id_is_attached_to_as_well(
    engine: ClickHouse, clickhouse: Client
) -> None:
    """And no view makes anything of it: what views made is restored for itself."""
    clickhouse.command(
        "CREATE TABLE flat (kb_id String, name String) ENGINE = MergeTree ORDER BY name"
    )
    clickhouse.command(
        "CREATE TABLE seen (kb_id String, name String) ENGINE = MergeTree ORDER BY name"
    )
    clickhouse.command(
        f"CREATE MATERIALIZED VIEW view TO {clickhouse.database}.seen "
        "AS SELECT kb_id, name FROM flat"
    )
    add_patterns(clickhouse, [*NAMES, "bystander"], each=2, table="flat")
    before = everything(clickhouse, "flat"), everything(clickhouse, "seen")
    of_each = {table: archived(engine, table) for table in ("flat", "seen")}
    for table in of_each:
        erase(clickhouse, table=table)
    assert restored(engine, of_each["flat"], SAME).written == 2 * len(NAMES)
    assert everything(clickhouse, "flat") == before[0]
    assert len(everything(clickhouse, "seen")) == 1
    assert restored(engine, of_each["seen"], SAME).written == 2 * len(NAMES)
    assert everything(clickhouse, "seen") == before[1]


def test_rows_that_are_not_the_archives_are_refused(
    engine: ClickHouse, clickhouse: Client, pieces: list[Piece], part: Part
) -> None:
    """Others, fewer, or of names that it does not have; nothing is left of them."""
    erase(clickhouse)
    before = everything(clickhouse)
    writing = RowWriting(engine)
    for otherwise in (replace(part, fingerprint="0" * 32), replace(part, count=part.count + 1)):
        with pytest.raises(StoreRejected):
            writing.stage(otherwise, SAME, chunks_of(pieces), job="j")
    with pytest.raises(StoreRejected):
        writing.stage(part, [MINE], chunks_of(pieces), job="j")
    assert everything(clickhouse) == before
    assert staged(clickhouse) == []


def test_what_does_not_fit_is_said(engine: ClickHouse, clickhouse: Client, part: Part) -> None:
    writing = RowWriting(engine)
    assert writing.misfit(part) is None
    columns = part.columns
    more = replace(part, columns=(*columns, Column("colour", "String")))
    assert writing.misfit(more) == Misfit(part.name, Unfit.COLUMN, "colour")
    other = replace(part, columns=(*columns[:-1], replace(columns[-1], type="Date")))
    assert writing.misfit(other) == Misfit(part.name, Unfit.TYPE, columns[-1].name)
    gone = replace(part, description={**part.description, "table": "gone"})
    assert writing.misfit(gone) == Misfit(part.name, Unfit.NO_TABLE)
    clickhouse.command("CREATE TABLE logged (kb_id String) ENGINE = Log")
    logged = replace(part, description={**part.description, "table": "logged"})
    assert writing.misfit(logged) == Misfit(part.name, Unfit.ENGINE)


def test_rows_that_name_another_in_their_text_are_counted(
    engine: ClickHouse, clickhouse: Client
) -> None:
    """Their content stays as it is under another name."""
    clickhouse.command("CREATE TABLE notes (kb_id String, said Array(Array(String))) "
                       "ENGINE = MergeTree PARTITION BY kb_id ORDER BY kb_id")  # fmt: skip
    clickhouse.insert("notes", [[MINE, [["a", f"see {MINE}"]]], [MINE, [["b"]]]], ["kb_id", "said"])
    pieces = archived(engine, "notes")
    writing = RowWriting(engine)
    writing.stage(part_of(pieces), SAME, chunks_of(pieces), job="j")
    assert writing.mentions(part_of(pieces), NAMES, job="j") == 1
    writing.drop(part_of(pieces), job="j")
