"""Writes keys of one tenant in batches, each of which is a transaction and can be taken back.

What a key had is kept as DUMP writes it, which the same server restores byte for byte; its time to
live, and when it had that, beside it, because DUMP carries none.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import hiredis

from services.errors import StoreUnavailable
from services.imports.models import ImportRefused, Item
from services.imports.ports import Before, There
from services.stores.redis.as_imported import gone_or_changed
from services.stores.redis.errors import STORE
from services.stores.redis.link import Client, Link, conversation, packed
from services.tenancy.layout import INDEX_KEY, SESSION_PREFIX, bytes_of, text_of

_LOOKING, _WRITING, _BACK = "looking for keys", "importing keys", "taking an import back"
_TRIES = 5
_CHANGED = "something else wrote to the same keys meanwhile"


class KeyImports:
    """Writes to one Redis; a batch may take `seconds`. Every method raises a StoreError."""

    def __init__(self, client: Client, *, seconds: float) -> None:
        self._client, self._seconds = client, seconds

    def _link(self, operation: str) -> Any:
        return conversation(self._client, operation=operation, seconds=self._seconds)

    def there(self, place: str, items: Sequence[Item], *, whose: str) -> There:  # noqa: ARG002
        """Return which keys are there; of KATO's sessions, those of another node are `taken`."""
        with self._link(_LOOKING) as link:
            command = "GET" if whose else "EXISTS"
            link.send(b"".join(packed(command, bytes_of(item.key)) for item in items))
            found = dict(zip((item.key for item in items), link.replies(len(items)), strict=True))
        if not whose:
            _sound(link, found.values())
            return There(frozenset(key for key, count in found.items() if count))
        there = {key for key, record in found.items() if record is not None}
        own = frozenset(key for key in there if _node(found[key]) == whose)
        return There(own, frozenset(there - own))

    def before(self, place: str, items: Sequence[Item]) -> Before:  # noqa: ARG002
        """Return what these keys have now: its bytes and time to live, as JSON."""
        with self._link(_LOOKING) as link:
            return _before(link, [item.key for item in items])

    def write(self, place: str, items: Sequence[Item], before: Before) -> None:  # noqa: ARG002
        """Write a batch in one transaction, where all is as `before` still."""
        if not items:
            return
        by_key = {bytes_of(item.key): item for item in items}
        with self._link(_WRITING) as link:
            for keys in link.at_once(list(by_key), len(by_key)):
                _write(link, [by_key[key] for key in keys], before)

    def take_back(self, place: str, before: Before, wrote: Sequence[Item]) -> int:  # noqa: ARG002
        """Make keys have again what they had, in one transaction.

        One that holds what others wrote since stays, and so does one that never ended and is gone.
        """
        if not before:
            return 0
        with self._link(_BACK) as link:
            parts = link.at_once(list(map(bytes_of, before)), len(before))
            return sum(_taken_back(link, before, wrote, set(map(text_of, keys))) for keys in parts)


def _write(link: Link, items: Sequence[Item], before: Before) -> None:
    """Write what one transaction may, where all is as before still."""
    for _ in range(_TRIES):
        link.ask("WATCH", *(bytes_of(item.key) for item in items))
        now = _before(link, [item.key for item in items])
        if any(_content(was) != _content(before[key]) for key, was in now.items()):
            raise ImportRefused(_CHANGED)
        if _done(link, [(_commands(item), _indexing(item)) for item in items]):
            return
    raise ImportRefused(_CHANGED)


def _done(link: Link, keys: Sequence[tuple[Iterable[bytes], Iterable[bytes]]]) -> bool:
    """Do what keys take in one transaction; False when one was written meanwhile.

    With it what KATO's index takes, or after it in a cluster, where that is on another node.
    """
    commands = [each for some, _ in keys for each in some]
    index = [each for _, some in keys for each in some]
    apart, together = (index, []) if link.is_cluster else ([], index)
    if (commands or together) and link.transaction([*commands, *together]) is None:
        return False
    if apart:
        link.send(b"".join(apart))
        _sound(link, link.replies(len(apart)))
    return True


def _taken_back(link: Link, before: Before, wrote: Sequence[Item], keys: set[str]) -> int:
    """Make some keys have again what they had; return how many have not, since others wrote."""
    had = {key: before[key] for key in before if key in keys}
    for _ in range(_TRIES):
        link.ask("WATCH", *map(bytes_of, had))
        theirs, others = _of_others(link, had, [item for item in wrote if item.key in keys])
        mine = [(key, was) for key, was in had.items() if key not in theirs]
        if _done(link, [(_restoring(key, was), _unindexing(key, was)) for key, was in mine]):
            return others
    raise StoreUnavailable(STORE, _BACK, "the same keys are written all the time")


