"""Which Redis keys a purge's surface is about: told by the exact owner that a name says. Pure.

A key is told apart by what stands before its first colon, so that those of others cost next to
nothing; only what may be the surface's is read whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress

from services.purge.models import Surface
from services.purge.ports import WantsNode
from services.stores.redis.heads import SPECIAL_HEADS, heads_of
from services.tenancy.layout import KB_KINDS, OwnerKind, bytes_of, read_key, text_of

_SHARED = SPECIAL_HEADS - {b"tenant"}


Which = tuple[str, str]
"""Whose a key is, as it is written there, and its kind."""

Lots = Mapping[Which, Sequence[bytes]]
"""Keys of a surface by owner and kind."""

_MOST_STEMS = 50_000


@dataclass(slots=True)
class Aside:
    """What only the whole pass can tell about: records, and keys that may name a session.

    `bare` are keys that are a name of the surface and nothing else, `clashing` how many keys each
    kb_id has that is not told from what else keys begin with.
    """

    records: list[bytes] = field(default_factory=list)
    tenant_records: defaultdict[Which, list[bytes]] = field(
        default_factory=lambda: defaultdict(list)
    )
    caches: list[bytes] = field(default_factory=list)
    unknown: list[bytes] = field(default_factory=list)
    bare: list[bytes] = field(default_factory=list)
    streams: list[bytes] = field(default_factory=list)
    index: bool = False
    clashing: dict[bytes, int] = field(default_factory=dict)


class KeySorter:
    """Sorts the keys of one pass; what is not the surface's own at sight goes `aside`."""

    def __init__(self, surface: Surface, wants: WantsNode, *, service: str) -> None:
        kb_ids = frozenset(map(bytes_of, surface.kb_ids))
        joined = {kb_id for kb_id in kb_ids if b":" in kb_id}
        self._clashing = tuple(sorted(kb_ids & SPECIAL_HEADS | joined))
        self._kb_ids = kb_ids.difference(self._clashing)
        self._tenant_ids = surface.tenant_ids
        self._wants = wants
        self._service = service
        special = SPECIAL_HEADS if surface.tenant_ids else _SHARED
        self._heads = self._kb_ids | special | {kb.partition(b":")[0] for kb in self._clashing}
        self._by_head: dict[bytes, Callable[[bytes], Which | None]] = {
            b"kato": self._kato,
            b"stm": self._stream,
            b"patterns": self._cache,
            b"symbols": self._cache,
            b"tenant": self._guide,
        }
        # What keys of a kb_id begin with up to the second colon, which repeats all the time.
        self._stems: dict[bytes, Which] = {}
        self.aside = Aside()

    def sort(self, keys: Iterable[bytes]) -> Lots:
        """Return the keys that are the surface's own, and keep in mind what may be."""
        heads, found = self._heads, defaultdict[Which, list[bytes]](list)
        for key in compress(keys, map(heads.__contains__, heads_of(keys))):
            end = key.find(b":", key.find(b":") + 1)
            stem = key if end < 0 else key[:end]
            which = self._stems.get(stem) or self._sorted(key, stem)
            if which is not None:
                found[which].append(key)
        return found

    def _sorted(self, key: bytes, stem: bytes) -> Which | None:
        head, colon, rest = key.partition(b":")
        special = self._by_head.get(head)
        own = special(key) if special is not None else None
        if own is None:
            self._note_clash(key)
        if own is not None or special is not None:
            return own
        if head not in self._kb_ids:
            return None
        if not colon:
            self.aside.bare.append(key)
            return None
        word = text_of(rest.partition(b":")[0])
        which = text_of(head), word if word in KB_KINDS else "other"
        if stem == head + b":" + bytes_of(word):
            self._remember(stem, which)
        return which

    def _remember(self, stem: bytes, which: Which) -> None:
        if len(self._stems) >= _MOST_STEMS:
            self._stems.clear()
        self._stems[stem] = which

    def _note_clash(self, key: bytes) -> None:
        """Note a key that could be a kb_id's or something else's; a tenant's own is its own."""
        for kb_id in self.clashes(key):
            self.aside.clashing[kb_id] = self.aside.clashing.get(kb_id, 0) + 1

    def clashes(self, key: bytes) -> list[bytes]:
        """Return the kb_ids that a key may be of, or of something else that begins so."""
        if not self._clashing or self._is_tenants(key):
            return []
        begins = [kb_id for kb_id in self._clashing if key.startswith(kb_id)]
        return [kb for kb in begins if key[len(kb) :][:1] == b":" or (key == kb and b":" in kb)]

    def _is_tenants(self, key: bytes) -> bool:
        owner = read_key(key, self._service).owner
        return owner.kind is OwnerKind.TENANT and owner.name in self._tenant_ids

    def _kato(self, key: bytes) -> Which | None:
        name = read_key(key, self._service)
        match name.kind:
            case "active_pointer":
                if self._wants(name.owner.name):
                    return name.owner.name, name.kind
            case "session_index":
                self.aside.index = True
            case "session":
                self.aside.records.append(key)
            case "metrics":
                self.aside.caches.append(key)
            case _:
                self.aside.unknown.append(key)
        return None

    def _stream(self, key: bytes) -> None:
        self.aside.streams.append(key)
        if read_key(key, self._service).kind != "stream":
            self.aside.unknown.append(key)

    def _cache(self, key: bytes) -> None:
        known = read_key(key, self._service).kind == "cache"
        (self.aside.caches if known else self.aside.unknown).append(key)

    def _guide(self, key: bytes) -> Which | None:
        name = read_key(key, self._service)
        if name.owner.kind is not OwnerKind.TENANT:
            self._note_bare_tenant(key)
            return None
        if name.owner.name not in self._tenant_ids:
            return None
        own = name.owner.name, name.kind
        if name.kind != "session":
            return own
        self.aside.tenant_records[own].append(key)
        return None

    def _note_bare_tenant(self, key: bytes) -> None:
        """Note a key that names a tenant of the surface and nothing of it."""
        if text_of(key.partition(b":")[2]) in self._tenant_ids:
            self.aside.bare.append(key)


class Mentions:
    """Finds which of some names stands in a key as a whole `:`-separated segment (or several)."""

    def __init__(self, names: Iterable[bytes]) -> None:
        known = {name for name in names if name}
        self._plain = frozenset(name for name in known if b":" not in name)
        self._joined = tuple(sorted(name for name in known if b":" in name))

    def in_key(self, key: bytes) -> bytes | None:
        """Return the name that a key mentions, the longest where there are several."""
        found = [part for part in key.split(b":") if part in self._plain]
        if self._joined:
            framed = b":%b:" % key
            found += [name for name in self._joined if b":%b:" % name in framed]
        return max(found, key=len, default=None)
