"""Adds up keys by owner and kind, as their names say. No I/O.

The name of a key says what it is up to its second colon, so that millions of keys come down to a
few distinct *stems* (a key up to its last colon), each of which is understood once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from services.attribution import NOBODY, KeyName, OwnerKind, read_key, text_of
from services.models import KeyGroup
from services.stores.keysums import Indexes, Sums

MAX_SAMPLES = 20
"""How many names of keys that belong to nobody are kept."""

_MAX_STEMS = 200_000
_WHOLE_HEADS = frozenset({b"kato", b"stm", b"patterns", b"symbols", b"tenant"})
_UNCLEAR = -1
_SESSION = -2


class _Stems(dict[bytes, int]):
    """Remembers the number of a stem's group; forgets all when there are too many.

    A stem that does not tell is `_UNCLEAR`, and is not remembered.
    """

    def __init__(self, tally: KeyTally) -> None:
        super().__init__()
        self._tally = tally

    def __missing__(self, stem: bytes) -> int:
        head, colon, rest = stem.partition(b":")
        if not colon or head in _WHOLE_HEADS:
            return _UNCLEAR
        word, more, _ = rest.partition(b":")
        return self[head + b":" + word] if more else self._learn(stem)

    def _learn(self, stem: bytes) -> int:
        group = self._tally.group(stem)
        if self._tally.wants(group):
            return _UNCLEAR
        if len(self) >= _MAX_STEMS:
            self.clear()
        self[stem] = group
        return group


class KeyTally:
    """The sums of one pass. Its memory grows with owners and sessions, not with keys.

    `service` is KATO's SERVICE_NAME. `scanned` counts every key, `sessions` holds the names of
    session records, which are no part of the groups, and `samples` some names of keys that belong
    to nobody.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._stems = _Stems(self)
        self._numbers: dict[tuple[str, str, bool, OwnerKind], int] = {}
        self._names: list[KeyName] = []
        self.sums = Sums()
        self.sessions: dict[bytes, None] = {}
        self.samples: list[str] = []
        self.scanned = 0
        self._unknown = self._number(KeyName(NOBODY, "unknown"))

    def count(self, keys: list[bytes]) -> Indexes:
        """Count keys, and return their groups. Session records are set aside, out of the list."""
        self.scanned += len(keys)
        # All that every key of the fleet goes through runs in C, but for this one list.
        stems = [key.rpartition(b":")[0] for key in keys]
        groups = np.fromiter(map(self._stems.__getitem__, stems), np.intp, len(stems))
        for at in np.flatnonzero(groups == _UNCLEAR).tolist():
            groups[at] = self._settle(keys[at])
        records = np.flatnonzero(groups == _SESSION)
        if records.size:
            groups = np.delete(groups, records)
            for at in reversed(records.tolist()):
                del keys[at]
        self.sums.add(groups)
        return groups

    def group(self, key: bytes) -> int:
        """Return the number of the group that a key belongs to."""
        name = read_key(key, self._service)
        return _SESSION if name.kind == "session" else self._number(name)

    def wants(self, group: int) -> bool:
        """Whether a name of this group is wanted as a sample."""
        return group == self._unknown and len(self.samples) < MAX_SAMPLES

    def groups(self, share: float = 1.0) -> Iterator[KeyGroup]:
        """Yield what was found, scaled up from the share of the keyspace that was scanned."""
        for name, amount in zip(self._names, self.sums.amounts(share), strict=True):
            if amount.count:
                yield KeyGroup(name.owner, name.kind, amount, name.sure)

    def _number(self, name: KeyName) -> int:
        # A tuple of plain values hashes several times as fast as the dataclasses.
        key = (name.owner.name, name.kind, name.sure, name.owner.kind)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = self.sums.new()
            self._names.append(name)
        return number

    def _settle(self, key: bytes) -> int:
        """Return the group of a key that its stem does not tell."""
        group = self.group(key)
        if group == _SESSION:
            self.sessions[key] = None
        elif self.wants(group):
            self.samples.append(text_of(key))
        return group
