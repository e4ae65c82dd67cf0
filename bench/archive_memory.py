"""What memory archives take: reading rows, writing, and proving, of sizes four times apart.

    python -m bench.archive_memory [--megabytes 512]

Rows come from the engine in a process of its own, keys from a Valkey, and the file is written to a
folder and read back as `archive verify` does: all of it in pieces, so that the peak is the same
whatever the size.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from tempfile import TemporaryDirectory

import redis

from bench.clickhouse import DATABASE, fill_patterns
from bench.clickhouse_server import served
from bench.measure import MEBIBYTE, PeakMemory, fill, kb_commands, kb_ids, valkey, verdict
from services.archive.container import Reader, write
from services.archive.models import CHUNK_BYTES, Format, Head, Manifest, Part
from services.archive.take import hashed
from services.purge.models import Surface, Target
from services.stores.archives.place import Place
from services.stores.clickhouse.archive import PatternArchive
from services.stores.clickhouse.query import ClickHouse
from services.stores.redis.archive import KeyArchive
from services.stores.redis.erase import KeyErasing

MINE = "tenant_archived_kato"
MOST = 200
ROW_BYTES, KEY_BYTES = 700, 350
"""About so many bytes a pattern and a key are, with its name."""


def peak(run: Callable[[], object]) -> float:
    """Return what a run takes at its peak above what there was before, in MiB."""
    with PeakMemory() as memory:
        run()
    return memory.above_idle


def contents(megabytes: int) -> Iterator[bytes]:
    """Make content that does not compress."""
    chance = random.Random(1)
    for _ in range(megabytes * MEBIBYTE // CHUNK_BYTES):
        yield chance.randbytes(CHUNK_BYTES)


def container_section(megabytes: int) -> dict[str, float]:
    """Write a file of so many MiB, and prove it."""
    with TemporaryDirectory() as folder:
        place = Place(folder, {})

        def writing() -> None:
            now = datetime.now(UTC)
            part = Part("redis/keys", Format.JSON_LINES)
            with place.writing("a") as sink:
                writer = write(sink, Head("x", now, "bench", encrypted=False))
                for content in contents(megabytes):
                    writer.add(part, content, 1)
                writer.finish(Manifest("x", now, now, Target()))

        def proving() -> None:
            with place.reading("a", unfinished=True) as stream:
                hashed(stream)
                stream.seek(0)
                Reader(stream).prove()

        return {"writing": peak(writing), "proving": peak(proving)}


def rows_section(megabytes: int) -> dict[str, float]:
    """Read rows of so many MiB."""
    name = kb_ids(1, tenants=1)[0]
    with TemporaryDirectory() as folder, served(folder) as (connect, _):
        fill_patterns(connect(), [name], rows=megabytes * MEBIBYTE // ROW_BYTES)
        engine = ClickHouse(connect, database=DATABASE)
        surface = Surface(kb_ids=frozenset({name}))
        rows = PatternArchive(engine)
        found = peak(lambda: deque(rows.read(surface), maxlen=0))
        engine.close()
    return {"reading rows": found}


def keys_section(megabytes: int) -> dict[str, float]:
    """Read keys of so many MiB, all of one owner."""
    with valkey() as server:
        number = megabytes * MEBIBYTE // KEY_BYTES
        fill(server.port, iter(kb_commands(MINE, number, random.Random(7))))
        client = redis.Redis(port=server.port, protocol=2)
        keys = KeyErasing(client, service="kato", scan_count=1000, pass_seconds=3600)
        archive = KeyArchive(client, service="kato", scan_count=1000, seconds=3600)

        def reading() -> None:
            survey = keys.survey(MINE.__eq__)
            surface = Surface(kb_ids=frozenset({MINE}))
            deque(archive.keys(surface, lambda _: False, survey), maxlen=0)

        found = peak(reading)
        client.close()
    return {f"reading keys ({number:,})": found}


def main() -> int:
    """Measure, and return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=512)
    given = parser.parse_args()
    met, alone = [], multiprocessing.get_context("spawn")
    for section in (container_section, rows_section, keys_section):
        for size in (given.megabytes, 4 * given.megabytes):
            with alone.Pool(1) as process:  # which has nothing left of another case
                found = process.apply(section, (size,))
            for name, most in found.items():
                words = f"{name}, of {size:,} MiB"
                met.append(verdict(words, most, at_most=MOST, unit="MiB"))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
