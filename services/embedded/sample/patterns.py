"""What the nodes of the sample fleet have learnt: tokens, vectors and patterns. Pure."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from services.embedded.sample.tenants import Node
from services.embedded.write.dataset import Collection, Point, Row

VECTOR_SIZE = 8
HISTORY = timedelta(days=200)
"""How far back the first pattern of the fleet was learnt."""

_WORDS: Mapping[str, tuple[str, ...]] = {
    "support": (
        "ticket:opened", "ticket:closed", "priority:high", "priority:low", "lang:de", "lang:en",
        "lang:fr", "channel:chat", "channel:mail", "channel:phone", "topic:refund",
        "topic:delivery", "topic:password reset", "topic:invoice", "handover", "csat:2", "csat:5",
        "sla:breached", "customer:new", "customer:gold", "reopened", "escalated", "bot:failed",
    ),
    "shop": (
        "cart:add", "cart:remove", "checkout", "payment:card", "payment:paypal", "payment:declined",
        "coupon:SPRING*", "search:running shoes", "search:rain coat", "page:home", "page:sale",
        "device:mobile", "device:desktop", "country:DE", "country:US", "country:JP", "returns",
        "wishlist", "newsletter", "size:42", "size:M", "review:1 star", "review:5 stars",
    ),
    "ops": (
        "login:ok", "login:failed", "mfa:ok", "deploy:v2.14", "deploy:v2.15", "rollback",
        "alert:disk", "alert:latency", "alert:cpu>90%", "region:eu-central", "region:us-east",
        "host:web-1", "host:web-2", "host:db-1", "job:nightly", "job:reindex", "status:200",
        "status:404", "status:503", "queue:full", "backup:ok", "cert:renewed", "oncall:paged",
    ),
}  # fmt: skip
_NUMBERED = {"support": "customer:{:04}", "shop": "sku-{:04}", "ops": "req-{:04}"}
_TOKENS_MOST = 140


@dataclass(frozen=True, slots=True)
class Pattern:
    """A learnt pattern: its events, how often it was seen, and when it was learnt."""

    name: str
    events: tuple[tuple[str, ...], ...]
    frequency: int
    joy: float | None
    created_at: datetime

    @property
    def tokens(self) -> list[str]:
        """All tokens, in order."""
        return [token for event in self.events for token in event]


def random_of(seed: int, *about: str) -> Random:
    """Return the random numbers of one part of the fleet, the same each time."""
    return Random("/".join((str(seed), *about)))  # noqa: S311  a sample, not a secret


def vector_names(node: Node) -> list[str]:
    """Return the names of a node's vectors, as its patterns hold them."""
    return [f"VCTR|{_sha1(f'{node.kb_id}/vector/{i}')}" for i in range(node.vectors)]


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _tokens(node: Node) -> list[str]:
    words = list(_WORDS[node.theme])
    numbered = min(node.patterns // 6, _TOKENS_MOST - len(words))
    return words + [_NUMBERED[node.theme].format(37 * i % 9973) for i in range(1, numbered + 1)]


def patterns(node: Node, *, seed: int, now: datetime) -> Iterator[Pattern]:
    """Yield what a node has learnt, the oldest first."""
    random = random_of(seed, "patterns", node.kb_id)
    tokens, vectors = _tokens(node), vector_names(node)
    begun = now - HISTORY * random.uniform(0.15, 1.0)
    ended = now - (now - begun) * random.choice((0.0, 0.02, 0.1, 0.5))
    for number in range(node.patterns):
        events = [_event(random, tokens) for _ in range(random.randint(2, 4))]
        if vectors:  # every vector is in some pattern
            events[0] = tuple(sorted({*events[0], vectors[number % len(vectors)]}))
        created = begun + (ended - begun) * ((number + random.random()) / node.patterns)
        yield Pattern(
            name=_sha1(json.dumps([node.kb_id, number, events])),
            events=tuple(events),
            frequency=1 + int(random.expovariate(0.8)),
            joy=round(random.random(), 2) if random.random() < 0.7 else None,  # noqa: PLR2004
            created_at=created.replace(microsecond=0),
        )


def _event(random: Random, tokens: list[str]) -> tuple[str, ...]:
    # common tokens come first in the list and are drawn more often
    drawn = {tokens[int(len(tokens) * random.random() ** 1.6)] for _ in range(random.randint(1, 3))}
    return tuple(sorted(drawn))


def row(node: Node, pattern: Pattern, *, random: Random) -> Row:
    """Return a pattern's row of `patterns_data`."""
    tokens = pattern.tokens
    distinct = list(dict.fromkeys(tokens))
    minhash = memoryview(random.randbytes(400)).cast("I").tolist()
    bands = memoryview(random.randbytes(160)).cast("Q").tolist()
    times = (pattern.created_at, pattern.created_at)
    return Row(
        "patterns_data",
        (
            node.kb_id,
            pattern.name,
            [list(event) for event in pattern.events],
            len(tokens),
            distinct,
            len(distinct),
            minhash,
            bands,
            tokens[0],
            tokens[-1],
            *times,
        ),
    )


def collection(node: Node, *, seed: int) -> Collection:
    """Return a node's collection of vectors."""
    random = random_of(seed, "vectors", node.kb_id)
    points = tuple(point(random, {"vctr_name": name}, name) for name in vector_names(node))
    return Collection(f"vectors_{node.kb_id}", VECTOR_SIZE, "Euclid", points)


def point(random: Random, payload: Mapping[str, object], name: str) -> Point:
    """Return a point whose id follows from its name."""
    vector = tuple(round(random.random(), 4) for _ in range(VECTOR_SIZE))
    return Point(str(uuid.uuid5(uuid.NAMESPACE_DNS, name)), vector, payload)
