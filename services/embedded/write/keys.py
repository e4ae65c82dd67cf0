"""Writes keys into Redis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import redis

from services.embedded.write.dataset import Entry, KeyType
from services.embedded.write.x_embedded_redis_values import KINDS, Command
from services.errors import StoreRejected
from services.stores.redis.errors import STORE, translated, translation
from services.tenancy.layout import bytes_of

_BATCH = 500
_LOADING = "loading keys"
_STALE_ID = "equal or smaller than the target stream top item"


def count(client: redis.Redis) -> int:
    """Count the keys."""
    with translated("looking for keys"):
        return int(client.dbsize())


def write(client: redis.Redis, entries: Iterator[Entry], *, merge: bool) -> Counter[str]:
    """Write keys with their TTLs; with `merge`, into what is there, where its type allows."""
    counts: Counter[str] = Counter()
    while batch := list(islice(entries, _BATCH)):
        new = _mergeable(client, batch) if merge else batch
        counts["keys"] += sum(not entry.more for entry in new)
        counts["skipped"] += len(batch) - len(new) + _send(client, new)
    return counts


def _send(client: redis.Redis, batch: Sequence[Entry]) -> int:
    """Send what writes these keys; return how many entries of streams were too old to add."""
    with translated(_LOADING):
        pipeline: Any = client.pipeline(transaction=False)  # execute_command has no types
        for entry in batch:
            for command in _commands(entry):
                pipeline.execute_command(*command)
        answers = pipeline.execute(raise_on_error=False)
    errors = [answer for answer in answers if isinstance(answer, Exception)]
    for error in errors:
        if _STALE_ID not in str(error):
            raise translation(error, _LOADING) from error
    return len(errors)


def _commands(entry: Entry) -> Iterator[Command]:
    key = bytes_of(entry.key)
    for command in KINDS[entry.type].commands(key, entry.value):
        if entry.ttl_ms is not None and entry.type is KeyType.STRING:
            yield *command, "PX", entry.ttl_ms  # never there without its TTL
        else:
            yield command
    if entry.ttl_ms is not None and entry.type is not KeyType.STRING:
        yield "PEXPIRE", key, entry.ttl_ms


def _mergeable(client: redis.Redis, batch: Sequence[Entry]) -> list[Entry]:
    """Leave out the lists that are there. Raises StoreRejected for a key of another type."""
    with translated(_LOADING):
        pipeline = client.pipeline(transaction=False)
        for entry in batch:
            pipeline.type(bytes_of(entry.key))
        types = [_type(answer) for answer in pipeline.execute()]
    if any(there not in ("none", entry.type) for entry, there in zip(batch, types, strict=True)):
        raise StoreRejected(STORE, _LOADING, "a key of the same name is of another type")
    pairs = zip(batch, types, strict=True)
    return [e for e, there in pairs if e.more or there != KeyType.LIST]


def _type(answer: bytes | str) -> str:
    return answer.decode() if isinstance(answer, bytes) else answer
