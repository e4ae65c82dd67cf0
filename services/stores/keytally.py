"""Adds up keys by owner and kind, as their names say. No I/O.

The name of a key says what it is up to its second colon, so that millions of keys come down to a
few distinct *stems* (a key up to its last colon), each of which is understood once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from services.attribution import NOBODY, KeyName, Owner, read_key, text_of
from services.models import Amount, KeyGroup

MAX_SAMPLES = 20
"""How many names of keys that belong to nobody are kept."""

_MAX_STEMS = 200_000
_SIGMAS = 1.96
_WHOLE_HEADS = frozenset({b"kato", b"stm", b"patterns", b"symbols", b"tenant"})
# Two-sided 95 % quantiles of Student's t, by degrees of freedom.
_STUDENT = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


@dataclass(slots=True, eq=False)
class Group:
    """The running sum of one owner and kind.

    `count` are its keys, `sized` those of them whose memory is known, `bytes` and `squares` the
    sums of that memory and of its square. `refused` is True when Redis would not tell.
    """

    owner: Owner
    kind: str
    sure: bool
    count: int = 0
    sized: int = 0
    bytes: int = 0
    squares: int = 0
    refused: bool = False

    def amount(self, share: float = 1.0) -> Amount:
        """Estimate the whole from the part of the keyspace that was scanned."""
        count, margin = round(self.count / share), self._count_margin(share)
        if self.refused or not self.sized:
            return Amount(count, None, margin)
        if share == 1 and self.sized == self.count:
            return Amount(count, self.bytes)
        held = self.bytes / self.sized * self.count / share
        return Amount(count, round(held), margin, self._bytes_margin(share))

    def _count_margin(self, share: float) -> float:
        return _SIGMAS * math.sqrt(self.count * (1 - share)) / share

    def _bytes_margin(self, share: float) -> float:
        """Half of the 95 % interval: what was not sized, and what was not scanned."""
        squares = self.squares / self.sized * self.count
        unseen = _SIGMAS * math.sqrt(squares * (1 - share)) / share
        return math.hypot(unseen, self._sampling_margin() / share)

    def _sampling_margin(self) -> float:
        """Half of the 95 % interval of a sum of which a part was sized, drawn evenly."""
        sized, count = self.sized, self.count
        if sized >= count:
            return 0.0
        if sized == 1:
            return _STUDENT[0] * self.bytes * (count - 1)
        spread = max(0.0, self.squares - self.bytes**2 / sized) / (sized - 1)
        student = _STUDENT[sized - 2] if sized <= len(_STUDENT) + 1 else 1.96 + 2.4 / (sized - 1)
        return student * count * math.sqrt(spread / sized * (1 - sized / count))


_WHOLE = Group(NOBODY, "to be read whole", sure=True)
_SESSION = Group(NOBODY, "session", sure=True)


class _Stems(dict[bytes, Group]):
    """Remembers which group a stem stands for; forgets all when there are too many.

    `unclear` is set when a stem was asked for that does not tell.
    """

    def __init__(self, tally: KeyTally) -> None:
        super().__init__()
        self._tally = tally
        self.unclear = False

    def __missing__(self, stem: bytes) -> Group:
        head, colon, rest = stem.partition(b":")
        if not colon or head in _WHOLE_HEADS:
            self.unclear = True
            return _WHOLE
        word, more, _ = rest.partition(b":")
        return self[head + b":" + word] if more else self._learn(stem)

    def _learn(self, stem: bytes) -> Group:
        group = self._tally.group(stem)
        if self._tally.wants(group):
            self.unclear = True
            return _WHOLE
        if len(self) >= _MAX_STEMS:
            self.clear()
        self[stem] = group
        return group


class KeyTally:
    """The sums of one pass. Its memory grows with owners and sessions, not with keys.

    `service` is KATO's SERVICE_NAME. `scanned` counts every key, `sessions` holds the names of
    session records, which are no part of the groups.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._stems = _Stems(self)
        self._groups: dict[tuple[Owner, str, bool], Group] = {}
        self._unknown = self._group(KeyName(NOBODY, "unknown"))
        self.sessions: dict[bytes, None] = {}
        self.samples: list[str] = []
        self.scanned = 0

    def sort(self, keys: list[bytes]) -> tuple[list[bytes], list[Group]]:
        """Return the keys that are no session records, and the group of each.

        The list that is given may be changed.
        """
        self.scanned += len(keys)
        self._stems.unclear = False
        # One pass in C for what every key of the fleet goes through.
        groups = list(map(self._stems.__getitem__, [key.rpartition(b":")[0] for key in keys]))
        if self._stems.unclear:
            self._read_whole(keys, groups)
        return keys, groups

    def wants(self, group: Group) -> bool:
        """Whether a name of this group is wanted as a sample."""
        return group is self._unknown and len(self.samples) < MAX_SAMPLES

    def group(self, key: bytes) -> Group:
        """Return the group of one key."""
        name = read_key(key, self._service)
        return _SESSION if name.kind == "session" else self._group(name)

    def groups(self, share: float = 1.0) -> tuple[KeyGroup, ...]:
        """Return what was found, scaled up from the share of the keyspace that was scanned."""
        return tuple(
            KeyGroup(group.owner, group.kind, group.amount(share), group.sure)
            for group in self._groups.values()
            if group.count
        )

    def sized_share(self) -> float:
        """Return the part of the counted keys whose memory is known."""
        counted = sum(group.count for group in self._groups.values())
        return sum(group.sized for group in self._groups.values()) / counted if counted else 1.0

    def _group(self, name: KeyName) -> Group:
        key = (name.owner, name.kind, name.sure)
        if key not in self._groups:
            self._groups[key] = Group(*key)
        return self._groups[key]

    def _read_whole(self, keys: list[bytes], groups: list[Group]) -> None:
        """Settle the keys that a stem does not tell, and set the session records aside."""
        unclear = [at for at, group in enumerate(groups) if group is _WHOLE]
        for at in reversed(unclear):
            key = keys[at]
            groups[at] = group = self.group(key)
            if group is _SESSION:
                self.sessions[key] = None
                del keys[at], groups[at]
            elif self.wants(group):
                self.samples.append(text_of(key))
