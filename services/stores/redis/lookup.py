"""Whether keys are there, of which type, and for how long: never what they hold."""

from __future__ import annotations

from collections.abc import Sequence

import hiredis

from services.find.models import KeySight
from services.stores.redis.link import Link, packed

_ABSENT = b"none"


def sights(link: Link, keys: Sequence[bytes]) -> tuple[KeySight, ...]:
    """Return those of the keys that are there, in one round trip that touches none of them."""
    link.send(b"".join(packed("TYPE", key) + packed("PTTL", key) for key in keys))
    replies = iter(link.replies(2 * len(keys)))
    found = zip(keys, replies, replies, strict=True)
    seen = (_sight(link, key, kind, ttl) for key, kind, ttl in found)
    return tuple(sight for sight in seen if sight is not None)


def _sight(link: Link, key: bytes, kind: object, ttl: object) -> KeySight | None:
    for reply in (kind, ttl):
        if isinstance(reply, hiredis.ReplyError):
            raise link.error(reply)
    if not isinstance(kind, bytes) or kind == _ABSENT:
        return None
    expires = ttl / 1000 if isinstance(ttl, int) and ttl >= 0 else None
    return KeySight(key, kind.decode("ascii", "replace"), expires)
