"""Adds up keys by owner and kind, as their names say. No I/O.

What a key is stands in its name up to the second colon: a *head* (the kb_id) and a *word* (the
kind). Both repeat a million times over, so each head and each word is understood once. The two
are remembered apart: together they would be many times as many, and no longer fit a CPU's cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from services.stores.redis.sums import Sums
from services.tenancy.kb_ids import service_suffix
from services.tenancy.layout import KB_KINDS, NOBODY, KeyName, Owner, OwnerKind, read_key, text_of
from services.usage.groups import Groups
from services.usage.sums import Indexes

MAX_SAMPLES = 20
"""How many names of keys that belong to nobody are kept."""

_MAX_STEMS = 50_000
_MAX_PASSING = 100_000
_PASSING = frozenset({"active_pointer", "metrics", "cache", "session_index"})
_WHOLE_HEADS = frozenset({b"kato", b"stm", b"patterns", b"symbols", b"tenant"})
_UNCLEAR = -1_000
_SESSION = -1
_KINDS = (*sorted(KB_KINDS), "other")
_OTHER = len(_KINDS) - 1


class _Heads(dict[bytes, int]):
    """The first group of each head that its suffix makes sure; one for each kind follows it.

    A head that is asked for gets its groups when it is met, or below 0 where it is not sure.
    """

    def __init__(self, suffix: bytes, sums: Sums, known: Mapping[bytes, int]) -> None:
        super().__init__(known)
        self._suffix = suffix
        self._sums = sums

    def __missing__(self, head: bytes) -> int:
        if not head.endswith(self._suffix):
            return _UNCLEAR
        first = self[head] = self._sums.new(len(_KINDS))
        return first

    def owners(self) -> list[tuple[Owner, bool]]:
        """Return whose the heads are. No head has a colon, so that all are decoded at once."""
        names = text_of(b":".join(self)).split(":") if self else []
        return [(Owner(OwnerKind.KB, name), True) for name in names]


class Numbered(NamedTuple):
    """How the groups of a pass are numbered: the first of each head, and each of the others."""

    heads: Mapping[bytes, int]
    others: Mapping[KeyName, int]


_NO_NUMBERS = Numbered({}, {})


class KeyTally:
    """The sums of one pass. Its memory grows with owners and sessions, not with keys.

    `service` is KATO's SERVICE_NAME. `scanned` counts every key, `sessions` holds the names of
    session records, which are no part of the groups, `passing` the first 100,000 names of other
    keys to which KATO gives a TTL, and `samples` some names of keys that belong to nobody.

    With `sums` that know the groups of an earlier tally, these are `numbered` as there.
    """

    def __init__(
        self, service: str, *, sums: Sums | None = None, numbered: Numbered = _NO_NUMBERS
    ) -> None:
        self._service = service
        self.sums = sums or Sums()
        self._heads = _Heads(service_suffix(service).encode(), self.sums, numbered.heads)
        self._words = {kind.encode(): at for at, kind in enumerate(_KINDS[:-1])}
        self._stems: dict[bytes, int] = {}
        self._others: dict[KeyName, int] = {**numbered.others}
        self._unknown = self._number(KeyName(NOBODY, "unknown"))
        self.sessions: dict[bytes, None] = {}
        self.passing: dict[bytes, None] = {}
        self.samples: list[str] = []
        self.scanned = 0

    @property
    def numbered(self) -> Numbered:
        """How its groups are numbered."""
        return Numbered(self._heads, self._others)

    def count(self, keys: list[bytes]) -> Indexes:
        """Count keys, and return their groups. Session records are set aside, out of the list."""
        self.scanned += len(keys)
        groups = np.array(self._by_head_and_word(keys), np.intp)
        for at in np.flatnonzero(groups < 0).tolist():
            groups[at] = self._settle(keys[at])
        records = np.flatnonzero(groups == _SESSION)
        if records.size:
            groups = np.delete(groups, records)
            for at in reversed(records.tolist()):
                del keys[at]
        self.sums.add(groups)
        return groups

    def groups(self, share: float = 1.0) -> Groups:
        """Return what was found, scaled up from the share of the keyspace that was scanned."""
        others, heads = list(self._others), len(self._heads)
        width, first = len(_KINDS), np.fromiter(self._heads.values(), np.intp, heads)
        numbers = np.concatenate([
            np.fromiter(self._others.values(), np.intp, len(others)),
            (first[:, None] + np.arange(width)).ravel(),
        ])  # fmt: skip
        owner_of = np.concatenate([
            np.arange(len(others)), np.repeat(len(others) + np.arange(heads), width)
        ])  # fmt: skip
        kind_of = np.concatenate([width + np.arange(len(others)), np.tile(np.arange(width), heads)])
        there = self.sums.there(numbers)
        return Groups(
            [
                *((name.owner, name.sure) for name in others),
                *self._heads.owners(),
            ],
            [*_KINDS, *(name.kind for name in others)],
            owner_of[there],
            kind_of[there],
            *self.sums.amounts(numbers[there], share),
        )

    def _by_head_and_word(self, keys: list[bytes]) -> list[int]:
        """Return the group of each key, below 0 where head and word do not tell.

        One line is what every key of the fleet goes through.
        """
        heads, word = self._heads, self._words.get
        try:
            return [word((part := key.split(b":", 2))[1], _OTHER) + heads[part[0]] for key in keys]
        except IndexError:  # a key without a colon
            coloned = [self._by_head_and_word([key]) if b":" in key else [_UNCLEAR] for key in keys]
            return [group for groups in coloned for group in groups]

    def _settle(self, key: bytes) -> int:
        """Return the group of a key whose head is not sure; keep what it is for."""
        head, colon, rest = key.partition(b":")
        if not colon or head in _WHOLE_HEADS:
            return self._settle_whole(key)
        return self._settle_stem(head + b":" + rest.partition(b":")[0], key)

    def _settle_stem(self, stem: bytes, key: bytes) -> int:
        """Return the group of a key that a kb_id may only seem to own."""
        group = self._stems.get(stem)
        if group is None or self._wants(group):
            group = self._settle_whole(key)
            if len(self._stems) >= _MAX_STEMS:
                self._stems.clear()
            self._stems[stem] = group
        return group

    def _settle_whole(self, key: bytes) -> int:
        name = read_key(key, self._service)
        if name.kind == "session":
            self.sessions[key] = None
            return _SESSION
        if name.kind in _PASSING and len(self.passing) < _MAX_PASSING:
            self.passing[key] = None
        group = self._number(name)
        if self._wants(group):
            self.samples.append(text_of(key))
        return group

    def _wants(self, group: int) -> bool:
        """Whether a name of this group is wanted as a sample."""
        return group == self._unknown and len(self.samples) < MAX_SAMPLES

    def _number(self, name: KeyName) -> int:
        number = self._others.get(name)
        if number is None:
            number = self._others[name] = self.sums.new()
        return number
