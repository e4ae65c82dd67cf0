"""The only two writes of this product to KATO's Redis that concern sessions.

Both look again at the moment of writing, in one transaction with the write: WATCH, a look, MULTI,
the change, EXEC. What KATO wrote in between makes EXEC do nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from services.sessions.models import IndexCleaning
from services.stores.redis.link import Client, Link, conversation, packed
from services.stores.redis.scan import members_of
from services.tenancy.layout import INDEX_KEY, SESSION_PREFIX, bytes_of

_CHUNK = 200
_TRIES = 5


class SessionWrites:
    """Writes to KATO's records of sessions. A whole call may take `seconds`.

    An id has to be without a record twice, `grace_seconds` apart, before it counts as stale:
    a session may be in the index a moment before its record is.

    Every method raises StoreUnavailable, StoreDenied, StoreMisconfigured or StoreRejected.
    """

    def __init__(
        self, client: Client, *, scan_count: int, seconds: float, grace_seconds: float = 1.0
    ) -> None:
        self._client = client
        self._grace_seconds = grace_seconds
        self._scan_count = scan_count
        self._seconds = seconds

    def clean_index(self) -> IndexCleaning:
        """Take out of KATO's active index exactly the ids whose session record is gone.

        An id whose record comes between the looks and the removal stays. An index that is not a
        set is left alone.
        """
        with conversation(
            self._client, operation="cleaning up the session index", seconds=self._seconds
        ) as link:
            if link.ask("TYPE", INDEX_KEY) != b"set":
                return IndexCleaning(0, 0)
            replies = members_of(link, "SSCAN", INDEX_KEY, count=self._scan_count)
            members = list(dict.fromkeys(one for reply in replies for one in reply))
            gone = [member for chunk in _chunks(members) for member in _gone(link, chunk)]
            if gone:
                time.sleep(self._grace_seconds)
            return IndexCleaning(len(members), sum(_cleaned(link, gone)))

    def swap(self, key: str, old: str, new: str) -> bool:
        """Put one text in the place of another in a record, and leave its TTL as it is.

        False when the record is gone, holds the text no longer, or was written meanwhile each
        time; everything else in it stays byte for byte.
        """
        raw = bytes_of(key)
        with conversation(
            self._client, operation="rewriting a session's metadata", seconds=self._seconds
        ) as link:
            return any(_swapped(link, raw, old.encode(), new.encode()) for _ in range(_TRIES))


def _chunks(members: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    return (members[at : at + _CHUNK] for at in range(0, len(members), _CHUNK))


def _gone(link: Link, members: Sequence[bytes]) -> list[bytes]:
    """Return the members that have no record now."""
    link.send(b"".join(packed("EXISTS", SESSION_PREFIX + member) for member in members))
    found = _sound(link, len(members))
    return [member for member, there in zip(members, found, strict=True) if not there]


def _cleaned(link: Link, members: Sequence[bytes]) -> Iterator[int]:
    for chunk in _chunks(members):
        for _ in range(_TRIES):
            removed = _remove_gone(link, chunk)
            if removed is not None:
                yield removed
                break


def _remove_gone(link: Link, members: Sequence[bytes]) -> int | None:
    """Remove the members without a record; None when a record came or went meanwhile."""
    if link.is_cluster:
        return _removed_apart(link, members)
    link.ask("WATCH", *(SESSION_PREFIX + member for member in members))
    gone = _gone(link, members)
    if not gone:
        link.ask("UNWATCH")
        return 0
    done = _transaction(link, packed("SREM", INDEX_KEY, *gone))
    return None if done is None else int(done)


def _removed_apart(link: Link, members: Sequence[bytes]) -> int:
    """Remove them where index and records are on several nodes, which no transaction spans.

    A member whose record came meanwhile is put back.
    """
    gone = _gone(link, members)
    if not gone:
        return 0
    removed = int(link.ask("SREM", INDEX_KEY, *gone))
    still_gone = set(_gone(link, gone))
    back = [member for member in gone if member not in still_gone]
    return removed - int(link.ask("SADD", INDEX_KEY, *back)) if back else removed


def _swapped(link: Link, key: bytes, old: bytes, new: bytes) -> bool:
    link.send(packed("WATCH", key) + packed("GET", key))
    value = _sound(link, 2)[1]
    if value is None or old not in value:
        link.ask("UNWATCH")
        return False
    changed = value.replace(old, new)
    return _transaction(link, packed("SET", key, changed, "XX", "KEEPTTL")) is not None


def _transaction(link: Link, command: bytes) -> Any:
    """Send one command between MULTI and EXEC; its reply, None when EXEC did nothing."""
    done = link.transaction([command])
    return None if done is None else done[0]


def _sound(link: Link, number: int) -> list[Any]:
    """Return the next replies. Raises the first error among them."""
    return [link.reply() for _ in range(number)]
