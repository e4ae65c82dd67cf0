"""Several commands that are sent for one, each to its node, and what makes one reply of theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import hiredis

from services.stores.redis.cluster.lane import Lane
from services.stores.redis.cluster.slots import key_of, slot_of
from services.stores.redis.errors import STORE, SlotMoved

_CURSORS = (b"SSCAN", b"HSCAN", b"ZSCAN")

Wire = tuple[Lane, bytes]
"""A command that was sent to one node, and waits for its reply there."""

Join = Callable[[Sequence[Any]], Any]


@dataclass(frozen=True, slots=True)
class Joined:
    """Several commands that were sent for one, and what makes one reply of theirs.

    Of each `of_each` commands the last one has the reply: what is before it says how it is meant.
    """

    wires: Sequence[Wire]
    join: Join
    of_each: int = 1

    def reply(self, replies: Sequence[Any]) -> Any:
        """Return the one reply, or the first error among its parts."""
        replies = replies[self.of_each - 1 :: self.of_each]
        errors = (reply for reply in replies if isinstance(reply, hiredis.ReplyError))
        error = next(errors, None)
        return self.join(replies) if error is None else error


def last(replies: Sequence[Any]) -> Any:
    """Return the reply to the last of them: those before it only say how it is meant."""
    return replies[-1]


def _values(replies: Sequence[Any]) -> Any:
    return [value for (value,) in replies]


def _earliest(replies: Sequence[Any]) -> Any:
    return min(replies, key=lambda told: (int(told[0]), int(told[1])))


JOINS: Mapping[bytes, Join] = {
    b"MGET": _values, b"EXISTS": sum, b"UNLINK": sum, b"DEL": sum, b"DBSIZE": sum,
    b"TIME": _earliest, b"PING": last,
}  # fmt: skip
"""Of commands that go to several nodes. The time is that of the clock that is the furthest back."""


def refuse_half(command: bytes, operation: str) -> None:
    """Raise SlotMoved for a cursor, which means nothing to another node."""
    words = _words(command)
    if words[0].upper() in _CURSORS and words[2] != b"0":
        raise SlotMoved(STORE, operation, "a value's slot moved while it was read piece by piece")


def is_moved(reply: Any) -> bool:
    """Whether a reply says that a slot is elsewhere, or on its way."""
    text = str(reply) if isinstance(reply, hiredis.ReplyError) else ""
    return text.startswith(("MOVED ", "ASK ", "TRYAGAIN"))


def flat(replies: Sequence[Any]) -> Iterator[Any]:
    """Yield replies, and those within replies."""
    for reply in replies:
        yield from (reply if isinstance(reply, list) else (reply,))


def slot_of_first(commands: Sequence[bytes]) -> int:
    """Return the slot that the first of packed commands goes by."""
    return slot_of(key_of(_words(commands[0])))


def _words(command: bytes) -> list[bytes]:
    reader = hiredis.Reader()
    reader.feed(command)
    words: list[bytes] = reader.gets()
    return words
