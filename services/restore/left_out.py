"""What does not come back as another tenant, since its name is not the tenant's to have.

A session's id is one for the whole deployment: one that lives on as somebody else's cannot be there
twice, and what points to it would lead into another's memory. KATO's caches are made anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from services.archive.formats import TypedKey
from services.restore.ports import KeySink
from services.restore.renaming import Renaming
from services.tenancy.layout import SESSION_PREFIX, bytes_of, read_key

_BATCH = 50
"""Keys that are held in memory at once, with their values."""
_MADE_ANEW = frozenset({"cache", "metrics"})


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Passes keys on under their new names; `names` are those it did not, in their order."""

    keys: KeySink
    renaming: Renaming
    names: dict[bytes, None] = field(default_factory=dict)

    def kept(self, keys: Iterable[TypedKey]) -> Iterator[TypedKey]:
        """Yield what comes back: all of it where nothing gets another name. Raises StoreError."""
        if not self.renaming.renames:
            yield from keys
            return
        ahead = iter(keys)
        while batch := list(islice(ahead, _BATCH)):
            self.names.update(dict.fromkeys(self._left(batch)))
            yield from (key for key in batch if key.key not in self.names)

    def _left(self, batch: Sequence[TypedKey]) -> Iterator[bytes]:
        first = [key for key in batch if not key.continues]
        records = {key.key: record for key in first if (record := _record(key)) is not None}
        held = self._held(tuple(dict.fromkeys(records.values())))
        for key in first:
            if records.get(key.key) in held or read_key(key.key).kind in _MADE_ANEW:
                yield key.key

    def _held(self, records: Sequence[bytes]) -> frozenset[bytes]:
        """Return the records that are there and are not of a node_id that comes back."""
        ours = frozenset(self.renaming.nodes.values())
        found = self.keys.nodes(records) if records else {}
        return frozenset(record for record, node in found.items() if node not in ours)


def _record(key: TypedKey) -> bytes | None:
    """Return the key of the session's record that this one is, or points to; None without one."""
    kind = read_key(key.key).kind
    if kind == "active_pointer":
        return SESSION_PREFIX + bytes_of(key.value) if key.type == "string" else None
    return key.key if kind == "session" and key.key.startswith(SESSION_PREFIX) else None
