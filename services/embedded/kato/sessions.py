"""Sessions in Redis, in the layout of KATO 3.10.1: what the stand-in reads and writes."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from services.embedded.kato import config as config_rules

if TYPE_CHECKING:
    import redis

INDEX = "kato:session:_active_index"
TTL_DEFAULT = 3600
"""Seconds that a session lives without a TTL, or with 0."""

_INDEX_BATCH = 500
_FIFO_LIMIT = 1000
_NEEDED = {
    "session_id",
    "node_id",
    "created_at",
    "last_accessed",
    "expires_at",
    "ttl_seconds",
    "stm",
    "metadata",
    "access_count",
    "session_config",
}

Record = dict[str, Any]
"""A session's record: JSON in KATO's own shape, not a model of this product."""


def key_of(session_id: str) -> str:
    """Return the key of a session's record."""
    return f"kato:session:{session_id}"


def new_id(now: datetime) -> str:
    """Return a session id as KATO makes them."""
    return f"session-{uuid.uuid4().hex}-{int(now.timestamp() * 1000)}"


def new_record(
    session_id: str,
    node_id: str,
    *,
    now: datetime,
    ttl_seconds: int,
    metadata: Mapping[str, object],
    config: Mapping[str, object],
) -> Record:
    """Return the record of a session that has observed nothing yet."""
    times = {"created_at": now.isoformat(), "updated_at": now.isoformat()}
    identity = {"session_id": session_id, "node_id": node_id}
    return {
        **identity,
        "created_at": now.isoformat(),
        "last_accessed": now.isoformat(),
        "expires_at": (now + timedelta(seconds=ttl_seconds)).isoformat(),
        "ttl_seconds": ttl_seconds,
        "stm": [],
        "emotives_accumulator": [],
        "metadata_accumulator": [],
        "time": 0,
        "percept_data": {},
        "predictions": [],
        "metadata": dict(metadata),
        "access_count": 0,
        "max_stm_size": _FIFO_LIMIT,
        "max_emotives_size": _FIFO_LIMIT,
        "max_metadata_size": _FIFO_LIMIT,
        "session_config": {**config_rules.stored(config), **identity, **times, "version": 1},
    }


class SessionStore:
    """KATO's sessions in one Redis. Raises redis' own errors, which the stand-in answers."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def create(
        self,
        node_id: str,
        *,
        ttl_seconds: int,
        metadata: Mapping[str, object],
        config: Mapping[str, object],
    ) -> Record:
        """Store a new session and return its record."""
        now = datetime.now(UTC)
        record = new_record(
            new_id(now),
            node_id,
            now=now,
            ttl_seconds=ttl_seconds,
            metadata=metadata,
            config=config_rules.accepted(config),
        )
        self._save(record, ttl_seconds)
        self._redis.sadd(INDEX, record["session_id"])
        return record

    def peek(self, session_id: str) -> Record | None:
        """Return a session's record, or None; nothing is extended."""
        return _read(self._redis.get(key_of(session_id)))

    def touch(self, session_id: str) -> Record | None:
        """Return a session's record, or None, and set its TTL back to its own."""
        record = self.peek(session_id)
        if record is not None:
            record["access_count"] += 1
            self.save(record)
        return record

    def save(self, record: Record) -> None:
        """Store a record with its own TTL."""
        self._save(record, record["ttl_seconds"])

    def extend(self, record: Record, ttl_seconds: int) -> None:
        """Let a session live so many seconds from now, until the next access."""
        self._save(record, ttl_seconds)

    def _save(self, record: Record, ttl_seconds: int) -> None:
        now = datetime.now(UTC)
        record["expires_at"] = (now + timedelta(seconds=ttl_seconds)).isoformat()
        record["last_accessed"] = now.isoformat()
        self._redis.set(key_of(record["session_id"]), json.dumps(record), ex=ttl_seconds)

    def delete(self, session_id: str) -> bool:
        """Delete a session; return whether it was there."""
        deleted = self._redis.delete(key_of(session_id))
        self._redis.srem(INDEX, session_id)
        return bool(deleted)

    def index_size(self) -> int:
        """Return how many sessions the index holds, those that expired included, as KATO does."""
        return int(self._redis.scard(INDEX))

    def used(self, limit: int) -> list[Record]:
        """Return the sessions that observed something, the last used first, at most `limit`."""
        found = (record for record in self._live() if record.get("time"))
        ordered = sorted(found, key=lambda record: str(record["last_accessed"]), reverse=True)
        return ordered[:limit]

    def _live(self) -> Iterator[Record]:
        members = list(self._redis.sscan_iter(INDEX, count=_INDEX_BATCH))
        for at in range(0, len(members), _INDEX_BATCH):
            keys = [b"kato:session:" + member for member in members[at : at + _INDEX_BATCH]]
            yield from filter(None, map(_seen, self._redis.mget(keys)))


def _read(raw: object) -> Record | None:
    """Read a record; one that is broken counts as gone, it must not fail every other call."""
    try:
        record = json.loads(raw) if isinstance(raw, bytes) else None
    except ValueError:
        return None
    return record if isinstance(record, dict) and record.keys() >= _NEEDED else None


_seen = lru_cache(maxsize=1024)(_read)
"""The same for records that are only looked at: each status call looks at all of them again."""


def remaining(record: Record) -> int:
    """Return the whole seconds that a session has left."""
    left = datetime.fromisoformat(record["expires_at"]).timestamp() - time.time()
    return max(0, int(left))
