"""How many keys a knowledge base has, by KATO's own counters: a lower bound, at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from services.figures import Amount
from services.stores.redis.link import Link
from services.stores.redis.server import is_withheld
from services.tenancy.layout import Owner, OwnerKind, bytes_of, read_key
from services.usage.readings import KeyGroup

_PER_PATTERN = ("frequency", "emotives", "metadata")
_COUNTERS = Amount(3, None)
_TABLE = Amount(1, None)
_FORM = b"*2\r\n$3\r\nGET\r\n$%d\r\n%b\r\n*2\r\n$4\r\nHLEN\r\n$%d\r\n%b\r\n"


def estimate_groups(link: Link, kb_ids: Sequence[str], service: str) -> Iterator[KeyGroup]:
    """Ask for two counters of each kb_id in one round, and yield the keys that they tell of.

    KATO writes three keys for a pattern, one for a symbol, and a few of its own. Predictions and
    affinities are not counted anywhere. A counter that is missing or no number tells nothing.
    """
    names = [bytes_of(kb_id) for kb_id in kb_ids]
    if not names:
        return
    link.send(b"".join(map(_commands, names)))
    answers = link.replies(2 * len(names))
    if withheld := next(filter(is_withheld, answers), None):
        raise link.error(withheld)  # else it would say that there is nothing
    replies = iter(answers)
    for kb_id, name, patterns, symbols in zip(kb_ids, names, replies, replies, strict=True):
        sure = read_key(name + b":", service).sure
        owner = Owner(OwnerKind.KB, kb_id)
        for kind, amount in _by_kind(_number(patterns), _number(symbols)):
            yield KeyGroup(owner, kind, amount, sure)


def _commands(name: bytes) -> bytes:
    counter, table = name + b":global:total_unique_patterns", name + b":symbols:freq"
    return _FORM % (len(counter), counter, len(table), table)


def _number(reply: Any) -> int:
    """Read a counter. What is missing, no number or of another type says nothing: 0."""
    if isinstance(reply, bytes) and reply.isdigit():
        reply = int(reply)
    return reply if isinstance(reply, int) else 0


def _by_kind(patterns: int, symbols: int) -> Iterator[tuple[str, Amount]]:
    if patterns:
        amount = Amount(patterns, None)
        yield from ((kind, amount) for kind in _PER_PATTERN)
        yield "global", _COUNTERS
    if symbols:
        yield "symbol_to_patterns", Amount(symbols, None)
        yield "symbols", _TABLE
