"""What a server of Redis is asked before keys are written to it. Nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence

import hiredis

from services.stores.redis.erase_sessions import sound
from services.stores.redis.link import Link, packed


def lets_fields_end(link: Link, name: bytes) -> bool:
    """Ask with a look at a key: servers before Redis 7.4 and Valkey 9 do not know it."""
    link.send(packed("HPTTL", name, "FIELDS", 1, b""))
    (reply,) = link.replies(1)
    return not (isinstance(reply, hiredis.ReplyError) and "unknown command" in str(reply))


def there(link: Link, names: Sequence[bytes]) -> set[bytes]:
    """Return which of these names have a key, asked of all at once first."""
    return _among(link, names) if names and link.ask("EXISTS", *names) else set()


def _among(link: Link, names: Sequence[bytes]) -> set[bytes]:
    """Return which of these names have a key."""
    link.send(b"".join(packed("EXISTS", name) for name in names))
    found = sound(link, len(names))
    return {name for name, there in zip(names, found, strict=True) if there}


def watched(link: Link, names: Sequence[bytes]) -> set[bytes]:
    """Watch keys, and return which of them are there then."""
    link.send(packed("WATCH", *names) + packed("EXISTS", *names))
    return _among(link, names) if sound(link, 2)[1] else set()
