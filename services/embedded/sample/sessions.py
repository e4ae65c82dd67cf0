"""Sessions of the sample fleet, and what belongs to no node. In KATO's layout. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from services.embedded.kato.sessions import INDEX, key_of, new_record
from services.embedded.sample.tenants import Node
from services.embedded.write.dataset import Entry, KeyType, StreamItem

_TTLS = (1800, 3600, 3600, 86_400, 86_400, 7 * 86_400, 30 * 86_400)
_PLANS = ("free", "pro", "enterprise")
_INDEX_PART = 5000
_STREAM_LENGTH = 400


@dataclass(frozen=True, slots=True)
class Session:
    """A session's id, and the keys that it has while it is live."""

    session_id: str
    entries: tuple[Entry, ...] = ()


def sessions(node: Node, *, random: Random, now: datetime) -> Iterator[Session]:
    """Yield a node's sessions: those that are live, then those that only the index remembers."""
    for number in range(node.live):
        session_id, record = _live(node, random, now)
        pointed = node.theme == "support" and number == 0  # only some clients write these
        keys = (record, _pointer(node, session_id, record)) if pointed else (record,)
        yield Session(session_id, keys)
    for _ in range(node.expired):
        yield Session(_id(random, now - timedelta(days=random.uniform(1, 90))))


def _pointer(node: Node, session_id: str, record: Entry) -> Entry:
    """Return the key by which some clients find a node's session again."""
    key = f"kato:session:node:{node.node_id}:active"
    return Entry(key, KeyType.STRING, session_id, record.ttl_ms)


def _id(random: Random, created: datetime) -> str:
    return f"session-{random.randbytes(16).hex()}-{int(created.timestamp() * 1000)}"


def _live(node: Node, random: Random, now: datetime) -> tuple[str, Entry]:
    ttl = random.choice(_TTLS)
    idle = timedelta(seconds=ttl * random.uniform(0.01, 0.6))
    created = now - idle - timedelta(hours=random.expovariate(1 / 30))
    record = new_record(
        _id(random, created),
        node.node_id,
        now=created,
        ttl_seconds=ttl,
        metadata={"plan": random.choice(_PLANS)},
        config={},
    )
    accessed = now - idle
    record["last_accessed"] = accessed.isoformat()
    record["expires_at"] = (accessed + timedelta(seconds=ttl)).isoformat()
    _observe(record, random)
    left_ms = int((accessed + timedelta(seconds=ttl) - now).total_seconds() * 1000)
    session_id = str(record["session_id"])
    return session_id, Entry(key_of(session_id), KeyType.STRING, json.dumps(record), left_ms)


def _observe(record: dict[str, object], random: Random) -> None:
    """Fill in what observing leaves in a record; one session in five was never used."""
    times = random.choice((0, 3, 8, 21, 60))
    if not times:
        return
    strings = ["page:home", "search:rain coat"]
    record["time"] = times
    record["access_count"] = times + random.randint(1, 9)
    record["stm"] = [strings] * random.randint(0, 3)
    record["emotives_accumulator"] = [{"joy": round(random.random(), 2)} for _ in range(times)]
    record["metadata_accumulator"] = [{"src": "sample"}] * min(times, 10)
    record["percept_data"] = {
        "strings": strings,
        "vectors": [],
        "emotives": {},
        "path": [],
        "metadata": {},
    }


class Index:
    """Gathers session ids into the index set, a part at a time."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._begun = False

    def add(self, session_id: str) -> Iterator[Entry]:
        """Take an id; yield a part of the set whenever one is full."""
        self._ids.append(session_id)
        if len(self._ids) == _INDEX_PART:
            yield from self.rest()

    def rest(self) -> Iterator[Entry]:
        """Yield the part that is left."""
        if self._ids:
            yield Entry(INDEX, KeyType.SET, tuple(self._ids), more=self._begun)
        self._ids, self._begun = [], True


def streams(first: Node, *, random: Random, now: datetime) -> Iterator[Entry]:
    """Yield the two streams that all observations go to, labelled with the first node's kb_id."""
    at = now - timedelta(days=3)
    items: list[StreamItem] = []
    for _ in range(_STREAM_LENGTH):
        at += timedelta(seconds=random.uniform(60, 500))
        items.append(_observation(first.kb_id, at, random))
    for key in ("stm:global", f"stm:events:{first.kb_id}"):
        yield Entry(key, KeyType.STREAM, tuple(items))


def _observation(kb_id: str, at: datetime, random: Random) -> StreamItem:
    strings = random.sample(("page:home", "cart:add", "login:ok", "ticket:opened", "status:503"), 2)
    data = {"strings": strings, "vectors": [], "emotives": {}, "timestamp": at.timestamp()}
    fields = {
        "event_type": "observe",
        "processor_id": kb_id,
        "timestamp": str(at.timestamp()),
        "data": json.dumps(data),
        "sequence_id": "",
    }
    return f"{int(at.timestamp() * 1000)}-0", fields


def caches() -> Iterator[Entry]:
    """Yield KATO's caches, which expire."""
    yield Entry("kato:metrics:requests", KeyType.STRING, '{"total": 18422, "errors": 3}', 3_600_000)
    yield Entry("kato:metrics:latency", KeyType.STRING, '{"p50": 0.021, "p99": 0.34}', 3_600_000)
    yield Entry("patterns:top:10", KeyType.STRING, "[]", 600_000)
    yield Entry("patterns:name:recent", KeyType.STRING, "[]", 600_000)
    yield Entry("symbols:probabilities", KeyType.STRING, "{}", 600_000)
