"""Redis keys by their head, which is what stands before their first colon. Pure.

A fleet has few heads and many keys. The keys of who is surely somebody else are passed over by
operations on whole replies, with no loop of Python's own; what is left is looked at one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import compress, islice, repeat
from operator import itemgetter, not_

from services.tenancy.kb_ids import service_suffix

SPECIAL_HEADS = frozenset({b"kato", b"stm", b"patterns", b"symbols", b"tenant"})
"""What keys of no knowledge base begin with."""

_MOST_NEAR = 10_000
_MOST_ODD = 50_000
_PLAIN = b"_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" + bytes(
    range(0x80, 0x100)
)
"""What names are made of; with anything else in it, a head may have another's name within."""

_head = itemgetter(0)


def heads_of(keys: Iterable[bytes]) -> list[bytes]:
    """Return the head of each key; a key without a colon is its own."""
    return list(map(_head, map(bytes.partition, keys, repeat(b":"))))


def is_kb(head: bytes, suffix: bytes) -> bool:
    """Whether the ending of KATO's kb_ids makes a head one of them for sure."""
    return head.endswith(suffix) and head not in SPECIAL_HEADS


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
        """Return how many keys each head had that was passed over, itself included if it is one."""
        return {head: self._counts[head] for head in self._far}

    def __contains__(self, head: bytes) -> bool:
        return head in self._far

    def is_kb(self, head: bytes) -> bool:
        """Whether a head is a kb_id for sure."""
        return is_kb(head, self._suffix)

    def near(self, keys: list[bytes]) -> list[bytes]:
        """Return the keys of a reply that are not passed over."""
        if len(self._near) > _MOST_NEAR:
            self._forget()
        heads = heads_of(keys)
        self._counts.update(heads)
        if len(self._counts) > self._met:  # a dict has what is new at its end
            self._meet([*islice(reversed(self._counts), len(self._counts) - self._met)])
        return list(compress(keys, map(self._near.__contains__, heads)))

    def _meet(self, heads: list[bytes]) -> None:
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


class LooseKeys:
    """Passes over the keys of every kb_id but `kb_ids`, and remembers none of them.

    Kept are the keys of heads that are no kb_id for sure (`service` is KATO's SERVICE_NAME), and
    of those that have more in them than a name is made of and that `names` says.
    """

    def __init__(
        self, service: str, kb_ids: Iterable[bytes], names: Callable[[bytes], bool]
    ) -> None:
        self._suffix = service_suffix(service).encode()
        self._own = frozenset(kb_id for kb_id in kb_ids if kb_id.endswith(self._suffix))
        self._names = names
        self._odd: dict[bytes, bool] = {}

    def among(self, keys: list[bytes]) -> list[bytes]:
        """Return the keys of a reply that are not passed over."""
        heads = heads_of(keys)
        are_kb = list(map(bytes.endswith, heads, repeat(self._suffix)))
        found = list(compress(keys, map(not_, are_kb))) if False in are_kb else []
        if not self._own.isdisjoint(heads):
            found += compress(keys, map(self._own.__contains__, heads))
        if b"_".join(heads).translate(None, _PLAIN):
            found += compress(keys, map(self._is_odd, heads))
        return found

    def _is_odd(self, head: bytes) -> bool:
        """Whether a head that is a kb_id of somebody else's names another within."""
        known = self._odd.get(head)
        if known is None:
            if len(self._odd) >= _MOST_ODD:
                self._odd.clear()
            known = self._odd[head] = (
                is_kb(head, self._suffix) and head not in self._own and self._names(head)
            )
        return known