def _of_others(
    link: Link, before: Before, wrote: Sequence[Item]
) -> tuple[frozenset[str], int]:  # fmt: skip
    """Return the keys that are not as they were written, and how many have not what they had."""
    gone, changed = gone_or_changed(link, wrote)
    gone -= {item.key for item in wrote if item.body.get("ttl") is not None}  # it ended
    now = _before(link, sorted(changed))
    as_before = {key for key in changed if _content(now[key]) == _content(before[key])}
    had = {key for key in gone if before[key] is not None}
    return changed | gone, len(changed - as_before) + len(had)


def _before(link: Link, keys: Sequence[str]) -> Before:
    link.send(b"".join(packed("DUMP", bytes_of(k)) + packed("PTTL", bytes_of(k)) for k in keys))
    replies = link.replies(2 * len(keys))
    _sound(link, replies)
    pairs = zip(replies[::2], replies[1::2], strict=True)
    return {key: _kept(*pair) for key, pair in zip(keys, pairs, strict=True)}


def _kept(dump: bytes | None, ttl: int) -> str | None:
    if dump is None:
        return None
    return json.dumps([base64.b64encode(dump).decode(), max(ttl, 0), _milliseconds()])


def _milliseconds() -> int:
    """Return this machine's time: what is kept is put back on the same one."""
    return time.time_ns() // 1_000_000


def _content(was: str | None) -> str | None:
    """Return what a key holds, without the time that it has left."""
    return None if was is None else str(json.loads(was)[0])


def _commands(item: Item) -> Iterator[bytes]:
    key, body = bytes_of(item.key), item.body
    value, ttl = body["value"], body.get("ttl")
    if body["type"] == "string":
        ends = () if ttl is None else ("EX", int(str(ttl)))
        yield packed("SET", key, bytes_of(str(value)), *ends)
    else:
        yield packed("DEL", key)
        yield _collection(key, str(body["type"]), value)
        if ttl is not None:
            yield packed("EXPIRE", key, int(str(ttl)))


def _indexing(item: Item) -> Iterator[bytes]:
    """Yield what names a session in KATO's index."""
    key = bytes_of(item.key)
    if key.startswith(SESSION_PREFIX):
        yield packed("SADD", INDEX_KEY, key.removeprefix(SESSION_PREFIX))


def _collection(key: bytes, kind: str, value: object) -> bytes:
    if isinstance(value, Mapping):
        pairs = [(bytes_of(name), each) for name, each in value.items()]
        if kind == "hash":
            return packed("HSET", key, *(w for n, each in pairs for w in (n, bytes_of(str(each)))))
        return packed("ZADD", key, *(word for n, each in pairs for word in (repr(each), n)))
    assert isinstance(value, list)  # noqa: S101 - as it was checked
    word = {"list": "RPUSH", "set": "SADD"}[kind]
    return packed(word, key, *map(bytes_of, value))


def _restoring(key: str, was: str | None) -> Iterator[bytes]:
    left = _left(was)
    if was is not None and left is not None:
        yield packed(
            "RESTORE", bytes_of(key), left, base64.b64decode(json.loads(was)[0]), "REPLACE"
        )
    else:
        yield packed("UNLINK", bytes_of(key))


def _unindexing(key: str, was: str | None) -> Iterator[bytes]:
    """Yield what takes a session that was not there out of KATO's index."""
    raw = bytes_of(key)
    if raw.startswith(SESSION_PREFIX) and _left(was) is None:
        yield packed("SREM", INDEX_KEY, raw.removeprefix(SESSION_PREFIX))


def _left(was: str | None) -> int | None:
    """Return for how long a key would live, 0 for ever; None where it would have ended by now."""
    if was is None:
        return None
    _, ttl, at = json.loads(was)
    left = ttl - max(0, _milliseconds() - at)
    return int(left) if ttl and left > 0 else None if ttl else 0


def _sound(link: Link, replies: Any) -> None:
    """Raise the first error among replies."""
    for reply in replies:
        if isinstance(reply, hiredis.ReplyError):
            raise link.error(reply)


def _node(record: object) -> object:
    """Return whose a record says that it is; None for one that is not to be read."""
    try:
        found = json.loads(record) if isinstance(record, bytes) else None
    except (ValueError, RecursionError):
        return None
    return found.get("node_id") if isinstance(found, dict) else None
