"""What reading for an archive takes, beside bare passes, bare reads and raw streams.

    python -m bench.archive [--keys 1000000 --mine 20000] [--rows 1000000] [--repeat 5]

Redis: a survey of all keys and the content of one owner's, against a bare SCAN and a bare pipelined
read of the same keys (TYPE aside, each by the command of its type); and the same of a hundred
tenants in one pass. ClickHouse: rows as an archive takes them, hashed and cut into whole blocks,
against the driver's own raw stream of them from the engine in a process of its own; and a second
look that hashes them, and one that is told that nothing was written. Then what a whole copy as of
KATO's `backup_redis.sh` reads (the snapshot and the append-only file) where one tenant of 500 is
wanted.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import redis

from bench.clickhouse import DATABASE, fill_patterns
from bench.clickhouse_server import served
from bench.keys import bare_pass
from bench.measure import (
    costs,
    fill,
    fill_keyspace,
    kb_commands,
    kb_ids,
    seconds,
    valkey,
    verdict,
)
from services.archive.models import Print
from services.purge.models import Surface
from services.stores.clickhouse.archive import PatternArchive
from services.stores.clickhouse.query import ClickHouse
from services.stores.redis.archive import KeyArchive
from services.stores.redis.erase import KeyErasing

MINE = "tenant_archived_kato"
TENANTS = 500
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


def with_kinds(client: redis.Redis, heads: frozenset[str]) -> list[tuple[bytes, bytes]]:
    """Return the keys of some kb_ids with their types."""
    wanted = frozenset(map(str.encode, heads))
    names = [k for k in client.scan_iter(count=10_000) if k.partition(b":")[0] in wanted]
    pipeline: Any = client.pipeline(transaction=False)
    for name in names:
        pipeline.type(name)
    return list(zip(names, pipeline.execute(), strict=True))


class Reading:
    """Reads for archives as this product does: one survey, then owner by owner."""

    def __init__(self, client: redis.Redis) -> None:
        self._archive = KeyArchive(client, service="kato", scan_count=_COUNT, seconds=3600)
        self._keys = KeyErasing(client, service="kato", scan_count=_COUNT, pass_seconds=3600)

    def read(self, owners: Iterable[frozenset[str]]) -> None:
        """Read the keys of some owners, each with its kb_ids."""
        everyone = frozenset[str]().union(*(owners := list(owners)))
        survey = self._keys.survey(everyone.__contains__)
        for kb_ids_of in owners:
            surface = Surface(kb_ids=kb_ids_of)
            deque(self._archive.keys(surface, lambda _: False, survey), maxlen=0)


def redis_section(*, keys: int, mine: int, repeat: int) -> list[bool]:
    """Compare reading out of many keys with bare passes and bare reads."""
    with valkey() as server:
        names = fill_keyspace(server.port, keys=keys, knowledge_bases=1000, tenants=TENANTS)
        fill(server.port, iter(kb_commands(MINE, mine, random.Random(7))))
        client = redis.Redis(port=server.port, protocol=2)
        process = psutil.Process(client.info()["process_id"])
        reading, one = Reading(client), [frozenset({MINE})]
        hundred = [frozenset({each, names[at + TENANTS]}) for at, each in enumerate(names[:100])]
        of_one = with_kinds(client, one[0])
        of_hundred = with_kinds(client, frozenset().union(*hundred))
        print(f"{len(of_one):,} and {len(of_hundred):,} keys of {client.dbsize():,}")
        found = costs({
            "scan": lambda: bare_pass(server.port, _COUNT),
            "read": lambda: bare_read(client, of_one),
            "read100": lambda: bare_read(client, of_hundred),
            "archive": lambda: reading.read(one), "archive100": lambda: reading.read(hundred),
        }, process, repeat=repeat)  # fmt: skip
        found.say()
        met = [
            found.verdict("one's keys / (1.5 bare SCAN + 1.3 bare read)", "archive", 1,
                          scan=1.5, read=1.3),
            found.verdict("a hundred's / (2 bare SCAN + 1.3 bare read)", "archive100", 1,
                          scan=2, read100=1.3),
        ]  # fmt: skip
        met += whole_copy(client, reading, [hundred[-1]])
        client.close()
    return met


def whole_copy(
    client: redis.Redis, reading: Reading, owners: Sequence[frozenset[str]]
) -> list[bool]:
    """Compare what is read with a copy of everything, in the manner of `backup_redis.sh`."""
    client.config_set("appendonly", "yes")
    taken = seconds(lambda: _saved(client))
    folder = Path(str(client.config_get("dir")["dir"]))
    files = [each for each in folder.rglob("*") if each.suffix in {".rdb", ".aof"}]
    copied = sum(each.stat().st_size for each in files)
    taken += seconds(lambda: deque(map(Path.read_bytes, files), maxlen=0))
    client.config_set("appendonly", "no")
    names = _sent(client, lambda: bare_pass(client.get_connection_kwargs()["port"], _COUNT))
    all_of_it = _sent(client, lambda: reading.read(owners))
    took = seconds(lambda: reading.read(owners))
    print(f"     whole copy: {copied:,} bytes, {taken:.2f} s; archive: {all_of_it:,} bytes in "
          f"{took:.2f} s, {names:,} of them names in SCAN's replies")  # fmt: skip
    content = max(1, all_of_it - names)
    return [
        verdict("whole copy / content that is read for one", copied / content, at_least=50),
        verdict("whole copy / all that is read, everyone's names too", copied / all_of_it),
    ]


def _saved(client: redis.Redis) -> None:
    """Save a snapshot, and wait until it and the append-only file are there."""
    while client.info("persistence")["aof_rewrite_in_progress"]:
        time.sleep(0.05)
    client.bgsave()
    while client.info("persistence")["rdb_bgsave_in_progress"]:
        time.sleep(0.05)


def _sent(client: redis.Redis, run: Any) -> int:
    """Return how many bytes the server sends while something runs."""
    before = client.info("stats")["total_net_output_bytes"]
    run()
    return int(client.info("stats")["total_net_output_bytes"] - before)


def clickhouse_section(*, rows: int, repeat: int) -> list[bool]:
    """Compare reading rows with the driver's own raw stream of them."""
    name = kb_ids(1, tenants=1)[0]
    with TemporaryDirectory() as folder, served(folder) as (connect, process):
        client = connect()
        fill_patterns(client, [name], rows=rows)
        engine = ClickHouse(connect, database=DATABASE)
        archive, surface = PatternArchive(engine), Surface(kb_ids=frozenset({name}))
        known = {
            each.part.name: Print(rows, each.fingerprint, each.state)
            for each in archive.read(surface)
        }

        def raw() -> None:
            stream: Any = client.raw_stream(
                f"SELECT * FROM {DATABASE}.patterns_data WHERE kb_id = '{name}'", fmt="Native"
            )
            while stream.read(1 << 20):
                pass

        found = costs(
            {"raw": raw, "rows": lambda: deque(archive.read(surface), maxlen=0),
             "hash": lambda: archive.prints(surface),
             "still": lambda: archive.prints(surface, known)},
            process, repeat=repeat,
        )  # fmt: skip
        engine.close()
        client.close()
    found.say()
    words = f"{rows:,} rows for an archive / a raw stream"
    return [found.verdict(words, "rows", 1.3, raw=1)]


def main() -> int:
    """Measure, and return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--mine", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    met = redis_section(keys=given.keys, mine=given.mine, repeat=given.repeat)
    met += clickhouse_section(rows=given.rows, repeat=given.repeat)
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
