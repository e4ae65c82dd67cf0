"""One Redis key's content piece by piece, where it is too large to be read at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from services.errors import StoreRejected
from services.stores.redis.errors import STORE
from services.stores.redis.link import Link
from services.stores.redis.values import TYPES
from services.tenancy.layout import text_of

PIECE_BYTES = 1024 * 1024
"""So much of a value, by the memory that its server says it takes, is read at once."""

_MOST_MEMBERS = 10_000


def pieces_of(link: Link, key: bytes, kind: str, memory: int) -> Iterator[Any]:
    """Yield a value's pieces as plain JSON, a hash's as fields and values in turn.

    None at all where the key is gone. Raises StoreError.
    """
    if kind == "string":
        yield from _string(link, key)
        return
    if kind not in TYPES:
        reason = f"a key of type {kind} is a module's, which no other server is sure to take"
        raise StoreRejected(STORE, "reading keys", reason)
    each = _each(link, key, kind, memory)
    if not each:
        return
    members = TYPES[kind].members(link, key, each)
    if kind == "stream":
        yield from _stream(link, key, members, each)
        return
    while piece := list(islice(members, each)):
        yield _plain(kind, piece)


def _each(link: Link, key: bytes, kind: str, memory: int) -> int:
    """Return how many members a piece has; 0 for none at all."""
    size: int = link.ask(TYPES[kind].length, key)
    if not size:
        return int(kind == "stream")  # an empty one is there, and may have groups
    return max(1, min(_MOST_MEMBERS, size * PIECE_BYTES // max(memory, 1)))


def _plain(kind: str, piece: Sequence[tuple[bytes, ...]]) -> Any:
    match kind:
        case "hash":
            return [part for pair in piece for part in pair]
        case "zset":
            return [[text_of(member), text_of(score)] for member, score in piece]
        case _:
            return [text_of(member) for (member,) in piece]


def _string(link: Link, key: bytes) -> Iterator[str]:
    """Yield a string from its first byte on; an empty one is told from none."""
    start = 0
    while piece := link.ask("GETRANGE", key, start, start + PIECE_BYTES - 1):
        yield text_of(piece)
        start += len(piece)
        if len(piece) < PIECE_BYTES:
            return
    if not start and link.ask("EXISTS", key):
        yield ""


def _stream(
    link: Link, key: bytes, members: Iterator[tuple[bytes, ...]], each: int
) -> Iterator[Any]:
    """Yield a stream's entries; the last piece has its groups and its last id."""
    while entries := list(islice(members, each)):
        yield {"entries": [list(map(text_of, entry)) for entry in entries]}
    facts = _told(link.ask("XINFO", "STREAM", key))
    groups = [_told(each) for each in link.ask("XINFO", "GROUPS", key)]
    pending = _pending(link, key, max((group["pending"] for group in groups), default=0))
    yield {
        "entries": [],
        "last_id": text_of(facts["last-generated-id"]),
        "entries_added": facts.get("entries-added"),  # since Redis 7, as what follows
        "max_deleted_id": text_of(facts.get("max-deleted-entry-id", b"0-0")),
        "groups": [_group(link, key, each, pending.get(each["name"], [])) for each in groups],
    }


def _group(
    link: Link, key: bytes, facts: dict[str, Any], pending: Sequence[Sequence[Any]]
) -> dict[str, Any]:
    consumers = link.ask("XINFO", "CONSUMERS", key, facts["name"])
    return {
        "name": text_of(facts["name"]),
        "last_delivered_id": text_of(facts["last-delivered-id"]),
        "entries_read": facts.get("entries-read"),
        "consumers": [text_of(_told(each)["name"]) for each in consumers],
        "pending": [
            [text_of(entry), text_of(consumer), at, times] for entry, consumer, at, times in pending
        ],
    }


def _pending(link: Link, key: bytes, most: int) -> dict[bytes, Sequence[Sequence[Any]]]:
    """Return what each group was given and has not acknowledged, by whom, when and how often.

    XPENDING tells no time, but how long ago it was. Raises StoreRejected for more than can be read
    at once.
    """
    if not most:
        return {}
    if most > _MOST_MEMBERS:
        reason = (
            f"a stream's group has more than {_MOST_MEMBERS:,} entries that nobody acknowledged"
        )
        raise StoreRejected(STORE, "reading keys", reason)
    full = _told(link.ask("XINFO", "STREAM", key, "FULL", "COUNT", most))
    groups = (_told(each) for each in full["groups"])
    return {each["name"]: each["pending"] for each in groups}


def _told(reply: Any) -> dict[str, Any]:
    flat = in_turn(reply)
    names = (name.decode("ascii", "replace") for name in flat[::2])
    return dict(zip(names, flat[1::2], strict=True))


def in_turn(reply: Any) -> Sequence[Any]:
    """Return a map's names and values in turn, as either version of Redis's protocol writes it."""
    return [each for pair in reply.items() for each in pair] if isinstance(reply, dict) else reply


def pairs_of(reply: Sequence[Any]) -> list[list[str]]:
    """Return members with scores as texts, as either version of Redis's protocol writes them."""
    if reply and isinstance(reply[0], list):
        return [[text_of(member), repr(score).removesuffix(".0")] for member, score in reply]
    texts = list(map(text_of, reply))
    return [list(pair) for pair in zip(texts[::2], texts[1::2], strict=True)]
