"""Entries and anchors as text: what is hashed, what is kept, and what is read back. Pure.

The text is ASCII whatever the names hold.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any

from services.access.viewer import Outcome, TenantPattern
from services.audit_log.models import NAME_LIMIT, Anchor, Entry, Event, Index, Kept, cut
from services.errors import LogError
from services.tenancy.layout import bytes_of

ANCHOR_OF = "kato-tenants audit log"
"""How a line says that it is an anchor: a log of much else may hold it."""

_HASH = re.compile("[0-9a-f]{64}")


def entry_text(number: int, event: Event, *, previous: str, seal: str) -> str:
    """Write an entry as the canonical JSON that is hashed: keys sorted, no spaces, ASCII."""
    return _json({
        "number": number,
        "at": _time(event.at),
        "who": event.who,
        "role": event.role,
        "action": event.action,
        "tenants": list(event.tenants),
        "target": event.target,
        "outcome": event.outcome.value,
        "reason": event.reason,
        "request": event.request_id,
        "digest": event.digest,
        "seal": seal,
        "previous": previous,
    })  # fmt: skip


def entry_of(text: str, hash_: str) -> Entry:
    """Read what `entry_text` wrote. Raises LogError."""
    try:
        read = json.loads(text)
        event = Event(
            datetime.fromisoformat(read["at"]), read["who"], read["role"], read["action"],
            tuple(read["tenants"]), read["target"], Outcome(read["outcome"]), read["reason"],
            read["request"], read["digest"],
        )  # fmt: skip
        entry = Entry(read["number"], event, read["previous"], hash_, read["seal"])
        again = entry_text(entry.number, event, previous=entry.previous, seal=entry.seal)
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError):
        raise LogError("an entry of the audit log cannot be read") from None
    if again != text or not _all_text(entry):
        raise LogError("an entry of the audit log is not written as this product writes them")
    return entry


def _all_text(entry: Entry) -> bool:
    event = entry.event
    texts = (event.who, event.role, event.action, event.target, event.reason, event.request_id,
             event.digest, entry.previous, entry.seal, *event.tenants)  # fmt: skip
    return type(entry.number) is int and all(isinstance(text, str) for text in texts)


def readable(number: int, text: str, hash_: str) -> Entry:
    """Read an entry for the screen; one that cannot be read says so in place of its action."""
    with suppress(LogError):
        if _HASH.fullmatch(hash_):
            return entry_of(text, hash_)
    epoch = datetime.fromtimestamp(0, UTC)
    event = Event(epoch, "", "", "(this entry was edited)", outcome=Outcome.FAILED)
    return Entry(number, event, hash=hash_, intact=False)


def index_of(event: Event) -> Index:
    """Return what an event is found by."""
    return Index(
        event.at, event.who, event.action, event.outcome.value, event.request_id,
        _words(event), frozenset(tenant_digests(event.tenants)),
    )  # fmt: skip


def needle(text: str) -> str:
    """Write what is looked for as `Index.words` would have it."""
    return encode_basestring_ascii(text.casefold())[1:-1]


def tenant_digests(tenants: Iterable[str]) -> Iterator[str]:
    """Return under what an entry is found by its tenants: each, and each one's kind."""
    for tenant in tenants:
        yield tenant_digest(tenant)
        yield _kind_digest(tenant.partition("/")[0])


def pattern_digest(pattern: TenantPattern) -> str:
    """Return under what entries are found that a pattern, other than `*`, may cover."""
    return (
        _kind_digest(pattern.kind)
        if pattern.id == "*"
        else tenant_digest(cut(str(pattern), NAME_LIMIT))
    )


def tenant_digest(tenant: str) -> str:
    """Return under what the entries about a tenant are found."""
    return _digest(f"tenant:{tenant}")


def line_of(entry: Entry) -> str:
    """Write an entry as one line of JSON: its text with its hash, without which it is the text."""
    text = entry_text(entry.number, entry.event, previous=entry.previous, seal=entry.seal)
    return _json({**json.loads(text), "hash": entry.hash})


def kept_of(entry: Entry) -> Kept:
    """Return what the database is to keep of an entry."""
    text = entry_text(entry.number, entry.event, previous=entry.previous, seal=entry.seal)
    return Kept(entry.number, text, entry.hash, index_of(entry.event))


def anchor_line(anchor: Anchor) -> str:
    """Write an anchor as one line of JSON."""
    return _json({
        "anchor": ANCHOR_OF, "number": anchor.number, "hash": anchor.hash, "at": _time(anchor.at)
    })  # fmt: skip


def anchors_of(text: str) -> tuple[Anchor, ...]:
    """Read the anchors out of a text, which may hold other lines, and something before each.

    Raises LogError for a line that says it is one, and is none.
    """
    return tuple(
        _anchor(line, number)
        for number, line in enumerate(text.splitlines(), start=1)
        if ANCHOR_OF in line
    )


def _anchor(line: str, number: int) -> Anchor:
    try:
        read: Any = json.loads(line[line.index("{") : line.rindex("}") + 1])
        anchor = Anchor(int(read["number"]), read["hash"], datetime.fromisoformat(read["at"]))
        sound = anchor.number > 0 and _HASH.fullmatch(anchor.hash) is not None
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError):
        sound = False
    if not sound:
        raise LogError(f"line {number} of the anchors cannot be read")
    return anchor


def _words(event: Event) -> str:
    names = (event.who, event.role, event.action, event.target, event.reason, event.request_id,
             event.digest, *event.tenants)  # fmt: skip
    return needle("\n".join(names))


def _kind_digest(kind: str) -> str:
    return _digest(f"kind:{kind}")


@lru_cache(maxsize=4096)
def _digest(text: str) -> str:
    return hashlib.sha256(bytes_of(text)).hexdigest()


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False).encode
