"""Streams and caches, which belong to nobody alone: what of them is beyond a bound, and its end.

An entry's id begins with the server's milliseconds when it came, so that time trims it exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import hiredis

from services.retention.models import Bounds, before
from services.retention.ports import Shared
from services.stores.redis.erase_sessions import chunks, sound
from services.stores.redis.link import Link, Word, packed
from services.stores.redis.server import is_withheld
from services.tenancy.layout import text_of

_NOWHERE = "kato-tenants:no such key"
_DEEDS: tuple[tuple[Word, ...], ...] = (
    ("OBJECT", "IDLETIME", _NOWHERE), ("UNLINK", _NOWHERE), ("PTTL", _NOWHERE),
    ("PEXPIRE", _NOWHERE, 1000, "LT"), ("XLEN", _NOWHERE), ("XRANGE", _NOWHERE, "-", "+"),
    ("XTRIM", _NOWHERE, "MAXLEN", "=", 0), ("SREM", _NOWHERE, "x"), ("GET", _NOWHERE),
)  # fmt: skip
_PAGE = 1000
_MOST_PAGES = 100
_NEVER = -1
_WRONG_TYPE = "WRONGTYPE"


def look_at_streams(
    link: Link, keys: Sequence[bytes], bounds: Bounds, *, at: datetime
) -> tuple[Shared, ...]:
    """Count the entries of each stream, and those beyond a bound."""
    found = []
    for key in sorted(keys):
        length = _length(link, key)
        if length is not None:
            old, at_least = _old(link, key, bounds, at)
            long = 0 if bounds.length is None else max(0, length - bounds.length)
            found.append(
                Shared(text_of(key), length, max(old, long), at_least and long <= old)
            )  # fmt: skip
    return tuple(found)


def _length(link: Link, key: bytes) -> int | None:
    """Return how many entries a stream has; None for a key of this name that is none."""
    link.send(packed("XLEN", key))
    (told,) = link.replies(1)
    if isinstance(told, hiredis.ReplyError):
        if str(told).startswith(_WRONG_TYPE):
            return None
        raise link.error(told)
    return int(told)


def _old(link: Link, key: bytes, bounds: Bounds, at: datetime) -> tuple[int, bool]:
    """Count the entries that came before, a page at a time; whether there may be more."""
    if bounds.age is None:
        return 0, False
    first, last, count = b"-", b"(" + _first_kept(bounds.age, at), 0
    for _ in range(_MOST_PAGES):
        page = link.ask("XRANGE", key, first, last, "COUNT", _PAGE)
        count += len(page)
        if len(page) < _PAGE:
            return count, False
        first = b"(" + page[-1][0]
    return count, True


def _first_kept(seconds: int, at: datetime) -> bytes:
    """Return the least id of an entry that is not too old."""
    return b"%d-0" % int(before(at, seconds).timestamp() * 1000)


def trim(link: Link, key: bytes, bounds: Bounds, *, at: datetime) -> int:
    """Trim one stream exactly; return how many entries went."""
    if _length(link, key) is None:
        return 0
    gone = 0
    if bounds.age is not None:
        gone += link.ask("XTRIM", key, "MINID", "=", _first_kept(bounds.age, at))
    if bounds.length is not None:
        gone += link.ask("XTRIM", key, "MAXLEN", "=", bounds.length)
    return gone


def look_at_caches(link: Link, keys: Sequence[bytes], bounds: Bounds) -> Shared:
    """Count caches, and those that live longer than they may."""
    most = (bounds.ttl or 0) * 1000
    longer = 0
    for some in chunks(keys, _PAGE):
        link.send(b"".join(packed("PTTL", key) for key in some))
        for told in sound(link, len(some)):
            longer += told == _NEVER or told > most
    return Shared("caches", len(keys), longer)


def expire(link: Link, keys: Sequence[bytes], seconds: int) -> int:
    """Give keys a TTL that have none, or a longer one; return how many these were.

    LT takes a key without one for one that lives for ever. It takes Redis 7.
    """
    link.send(b"".join(packed("PEXPIRE", key, seconds * 1000, "LT") for key in keys))
    return sum(sound(link, len(keys)))


def lacking(link: Link) -> tuple[str, ...]:
    """Say which commands this user may not use, each tried on a key that is not there."""
    tried = {str(words[0]): packed(*words) for words in _DEEDS}
    found: dict[str, None] = {}
    for each in link.primaries:
        each.send(b"".join(tried.values()))
        told = zip(tried, each.replies(len(tried)), strict=True)
        found |= dict.fromkeys(name for name, reply in told if is_withheld(reply))
    return tuple(f"its user may not use {name}" for name in found)
