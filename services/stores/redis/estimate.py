"""How many keys a knowledge base has, by KATO's own counters: a lower bound, at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hiredis
import numpy as np

from services.stores.redis.link import Link
from services.stores.redis.server import is_withheld
from services.tenancy.layout import Owner, OwnerKind, bytes_of, read_key
from services.usage.groups import Groups
from services.usage.sums import Numbers

_PER_PATTERN = ("frequency", "emotives", "metadata")
_KINDS = (*_PER_PATTERN, "global", "symbol_to_patterns", "symbols")
_COUNTERS, _TABLE = 3, 1
_MOST_DIGITS = 18
_FORM = b"*2\r\n$3\r\nGET\r\n$%d\r\n%b\r\n*2\r\n$4\r\nHLEN\r\n$%d\r\n%b\r\n"


def estimate_groups(link: Link, kb_ids: Sequence[str], service: str) -> Groups:
    """Ask for two counters of each kb_id in one round, and return the keys that they tell of.

    KATO writes three keys for a pattern, one for a symbol, and a few of its own. Predictions and
    affinities are not counted anywhere. A counter that is missing or no number tells nothing.
    """
    names = [bytes_of(kb_id) for kb_id in kb_ids]
    if names:
        link.send(b"".join(map(_commands, names)))
    answers = link.replies(2 * len(names))
    errors = (answer for answer in answers if isinstance(answer, hiredis.ReplyError))
    if withheld := next(filter(is_withheld, errors), None):
        raise link.error(withheld)  # else it would say that there is nothing
    owners = [
        (Owner(OwnerKind.KB, kb_id), b":" not in name or read_key(name + b":", service).sure)
        for kb_id, name in zip(kb_ids, names, strict=True)
    ]
    return _groups(owners, _numbers(answers[::2]), _numbers(answers[1::2]))


def _commands(name: bytes) -> bytes:
    counter, table = name + b":global:total_unique_patterns", name + b":symbols:freq"
    return _FORM % (len(counter), counter, len(table), table)


def _numbers(replies: Sequence[Any]) -> Numbers:
    return np.array([_number(reply) for reply in replies], np.int64)


def _number(reply: Any) -> int:
    """Read a counter. What is missing, of another type or no number of keys says nothing: 0."""
    if isinstance(reply, bytes) and len(reply) <= _MOST_DIGITS and reply.isdigit():
        return int(reply)
    return reply if isinstance(reply, int) else 0


def _groups(owners: Sequence[tuple[Owner, bool]], patterns: Numbers, symbols: Numbers) -> Groups:
    """Return the keys of each owner by kind; there is no kind of which there are none."""
    columns = [
        *([patterns] * len(_PER_PATTERN)), np.where(patterns, _COUNTERS, 0),
        symbols, np.where(symbols, _TABLE, 0),
    ]  # fmt: skip
    counts = np.stack(columns, axis=1).ravel()
    there = np.flatnonzero(counts)
    exactly = np.zeros(len(there))
    return Groups(
        owners=owners,
        kinds=_KINDS,
        owner_of=there // len(_KINDS),
        kind_of=there % len(_KINDS),
        counts=counts[there],
        sizes=np.zeros(len(there), np.int64),
        known=np.zeros(len(there), np.bool_),
        count_margin=exactly,
        bytes_margin=exactly,
    )
