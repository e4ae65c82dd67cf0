"""Moving sessions to another node_id: each ends as it is at that moment, under an id of its own.

The copy is written and the record erased in one transaction over the record that is watched, so
that nothing that KATO wrote before is lost, and nothing is there twice. A call of KATO's that is
under way may write the record anew; then it is moved again, over the copy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from services.apart.models import session_id_for
from services.restore.renaming import Renaming
from services.stores.redis.erase_sessions import chunks, node_of, session_id, sound
from services.stores.redis.link import Link, packed
from services.tenancy.layout import INDEX_KEY, SESSION_PREFIX, bytes_of, text_of

_TRIES = 5
_ROUND = 200
_ID_IN_JSON = re.compile(r'("session_id"\s*:\s*)("(?:[^"\\]|\\.)*")')


def moved(link: Link, records: Mapping[bytes, str], moves: Mapping[str, str]) -> dict[str, str]:
    """Move these records; return the id of each with the node_id that it had.

    One that is written all the time stays, for the next look.
    """
    found: dict[str, str] = {}
    indexed = link.ask("TYPE", INDEX_KEY) in (b"set", b"none")  # any other has no ids
    for some in chunks(list(records), _ROUND):
        link.prolong()
        for key in some:
            new = moves[records[key]]
            if any(_moved(link, key, records[key], new, indexed) for _ in range(_TRIES)):
                found[text_of(session_id(key))] = records[key]
    return found


def _moved(link: Link, key: bytes, node: str, new: str, indexed: bool) -> bool:
    """Move one; False where it is gone, another's now, or was written meanwhile."""
    if link.is_cluster:
        return _moved_apart(link, key, node, new, indexed)
    link.send(packed("WATCH", key) + packed("GET", key) + packed("PTTL", key))
    _, value, ttl = sound(link, 3)
    if value is None or node_of(value) != node:
        link.ask("UNWATCH")
        return False
    own = _own_id(key, new)
    index = _indexing(key, own) if indexed else ()
    copy = _copying(key, own, value, ttl, {node: new})
    return link.transaction([copy, packed("UNLINK", key), *index]) is not None


def _moved_apart(link: Link, key: bytes, node: str, new: str, indexed: bool) -> bool:
    """Move one to another node of a cluster, which no transaction spans.

    It is copied, and erased where it still is as it was copied; else the copy is made anew, or goes
    too where the session ended meanwhile.
    """
    own = _own_id(key, new)
    link.send(packed("GET", key) + packed("PTTL", key))
    value, ttl = sound(link, 2)
    if value is None or node_of(value) != node:
        return False
    link.send(_copying(key, own, value, ttl, {node: new}))
    sound(link, 1)
    link.send(packed("WATCH", key) + packed("GET", key))
    _, now = sound(link, 2)
    if now != value:
        link.ask("UNWATCH")
        if now is None or node_of(now) != node:
            link.ask("UNLINK", SESSION_PREFIX + own)
        return False
    if link.transaction([packed("UNLINK", key)]) is None:
        return False
    if indexed:
        link.send(b"".join(_indexing(key, own)))
        sound(link, 2)
    return True


def _own_id(key: bytes, new: str) -> bytes:
    return bytes_of(session_id_for(text_of(session_id(key)), new))


def _copying(key: bytes, own: bytes, value: bytes, ttl: int, nodes: Mapping[str, str]) -> bytes:
    old = text_of(session_id(key))
    written = rewritten(text_of(value), old, text_of(own), nodes)
    ends = ("PX", max(ttl, 1)) if ttl >= 0 else ()
    return packed("SET", SESSION_PREFIX + own, bytes_of(written), *ends)


def _indexing(key: bytes, own: bytes) -> tuple[bytes, bytes]:
    return packed("SADD", INDEX_KEY, own), packed("SREM", INDEX_KEY, session_id(key))


def rewritten(value: str, old: str, own: str, nodes: Mapping[str, str]) -> str:
    """Return a record under another session id and node_id, and every other byte as it is."""

    def renamed(found: re.Match[str]) -> str:
        return found[1] + json.dumps(own) if json.loads(found[2]) == old else found[0]

    return _ID_IN_JSON.sub(renamed, Renaming(nodes=nodes).session(value))
