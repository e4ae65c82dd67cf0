"""Which names stand in a key as a whole, wherever in it. Pure.

This is what a purge's proof looks with: a plan goes by the owner that a key's name begins with,
this by the name itself, in the midst of another or behind a word of somebody's own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

_WORD = re.compile(rb"[\w\x80-\xff]+")
_IN_KB = frozenset(b"_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") | frozenset(
    range(0x80, 0x100)
)
"""What a kb_id goes on with; KATO writes what else a node_id may hold as `_`."""

_IN_NODE = _IN_KB | frozenset(b"-.@+%~!$")
"""What a node_id goes on with: `acme` is not named by `acme-corp`, nor by `acme.com`."""

_COMMON = frozenset(
    {b"tenant", b"user", b"org", b"team", b"app", b"kato", b"session", b"node", b"kb"}
)

_Name = tuple[bytes, frozenset[int]]


class WholeNames:
    """Finds kb_ids and node_ids in keys where nothing on either side belongs to a longer name.

    Whole replies are passed over by one word of each name, the least common, so that the number
    of names costs next to nothing.
    """

    def __init__(self, kb_ids: Iterable[bytes], nodes: Iterable[bytes] = ()) -> None:
        names: set[_Name] = {(name, _IN_KB) for name in kb_ids if name}
        names |= {(name, _IN_NODE) for name in nodes if name}
        self._by_word: dict[bytes, list[_Name]] = defaultdict(list)
        self._wordless: list[_Name] = []
        for name in sorted(names, key=lambda each: (-len(each[0]), each[0])):
            words = _WORD.findall(name[0])
            home = self._by_word[_rarest(words)] if words else self._wordless
            home.append(name)

    def among(self, keys: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        """Return the keys that name one, with the name."""
        text = b"\n".join(keys)
        words = self._by_word.keys()
        if words.isdisjoint(_WORD.findall(text)) and not self._wordless:
            return []
        found = ((key, self.in_key(key)) for key in keys)
        return [(key, name) for key, name in found if name is not None]

    def in_key(self, key: bytes) -> bytes | None:
        """Return a name that a key names as a whole, or None."""
        words = self._by_word.keys() & set(_WORD.findall(key))
        names = [name for word in words for name in self._by_word[word]] + self._wordless
        found = [name for name, inside in names if _stands_in(name, key, inside)]
        return max(found, key=lambda name: (len(name), name), default=None)


def _rarest(words: Sequence[bytes]) -> bytes:
    """Return the word that other keys are least likely to have."""
    return max(words, key=lambda word: (word not in _COMMON, len(word)))


def _stands_in(name: bytes, key: bytes, inside: frozenset[int]) -> bool:
    at = key.find(name)
    while at >= 0:
        end = at + len(name)
        before, after = key[at - 1 : at] if at else b"", key[end : end + 1]
        if inside.isdisjoint(before) and inside.isdisjoint(after):
            return True
        at = key.find(name, at + 1)
    return False
