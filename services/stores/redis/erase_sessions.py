"""Sessions in Redis that are to end: which records are whose, and how they are erased.

A record is looked at again in the transaction that erases it: one that changed hands stays.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import hiredis

from services.purge.models import Surface
from services.purge.ports import WantsNode
from services.stores.redis.link import Link, packed
from services.stores.redis.sessions import Problem, content_of
from services.stores.redis.targets import Aside, Lots, Mentions, Which
from services.tenancy.layout import INDEX_KEY, SESSION_PREFIX, bytes_of

CHUNK = 200
_WATCHED = 50
_TRIES = 5

T = TypeVar("T")


@dataclass(slots=True)
class Ending:
    """What was found of sessions: records by key with their node_ids, and what goes with them.

    `members` are ids in KATO's index, `naming` the keys of unknown kind that name something of
    the surface, `unreadable` the records that cannot be read: `suspect` those of them that hold
    one of its node_ids, `strange` how many others.
    """

    records: dict[bytes, str] = field(default_factory=dict)
    members: dict[bytes, str] = field(default_factory=dict)
    caches: defaultdict[Which, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    naming: list[bytes] = field(default_factory=list)
    suspect: list[bytes] = field(default_factory=list)
    strange: int = 0


def read_ending(link: Link, aside: Aside, surface: Surface, wants: WantsNode) -> Ending:
    """Read the records and work out whose they are, and which keys speak of them."""
    ending = Ending()
    nodes = _written(surface.nodes)
    for key, value in values_of(link, aside.records):
        _judge(ending, key, value, wants=wants, nodes=nodes)
    ids = ids_of(ending, surface)
    ending.members = {one: ids[one] for one in _members(link, aside, list(ids))}
    _find_caches(ending, aside, surface, ids)
    return ending


def read_records(link: Link, keys: Sequence[bytes], wants: WantsNode) -> dict[bytes, str]:
    """Return the records that are there and of a wanted node_id, with it."""
    nodes = ((key, node_of(value)) for key, value in values_of(link, keys))
    return {key: node for key, node in nodes if node is not None and wants(node)}


def session_id(key: bytes) -> bytes:
    """Return the id of the session whose record has this key."""
    return key.removeprefix(SESSION_PREFIX)


def ids_of(ending: Ending, surface: Surface) -> dict[bytes, str]:
    """Return the ids of sessions that were found, and those that are known, with node_ids."""
    known = {bytes_of(one): node for one, node in surface.sessions}
    return known | {session_id(key): node for key, node in ending.records.items()}


def _written(nodes: Iterable[str]) -> tuple[bytes, ...]:
    """Return node_ids in every way in which a record may have them."""
    plain = {bytes_of(node) for node in nodes if node}
    return (*plain, *{json.dumps(node)[1:-1].encode() for node in nodes if node})


def values_of(link: Link, keys: Sequence[bytes]) -> Iterator[tuple[bytes, Any]]:
    """Yield the keys that are there with their values, error replies among them."""
    for chunk in chunks(keys, CHUNK):
        link.send(b"".join(packed("GET", key) for key in chunk))
        for key, value in zip(chunk, link.replies(len(chunk)), strict=True):
            if value is not None:
                yield key, value


def _judge(
    ending: Ending, key: bytes, value: Any, *, wants: WantsNode, nodes: Sequence[bytes]
) -> None:
    node = node_of(value)
    if node is not None:
        if wants(node):
            ending.records[key] = node
        return
    text = key + b"\n" + (value if isinstance(value, bytes) else b"")
    if any(each in text for each in nodes):
        ending.suspect.append(key)
    else:
        ending.strange += 1


def node_of(value: Any) -> str | None:
    """Return the node_id that a record names, or None where it cannot be read."""
    found = content_of(value)
    node = None if isinstance(found, Problem) else found.get("node_id")
    return node if isinstance(node, str) else None


def _members(link: Link, aside: Aside, ids: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the ids that KATO's index has; an index that is not a set has none."""
    if not (aside.index and ids and has_index(link)):
        return
    for chunk in chunks(ids, CHUNK):
        link.send(b"".join(packed("SISMEMBER", INDEX_KEY, one) for one in chunk))
        for one, there in zip(chunk, sound(link, len(chunk)), strict=True):
            if there:
                yield one


