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
    link.send(packed("WATCH", key) + packed("GET", key) + packed("PTTL", key))
    _, value, ttl = sound(link, 3)
    if value is None or node_of(value) != node:
        link.ask("UNWATCH")
        return False
    old = session_id(key)
    own = bytes_of(session_id_for(text_of(old), new))
    written = rewritten(text_of(value), text_of(old), text_of(own), {node: new})
    ends = ("PX", max(ttl, 1)) if ttl >= 0 else ()
    index = [packed("SADD", INDEX_KEY, own), packed("SREM", INDEX_KEY, old)] if indexed else []
    done = link.transaction([
        packed("SET", SESSION_PREFIX + own, bytes_of(written), *ends),
        packed("UNLINK", key),
        *index,
    ])  # fmt: skip
    return done is not None


def rewritten(value: str, old: str, own: str, nodes: Mapping[str, str]) -> str:
    """Return a record under another session id and node_id, and every other byte as it is."""

    def renamed(found: re.Match[str]) -> str:
        return found[1] + json.dumps(own) if json.loads(found[2]) == old else found[0]

    return _ID_IN_JSON.sub(renamed, Renaming(nodes=nodes).session(value))
