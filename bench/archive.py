"""What reading for an archive takes, beside a bare pass, a bare pipelined read and a raw stream.

    python -m bench.archive [--keys 1000000 --mine 20000] [--rows 200000] [--repeat 3]

Redis: a survey of all keys and the content of one owner's, against a bare SCAN and a bare pipelined
read of the same keys (TYPE aside, each by the command of its type). ClickHouse: rows as an archive
takes them, hashed and cut into whole blocks, against the driver's own raw stream of them. The
container: sealing and writing, in MB/s, with the peak memory of all of it.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from tempfile import TemporaryDirectory
from typing import Any

import redis

from bench.clickhouse import DATABASE, clickhouse, fill_patterns
from bench.keys import bare_pass
from bench.measure import (
    PeakMemory,
    fill,
    fill_keyspace,
    kb_commands,
    kb_ids,
    median,
    side_by_side,
    spread,
    valkey,
    verdict,
)
from services.archive.container import write
from services.archive.models import CHUNK_BYTES, Format, Head, Manifest, Part
from services.purge.models import Surface, Target
from services.stores.clickhouse.archive import PatternArchive
from services.stores.clickhouse.query import ClickHouse
from services.stores.redis.archive import KeyArchive
from services.stores.redis.erase import KeyErasing

MINE = "tenant_archived_kato"
_READ = {
    b"string": ("GET",), b"hash": ("HGETALL",), b"set": ("SMEMBERS",), b"list": ("LRANGE", 0, -1),
    b"zset": ("ZRANGE", 0, -1, "WITHSCORES"),
}  # fmt: skip
_COUNT = 1000


def bare_read(client: redis.Redis, keys: Sequence[tuple[bytes, bytes]]) -> None:
    """Read keys, whose types are known, in a pipeline of 1,000 commands at a time."""
    for at in range(0, len(keys), _COUNT):
        pipeline: Any = client.pipeline(transaction=False)
        for key, kind in keys[at : at + _COUNT]:
            command, *more = _READ[kind]
            pipeline.execute_command(command, key, *more)
        pipeline.execute()


def redis_section(*, keys: int, mine: int, repeat: int) -> list[bool]:
    """Compare reading one owner's keys out of many with bare ones."""
    surface = Surface(kb_ids=frozenset({MINE}))
    with valkey() as server:
        fill_keyspace(server.port, keys=keys, knowledge_bases=1000, tenants=500)
        fill(server.port, iter(kb_commands(MINE, mine, random.Random(7))))
        client = redis.Redis(port=server.port, protocol=2)
        archive = KeyArchive(client, service="kato", scan_count=_COUNT, seconds=3600)
        erasing = KeyErasing(client, service="kato", scan_count=_COUNT, pass_seconds=3600)
        names = list(client.scan_iter(f"{MINE}:*", count=10_000))
        kinds = [(name, bytes(client.type(name))) for name in names]  # type: ignore[arg-type]

        def ours() -> None:
            survey = erasing.survey(lambda head: head == MINE)
            deque(archive.keys(surface, lambda _: False, survey), maxlen=0)

        times = side_by_side({
            "scan": lambda: bare_pass(server.port, _COUNT),
            "read": lambda: bare_read(client, kinds), "archive": ours,
        }, repeat=repeat)  # fmt: skip
        total = client.dbsize()
        print(f"{len(names):,} keys of {total:,}")
        client.close()
    for name, taken in times.items():
        print(f"     {name:<10} {spread(taken)}")
    allowed = 1.5 * median(times["scan"]) + 1.3 * median(times["read"])
    words = "archive of one's keys / (1.5 bare SCAN + 1.3 bare read)"
    return [verdict(words, median(times["archive"]) / allowed, at_most=1)]


def clickhouse_section(*, rows: int, repeat: int) -> list[bool]:
    """Compare reading rows with the driver's own raw stream of them."""
    name = kb_ids(1, tenants=1)[0]
    with TemporaryDirectory() as folder, clickhouse(folder) as connect:
        client = connect()
        fill_patterns(client, [name], rows=rows)
        engine = ClickHouse(connect, database=DATABASE)
        surface = Surface(kb_ids=frozenset({name}))
        archive = PatternArchive(engine)

        def raw() -> None:
            stream: Any = client.raw_stream(
                f"SELECT * FROM {DATABASE}.patterns_data WHERE kb_id = '{name}'", fmt="Native"
            )
            while stream.read(1 << 20):
                pass

        times = side_by_side(
            {"raw": raw, "archive": lambda: deque(archive.read(surface), maxlen=0)}, repeat=repeat
        )
        engine.close()
        client.close()
    for case, taken in times.items():
        print(f"     {case:<10} {spread(taken)}")
    words = f"{rows:,} rows for an archive / a raw stream"
    return [verdict(words, median(times["archive"]) / median(times["raw"]), at_most=1.3)]


class Nowhere:
    """Takes bytes and keeps none."""

    def write(self, data: bytes, /) -> None:
        """Take them."""


def container_section(*, chunks: int) -> list[bool]:
    """Write so many full chunks, and say what memory that takes."""

    def contents() -> Iterator[bytes]:
        line = os.urandom(48).hex().encode() + b"\n"
        return islice(iter(lambda: line * (CHUNK_BYTES // len(line)), None), chunks)

    with PeakMemory() as memory:
        writer = write(Nowhere(), Head("x", datetime.now(UTC), "bench", encrypted=False))
        part = Part("redis/keys", Format.JSON_LINES)
        for content in contents():
            writer.add(part, content, 1)
        now = datetime.now(UTC)
        writer.finish(Manifest("x", now, now, Target()))
    size = chunks * CHUNK_BYTES
    words = f"memory while {size / 1e6:,.0f} MB of content are written"
    return [verdict(words, memory.above_idle, at_most=200, unit="MiB")]


def main() -> int:
    """Measure, and return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--mine", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--chunks", type=int, default=40)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    met = container_section(chunks=given.chunks)
    met += redis_section(keys=given.keys, mine=given.mine, repeat=given.repeat)
    met += clickhouse_section(rows=given.rows, repeat=given.repeat)
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