def has_index(link: Link) -> bool:
    """Whether KATO's index is there, and a set."""
    return bool(link.ask("TYPE", INDEX_KEY) == b"set")


def _find_caches(ending: Ending, aside: Aside, surface: Surface, ids: Mapping[bytes, str]) -> None:
    kb_ids = {bytes_of(kb_id): kb_id for kb_id in surface.kb_ids}
    owners = {**kb_ids, **ids}
    cached = Mentions(owners)
    for key in aside.caches:
        name = cached.in_key(key)
        if name is not None:
            ending.caches[owners[name], "cache"].append(key)
    anything = Mentions([*owners, *map(bytes_of, surface.nodes)])
    ending.naming += [key for key in aside.unknown if anything.in_key(key) is not None]


def erase_records(link: Link, keys: Sequence[bytes], wants: WantsNode) -> Counter[str]:
    """Erase KATO's records that are still of a wanted node_id at that moment.

    Returns how many were erased of each node_id. Records that are written all the time are tried
    one by one, so that none keeps others from their end.
    """
    erased: Counter[str] = Counter()
    for chunk in link.at_once(keys, _WATCHED):
        if not _tried(link, chunk, wants, erased):
            for key in chunk:
                _tried(link, [key], wants, erased)
    return erased


def _tried(link: Link, keys: Sequence[bytes], wants: WantsNode, erased: Counter[str]) -> bool:
    """Erase records together, trying again; False where one was written every time."""
    for _ in range(_TRIES):
        gone = _erased(link, keys, wants)
        if gone is not None:
            erased.update(gone)
            return True
    return False


def _erased(link: Link, keys: Sequence[bytes], wants: WantsNode) -> list[str] | None:
    """Return the node_ids of those erased, None when one was written meanwhile and none was."""
    link.send(packed("WATCH", *keys) + b"".join(packed("GET", key) for key in keys))
    _, *values = sound(link, 1) + link.replies(len(keys))
    nodes = [None if value is None else node_of(value) for value in values]
    due = {k: n for k, n in zip(keys, nodes, strict=True) if n is not None and wants(n)}
    if not due:
        link.ask("UNWATCH")
        return []
    done = link.transaction([packed("UNLINK", *due)])
    return None if done is None else list(due.values())


def take_out_of_index(link: Link, ids: Mapping[bytes, str]) -> Counter[str]:
    """Take exactly these ids out of KATO's index; how many were there, by their node_id."""
    gone: Counter[str] = Counter()
    for chunk in chunks(list(ids), CHUNK):
        link.send(b"".join(packed("SREM", INDEX_KEY, one) for one in chunk))
        for one, number in zip(chunk, sound(link, len(chunk)), strict=True):
            gone[ids[one]] += number
    return gone


def unlink(link: Link, lots: Lots, *, report: Callable[[int], None]) -> None:
    """Erase keys; Redis frees their memory in the background. `report` gets how many were there."""
    for chunk in chunks(keys_of(lots), CHUNK):
        report(link.ask("UNLINK", *chunk))


def keys_of(lots: Lots) -> list[bytes]:
    """Return the keys of all owners and kinds."""
    return [key for keys in lots.values() for key in keys]


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into pieces."""
    return (items[at : at + size] for at in range(0, len(items), size))


def sound(link: Link, number: int) -> list[Any]:
    """Return the next replies, once all of them are there. Raises the first error among them."""
    replies = link.replies(number)
    for reply in replies:
        if isinstance(reply, hiredis.ReplyError):
            raise link.error(reply)
    return replies
