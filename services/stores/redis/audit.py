"""Redis: what the isolation audit asks of it besides the usage. Reads only.

The streams are found by a SCAN of the whole keyspace, of which the server sends nothing but their
names: it takes a tenth of the time that the usage of the same keys takes. KATO names them by a
kb_id, but one that nothing else may know any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import hiredis

from services.isolation.facts import KeyFacts
from services.stores.open_doors import Door, no_door, tried
from services.stores.redis.erase_sessions import chunks
from services.stores.redis.link import Client, Link, conversation, packed
from services.stores.redis.scan import keyspace
from services.stores.redis.server import number, opening
from services.tenancy.layout import text_of

_ASKING = "asking how it is set up"
_COUNT = 2_500
"""Keys that the server looks at in one go, in about 2 ms: nobody else is answered meanwhile."""

_BATCH = 500
_SAVE = b"save"


class KeyAudit:
    """Asks one Redis how it keeps what it has.

    All of it may take `pass_seconds`, and each answer the client's `socket_timeout`. Raises
    StoreUnavailable, StoreDenied, StoreMisconfigured or StoreRejected.
    """

    def __init__(self, client: Client, *, pass_seconds: float, door: Door = no_door) -> None:
        self._client = client
        self._pass_seconds = pass_seconds
        self._door = door

    def facts(self) -> KeyFacts:
        """Ask for every stream with its length, and for the limits and the persistence."""
        seconds = self._pass_seconds
        with conversation(self._client, operation=_ASKING, seconds=seconds) as link:
            told = opening(link, 0)
            parts = [each.facts for each in told.parts or (told,)]
            streams = _streams(link)
            saves = [_saves(*each) for each in zip(link.primaries, parts, strict=False)]
        limit, policy = _limits(parts)
        return KeyFacts(
            streams=streams,
            max_memory=limit,
            eviction=policy,
            saves=None if None in saves else all(saves),
            open=tried(self._door),
        )


def _limits(parts: Sequence[Mapping[str, str]]) -> tuple[int | None, str | None]:
    """Return memory limit and policy: of a cluster those of the node that evicts most freely."""
    found = [(number(each.get("maxmemory", "")), each.get("maxmemory_policy")) for each in parts]
    return max(found, key=lambda pair: (bool(pair[0]) and (pair[1] or "").startswith("allkeys-"),
                                        pair[0] is None, pair[0] or 0))  # fmt: skip


def _streams(link: Link) -> dict[str, int]:
    """Return the length of every `stm:*` stream; one that goes meanwhile has none."""
    found: dict[str, int] = {}
    for keys in chunks(_names(link), _BATCH):
        link.send(b"".join(packed("XLEN", key) for key in keys))
        for key, length in zip(keys, link.replies(len(keys)), strict=True):
            if isinstance(length, int):
                found[text_of(key)] = length
            elif not str(length).startswith("WRONGTYPE"):
                raise link.error(length)
    return found


def _names(link: Link) -> Sequence[bytes]:
    """Go through the keyspace for keys named as KATO names its streams, whatever their type."""
    found = (key for keys in keyspace(link, count=_COUNT, begins=b"stm:") for key in keys)
    return sorted(set(found))


def _saves(link: Link, told: Mapping[str, str]) -> bool | None:
    """Whether anything is written to disk; None where the server does not let its plan be read."""
    appends = told.get("aof_enabled")
    if appends == "1":
        return True
    link.send(packed("CONFIG", "GET", _SAVE))
    (reply,) = link.replies(1)
    if isinstance(reply, hiredis.ReplyError):
        return None
    if not isinstance(reply, dict):  # as it comes in version 3 of the protocol
        reply = dict(zip(reply[::2], reply[1::2], strict=True))
    plan = reply.get(_SAVE)
    saves = None if plan is None else bool(plan.strip())
    return saves if saves or appends is not None else None
