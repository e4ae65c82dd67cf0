"""What a Redis is, and what its user may do there, told before anything is changed.

A right is tried by the deed, on a key that is not there: whatever a user of few rights is allowed
to ask about himself, and whatever state the server is in, this tells. Nothing comes of it.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import hiredis

from services.stores.redis.errors import refusal
from services.stores.redis.link import Link, Word, packed
from services.stores.redis.looking import PASS
from services.stores.redis.server import Standing
from services.tenancy.kb_ids import service_suffix
from services.tenancy.layout import INDEX_KEY

_KEYS, _RECORDS, _CACHES, _INDEX = "keys of kb_ids", "session records", "caches", "KATO's index"
_STREAMS, _ALL = "streams", ""
_OF_TYPE = "WRONGTYPE"
_NO_REFUSALS = (_OF_TYPE, "EXECABORT", "ERR EXEC without", "MOVED ", "ASK ", "TRYAGAIN")
_ABORTED = "EXECABORT Transaction discarded because of: "  # and then why EXEC was refused
_REPLICA = "it is a replica: what is erased there is not erased on its primary, and comes back"


@dataclass(frozen=True, slots=True)
class _Deed:
    """A command that comes to nothing, and on what it would have been done."""

    words: tuple[Word, ...]
    on: str = _ALL


def obstacles(link: Link, found: Standing, *, service: str, trim: bool) -> tuple[str, ...]:
    """Say why a purge could not look or erase here; `trim` is whether streams are to be emptied.

    MEMORY USAGE is not among what it takes: without it, bytes are not known.
    """
    deeds = [*_deeds(service, trim=trim), *(map(_Deed, PASS) if link.is_cluster else ())]
    each = [_refused(one, deeds) for one in link.primaries]
    replica = [_REPLICA] if found.is_replica else []
    refused = dict.fromkeys(deed for some in each for deed in some)
    return (*replica, *_told(refused, is_replica=found.is_replica))


def _refused(link: Link, deeds: Sequence[_Deed]) -> list[tuple[_Deed, str]]:
    """Try deeds at one server; return those that are refused, and why."""
    link.send(b"".join(packed(*deed.words) for deed in deeds))
    answers = link.replies(len(deeds))
    said = ((deed, _said(answer)) for deed, answer in zip(deeds, answers, strict=True))
    refused = [(deed, why) for deed, why in said if why]
    link.send(packed("UNWATCH"))
    link.replies(1)
    return refused


def _deeds(service: str, *, trim: bool) -> Iterator[_Deed]:
    lot = secrets.token_hex(16)
    keys = {
        _KEYS: f"tenant_{lot}{service_suffix(service)}:frequency:{lot}",
        _RECORDS: f"kato:session:{lot}",
        _CACHES: f"patterns:top:{lot}",
    }
    yield from (_Deed(("SCAN", 0, "COUNT", 1)), _Deed(("DBSIZE",)))
    yield from (_Deed((word, key), on) for word in ("EXISTS", "UNLINK") for on, key in keys.items())
    record = keys[_RECORDS]
    yield from (_Deed(("WATCH", record), _RECORDS), _Deed(("GET", record), _RECORDS))
    yield from (_Deed(("MULTI",)), _Deed(("UNLINK", record), _RECORDS), _Deed(("EXEC",)))
    yield _Deed(("TYPE", INDEX_KEY), _INDEX)
    yield _Deed(("SSCAN", INDEX_KEY, 0, "COUNT", 1), _INDEX)
    yield from (_Deed((word, INDEX_KEY, lot), _INDEX) for word in ("SISMEMBER", "SREM"))
    yield _Deed(("XLEN", f"stm:{lot}"), _STREAMS)
    if trim:
        yield _Deed(("XTRIM", f"stm:{lot}", "MAXLEN", 0), _STREAMS)


def _said(answer: Any) -> str:
    """Return why a deed was refused, nothing where it was not.

    An index that is no set is none that a purge would touch. A key of another node of a cluster is
    looked for elsewhere only by who may use it.
    """
    why = str(answer).removeprefix(_ABORTED) if isinstance(answer, hiredis.ReplyError) else ""
    return "" if why.startswith(_NO_REFUSALS) else why


def _told(refused: Iterable[tuple[_Deed, str]], *, is_replica: bool) -> Iterator[str]:
    """Put what was refused in our own words, each command and each reason once."""
    denied: defaultdict[str, dict[str, None]] = defaultdict(dict)
    reasons: dict[str, None] = {}
    for deed, answer in refused:
        command, code = str(deed.words[0]), answer.partition(" ")[0]
        if code == "NOPERM":
            denied[command][deed.on] = None
        elif answer.startswith("ERR unknown"):
            reasons[f"it does not know the command {command}"] = None
        elif not (code == "READONLY" and is_replica):
            reasons[refusal(answer, "erasing").reason] = None
    for command, on in denied.items():
        whose = f" on {', '.join(on)}" if all(on) else ""
        yield f"its user may not use {command}{whose}"
    yield from reasons
