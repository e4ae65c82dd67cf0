"""What the tests of the keyspace share: stores, the capture, and an independent count."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from services.stores.redis.usage import KeyspaceStore
from services.tenancy.layout import Owner, read_key
from services.usage.readings import KeyReading

CAPTURE = Path(__file__).parents[2] / "data" / "kato-capture" / "redis.jsonl"

Counts = Counter[tuple[Owner, str, bool]]


def store_of(client: redis.Redis, **options: Any) -> KeyspaceStore:
    """Build a store with small rounds, so that a few keys already take several."""
    defaults = {
        "service": "kato",
        "scan_count": 100,
        "memory_budget": 1_000_000,
        "memory_sample": 0.1,
        "pass_seconds": 30,
    }
    return KeyspaceStore(client, **{**defaults, **options})


@contextmanager
def as_user(client: redis.Redis, *rules: str) -> Iterator[redis.Redis]:
    """The same server as a user with these rules sees it."""
    client.execute_command("ACL", "SETUSER", "somebody", "reset", "on", "nopass", *rules)
    port = client.get_connection_kwargs()["port"]
    try:
        with redis.Redis(port=port, username="somebody", password="x") as theirs:
            yield theirs
    finally:
        client.acl_deluser("somebody")


def capture_rows() -> list[dict[str, Any]]:
    """Read what a real KATO left in Redis."""
    return [json.loads(line) for line in CAPTURE.read_text("utf-8").splitlines()]


def restore_capture(client: redis.Redis) -> list[dict[str, Any]]:
    """Write the capture to Redis, and return its rows."""
    rows = capture_rows()
    pipe = client.pipeline(transaction=False)
    for row in rows:
        _write(pipe, row["key"], row["type"], row["value"])
        if row["pttl"] > 0:
            pipe.pexpire(row["key"], row["pttl"])
    pipe.execute()
    return rows


def _write(pipe: Any, key: str, kind: str, value: Any) -> None:
    match kind:
        case "string":
            pipe.set(key, value)
        case "hash":
            pipe.hset(key, mapping=value)
        case "set":
            pipe.sadd(key, *value)
        case "stream":
            for entry, fields in value:
                pipe.xadd(key, fields, id=entry)
        case _:
            raise AssertionError(f"the capture has a {kind}")


def naive_counts(keys: Iterable[bytes], service: str = "kato") -> Counts:
    """Count keys by reading each name in full; session records are left out."""
    names = (read_key(key, service) for key in keys)
    return Counter((n.owner, n.kind, n.sure) for n in names if n.kind != "session")


def counts_of(reading: KeyReading) -> Counts:
    """Return the counts of a reading in the same form; no two groups may be alike."""
    counts: Counts = Counter()
    for group in reading.groups:
        key = (group.owner, group.kind, group.sure)
        assert key not in counts
        counts[key] = group.amount.count
    return counts


def commands_called(client: redis.Redis) -> Counter[str]:
    """Return how often each command was called since the statistics were reset."""
    stats = client.info("commandstats")
    return Counter({name.removeprefix("cmdstat_"): stat["calls"] for name, stat in stats.items()})
