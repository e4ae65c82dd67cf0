"""Session records in Redis: fetched without touching them, and read out of their JSON.

KATO keeps `kato:session:{id}` and an index of ids that outlives them; the isolation guide has
`tenant:{tenant}:session:{id}`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import hiredis

from services.stores.redis import server
from services.stores.redis.link import Link, packed
from services.stores.redis.scan import members_of
from services.tenancy.layout import (
    INDEX_KEY,
    NOBODY,
    SESSION_PREFIX,
    Owner,
    OwnerKind,
    read_key,
    text_of,
)
from services.usage.readings import SessionRecord

_CHUNK = 100
_VANISHED = -2


def read_sessions(link: Link, keys: Sequence[bytes], service: str) -> Iterator[SessionRecord]:
    """Yield the records that are still there, a chunk of them under way at a time.

    A record that does not parse comes too, with its problem. Its memory is None where Redis
    would not tell it.
    """
    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        link.send(b"".join(map(look_at, chunk)))
        replies = iter(link.replies(3 * len(chunk)))
        for key, value, ttl, size in zip(chunk, replies, replies, replies, strict=True):
            if server.is_withheld(ttl):
                raise link.error(ttl)  # None would say that it never expires
            if value is not None and ttl != _VANISHED and size is not None:
                yield record_of(key, value, service, ttl=ttl, size=size)


def look_at(key: bytes) -> bytes:
    """Return the three commands that read one record and touch nothing."""
    return packed("GET", key) + packed("PTTL", key) + packed("MEMORY", "USAGE", key)


def record_of(key: bytes, value: Any, service: str, *, ttl: Any, size: Any) -> SessionRecord:
    """Return what the replies to GET, PTTL and MEMORY USAGE say of one record."""
    session_id, named = _named(key, service)
    found = content_of(value)
    content = {} if isinstance(found, Problem) else found
    owner, problem = (named, found) if isinstance(found, Problem) else _owner(content, named)
    stm = None if problem else content.get("stm")
    return SessionRecord(
        key=text_of(key),
        session_id=session_id,
        owner=owner,
        created_at=None if problem else _moment(content.get("created_at")),
        last_accessed=None if problem else _moment(content.get("last_accessed")),
        expires_in=ttl / 1000 if isinstance(ttl, int) and ttl >= 0 else None,
        stm_length=len(stm) if isinstance(stm, list) else None,
        bytes=size if isinstance(size, int) else None,
        readable=problem is None,
        problem=problem.text if problem else "",
    )


def _named(key: bytes, service: str) -> tuple[str, Owner]:
    """What the name of a record says: its id, and in the guide's layout the tenant."""
    owner = read_key(key, service).owner
    prefix = SESSION_PREFIX
    if owner != NOBODY:
        prefix = b":".join([*key.split(b":", 2)[:2], b"session:"])
    return text_of(key.removeprefix(prefix)), owner


def _owner(content: Mapping[str, Any], named: Owner) -> tuple[Owner, Problem | None]:
    """Whose a record is: KATO's names its node_id, or else says why it does not."""
    node_id = content.get("node_id")
    if named != NOBODY:
        return named, None
    if isinstance(node_id, str):
        return Owner(OwnerKind.NODE, node_id), None
    named_so = "its node_id is not text" if "node_id" in content else "it has no node_id"
    return named, Problem(named_so)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a record cannot be read."""

    text: str


def content_of(value: Any) -> dict[str, Any] | Problem:
    """Return the object that a record holds, or why there is none."""
    if isinstance(value, hiredis.ReplyError):
        wrong = str(value).startswith("WRONGTYPE")
        return Problem("it is not a string in Redis" if wrong else "Redis would not show it")
    try:
        content = json.loads(value.decode())
    except UnicodeDecodeError:
        return Problem("it is not text in UTF-8")
    except (ValueError, RecursionError):
        return Problem("it is not JSON")
    return content if isinstance(content, dict) else Problem("its JSON is not an object")


def _moment(value: object) -> datetime | None:
    """Read a time; one without a zone is in UTC, as KATO's are."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class Index:
    """KATO's active index: its members, those without a record, and records not among them.

    All are None where Redis does not let us look.
    """

    members: int | None = None
    stale: int | None = None
    unindexed: int | None = None


def read_index(link: Link, live: Collection[bytes], *, count: int) -> Index:
    """Read how KATO's active index and the records differ.

    `live` are the keys of KATO's records that were just read; a record that is younger than the
    pass is looked for. An index that is not a set holds no ids.
    """
    tries = ("TYPE", INDEX_KEY), ("SSCAN", INDEX_KEY, 0, "COUNT", 1), ("EXISTS", SESSION_PREFIX)
    kind, some, there = server.asked(link, *tries, wrong_type=True)
    if kind is not None and kind != b"set":
        return Index(0, 0, len(live))
    if None in (kind, some, there):
        return Index()
    members = stale = asked = 0
    indexed = set[bytes]()
    for ids in members_of(link, "SSCAN", INDEX_KEY, count=count):
        found = link.reply() if asked else 0
        keys = [SESSION_PREFIX + one for one in ids]
        missing = [key for key in keys if key not in live]
        indexed.update(keys)
        if missing:
            link.send(packed("EXISTS", *missing))
        members, stale, asked = members + len(ids), stale - found + len(missing), len(missing)
    stale -= link.reply() if asked else 0
    return Index(members, stale, sum(key not in indexed for key in live))
