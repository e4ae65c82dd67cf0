"""Which slot of a cluster a key is in, and where a command's keys stand. Pure.

As the specification of Redis Cluster has it: CRC16 (XMODEM) modulo 16,384, of what stands between
the first `{` and the next `}` alone, where anything does.
"""

from __future__ import annotations

from binascii import crc_hqx
from functools import cache
from itertools import count

SLOTS = 16_384

_BY_SECOND = frozenset({b"MEMORY", b"OBJECT", b"XINFO", b"XGROUP"})
_SPLIT = frozenset({b"MGET", b"EXISTS", b"UNLINK", b"DEL"})
_KEYLESS = frozenset({
    b"ACL", b"ASKING", b"CLIENT", b"CLUSTER", b"COMMAND", b"CONFIG", b"EXEC", b"HELLO", b"INFO",
    b"LATENCY", b"MULTI", b"ROLE", b"SCAN", b"SCRIPT", b"SELECT", b"WAIT",
})  # fmt: skip


def slot_of(key: bytes) -> int:
    """Return the slot of a key."""
    if b"{" in key:
        start = key.index(b"{") + 1
        end = key.find(b"}", start)
        if end > start:
            key = key[start:end]
    return crc_hqx(key, 0) & (SLOTS - 1)


def key_of(words: list[bytes]) -> bytes:
    """Return the key that a command goes by; of several, all are in its slot, or it is split.

    Raises ValueError for a command that is to be asked of each node.
    """
    verb = words[0].upper()
    if verb in _KEYLESS:
        raise ValueError(f"{verb.decode()} is no command of the whole cluster: ask each node")
    return words[2 if verb in _BY_SECOND else 1]


def is_split(words: list[bytes]) -> bool:
    """Whether a command of several keys is sent as one for each, and its answers joined."""
    return len(words) > len(("verb", "key")) and words[0].upper() in _SPLIT


@cache
def tags() -> tuple[bytes, ...]:
    """Return what to put between `{` and `}` for a key to be in each slot, in their order."""
    found: dict[int, bytes] = {}
    for number in count():
        tag = b"%d" % number
        found.setdefault(slot_of(tag), tag)
        if len(found) == SLOTS:
            return tuple(found[slot] for slot in range(SLOTS))
    raise AssertionError  # pragma: no cover - it counts for ever
