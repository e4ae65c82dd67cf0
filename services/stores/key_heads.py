"""Redis keys by their head, which is what stands before their first colon. Pure.

A fleet has few heads and many keys. A head that is surely somebody else's is understood once, and
its keys are passed over by operations on whole replies: what is left is looked at key by key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import compress, repeat
from operator import eq, itemgetter

from services.identity import service_suffix

SPECIAL_HEADS = frozenset({b"kato", b"stm", b"patterns", b"symbols", b"tenant"})
"""What keys of no knowledge base begin with."""

HeadedKey = tuple[bytes, bytes]
"""A head and its whole key."""

_MOST_NEAR = 10_000
_head = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Near:
    """What is left of a reply: keys with their heads, and `bare` those without a colon."""

    keys: list[HeadedKey]
    bare: list[bytes]


class FarHeads:
    """Counts and passes over the keys of kb_ids that nobody asks for.

    Such a head has the ending of KATO's kb_ids (`service` is its SERVICE_NAME), is no special
    one, and is none that `wanted` says, who is asked once for each.
    """

    def __init__(self, service: str, wanted: Callable[[bytes], bool]) -> None:
        self._suffix = service_suffix(service).encode()
        self._wanted = wanted
        self._counts: Counter[bytes] = Counter()
        self._met = 0
        self._far: set[bytes] = set()
        self._kept: set[bytes] = set()
        self._near: set[bytes] = set()

    def counts(self) -> dict[bytes, int]:
        """Return how many keys each head had that was passed over."""
        return {head: self._counts[head] for head in self._far}

    def __contains__(self, head: bytes) -> bool:
        return head in self._far

    def is_kb(self, head: bytes) -> bool:
        """Whether a head's ending makes it a kb_id for sure."""
        return head.endswith(self._suffix) and head not in SPECIAL_HEADS

    def near(self, keys: list[bytes]) -> Near:
        """Return the keys of a reply that are not passed over."""
        # These lines are what every key of the fleet goes through: no loop of Python's own.
        heads = list(map(_head, map(bytes.partition, keys, repeat(b":"))))
        if True in map(eq, heads, keys):
            return self._without_bare(keys)
        if len(self._near) > _MOST_NEAR:
            self._forget()
        self._counts.update(heads)
        if len(self._counts) > self._met:
            self._meet(set(heads).difference(self._far, self._near))
        near = compress(keys, map(self._near.__contains__, heads))
        return Near([(key.partition(b":")[0], key) for key in near], [])

    def _without_bare(self, keys: list[bytes]) -> Near:
        coloned = [key for key in keys if b":" in key]
        return Near(self.near(coloned).keys, [key for key in keys if b":" not in key])

    def _meet(self, heads: set[bytes]) -> None:
        """Judge heads that are new, or were forgotten."""
        for head in heads:
            if not self.is_kb(head):
                self._near.add(head)
            elif self._wanted(head):
                self._kept.add(head)
                self._near.add(head)
            else:
                self._far.add(head)
        self._met = len(self._counts)

    def _forget(self) -> None:
        """Forget the heads of no kb_id: there may be as many as keys."""
        for head in self._near - self._kept:
            del self._counts[head]
        self._near &= self._kept
        self._met = len(self._counts)
