"""Sessions in Redis that are to end: which records are whose, and how they are erased.

A record is looked at again in the transaction that erases it: one that changed hands stays.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import hiredis

from services.names import INDEX_KEY, SESSION_PREFIX, bytes_of, text_of
from services.purging.models import Surface
from services.purging.sources import WantsNode
from services.stores.key_sorting import Aside, Mentions, OwnKey
from services.stores.keylink import Link, packed
from services.stores.keysessions import Problem, content_of

CHUNK = 200
_WATCHED = 50
_TRIES = 5

T = TypeVar("T")


@dataclass(slots=True)
class Ending:
    """What was found of sessions: records by key, and what goes with them."""

    records: dict[bytes, str] = field(default_factory=dict)
    sizes: dict[bytes, int | None] = field(default_factory=dict)
    members: dict[bytes, str] = field(default_factory=dict)
    caches: list[OwnKey] = field(default_factory=list)
    blockers: list[str] = field(default_factory=list)
    unreadable: int = 0


def read_ending(link: Link, aside: Aside, surface: Surface, wants: WantsNode) -> Ending:
    """Read the records and work out whose they are, and which keys speak of them."""
    ending = Ending()
    nodes = _written(surface.nodes)
    for key, value, size in _values(link, aside.records):
        _judge(ending, key, value, size, wants=wants, nodes=nodes)
    known = {bytes_of(session_id): node for session_id, node in surface.sessions}
    ids = {**known, **{_id(key): node for key, node in ending.records.items()}}
    ending.members = {one: ids[one] for one in _members(link, aside, list(ids))}
    _find_caches(ending, aside, surface, ids)
    return ending


def _id(key: bytes) -> bytes:
    return key.removeprefix(SESSION_PREFIX)


def session_ids(ending: Ending) -> dict[bytes, str]:
    """Return the ids of KATO's sessions that were found, with their node_ids."""
    return {_id(key): node for key, node in ending.records.items()}


def _written(nodes: Iterable[str]) -> tuple[bytes, ...]:
    """Return node_ids in every way in which a record may have them."""
    plain = {bytes_of(node) for node in nodes if node}
    return (*plain, *{json.dumps(node)[1:-1].encode() for node in nodes if node})


def _values(link: Link, keys: Sequence[bytes]) -> Iterator[tuple[bytes, Any, int | None]]:
    """Yield the records that are there with their memory."""
    for chunk in chunks(keys, CHUNK):
        link.send(b"".join(packed("GET", key) + packed("MEMORY", "USAGE", key) for key in chunk))
        replies = iter(link.replies(2 * len(chunk)))
        for key, value, size in zip(chunk, replies, replies, strict=True):
            if value is not None:
                yield key, value, size if isinstance(size, int) else None


def _judge(
    ending: Ending, key: bytes, value: Any, size: int | None, *, wants: WantsNode,
    nodes: Sequence[bytes],
) -> None:  # fmt: skip
    node = node_of(value)
    if node is not None:
        if wants(node):
            ending.records[key] = node
            ending.sizes[key] = size
        return
    text = key + b"\n" + (value if isinstance(value, bytes) else b"")
    if any(each in text for each in nodes):
        ending.blockers.append(f"a session record that cannot be read: {text_of(key)}")
    else:
        ending.unreadable += 1


def node_of(value: Any) -> str | None:
    """Return the node_id that a record names, or None where it cannot be read."""
    found = content_of(value)
    node = None if isinstance(found, Problem) else found.get("node_id")
    return node if isinstance(node, str) else None


def _members(link: Link, aside: Aside, ids: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the ids that KATO's index has; an index that is not a set has none."""
    if not (aside.index and ids) or link.ask("TYPE", INDEX_KEY) != b"set":
        return
    for chunk in chunks(ids, CHUNK):
        link.send(b"".join(packed("SISMEMBER", INDEX_KEY, one) for one in chunk))
        for one, there in zip(chunk, sound(link, len(chunk)), strict=True):
            if there:
                yield one


def _find_caches(ending: Ending, aside: Aside, surface: Surface, ids: Mapping[bytes, str]) -> None:
    kb_ids = {bytes_of(kb_id): kb_id for kb_id in surface.kb_ids}
    owners = {**kb_ids, **ids}
    cached = Mentions(owners)
    for key in aside.caches:
        name = cached.in_key(key)
        if name is not None:
            ending.caches.append(OwnKey(key, owners[name], "cache"))
    anything = Mentions([*owners, *map(bytes_of, surface.nodes)])
    ending.blockers += [
        f"a key of unknown kind: {text_of(key)}"
        for key in aside.unknown
        if anything.in_key(key) is not None
    ]


def erase_records(link: Link, keys: Sequence[bytes], wants: WantsNode) -> None:
    """Erase KATO's records that are still of a wanted node_id at that moment."""
    for chunk in chunks(keys, _WATCHED):
        any(_erased(link, chunk, wants) for _ in range(_TRIES))


def _erased(link: Link, keys: Sequence[bytes], wants: WantsNode) -> bool:
    """False when one of them was written meanwhile, and nothing was erased."""
    link.send(packed("WATCH", *keys) + b"".join(packed("GET", key) for key in keys))
    _, *values = link.replies(1 + len(keys))
    nodes = [None if value is None else node_of(value) for value in values]
    due = [k for k, node in zip(keys, nodes, strict=True) if node is not None and wants(node)]
    if not due:
        link.ask("UNWATCH")
        return True
    link.send(packed("MULTI") + packed("UNLINK", *due) + packed("EXEC"))
    done = sound(link, 3)[2]
    if done and isinstance(done[0], hiredis.ReplyError):
        raise link.error(done[0])
    return done is not None


def take_out_of_index(link: Link, ids: Sequence[bytes]) -> None:
    """Take exactly these ids out of KATO's index."""
    for chunk in chunks(ids, CHUNK):
        link.ask("SREM", INDEX_KEY, *chunk)


def unlink(link: Link, keys: Sequence[bytes], *, report: Callable[[int], None]) -> None:
    """Erase keys; Redis frees their memory in the background."""
    for chunk in chunks(keys, CHUNK):
        link.ask("UNLINK", *chunk)
        report(len(chunk))


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into pieces."""
    return (items[at : at + size] for at in range(0, len(items), size))


def sound(link: Link, number: int) -> list[Any]:
    """Return the next replies. Raises the first error among them."""
    return [link.reply() for _ in range(number)]
