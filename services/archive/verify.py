"""Whether an archive is as it was written, and whether the stores still are as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import BinaryIO, cast

from services.archive.container import Reader
from services.archive.errors import ArchiveError, ArchiveFlaw, ArchiveRefused
from services.archive.hearing import Hears, unheard
from services.archive.models import Archive, Difference, Manifest, Part, Print, State
from services.archive.ports import Place
from services.archive.tools import Tools
from services.errors import StoreNotConfigured
from services.purge.models import Surface

_READ_BYTES = 1024 * 1024
_CALLED = {"clickhouse": "ClickHouse", "redis": "Redis", "qdrant": "Qdrant"}


@dataclass(frozen=True, slots=True)
class Proof:
    """What was read back. `manifest` is None of one that is encrypted where no identity is set.

    Then only its hash was compared, with that which the records have of when it was written.
    """

    name: str
    bytes: int
    sha256: str
    manifest: Manifest | None
    differences: tuple[Difference, ...] | None = None


def prove(
    tools: Tools, place: Place, name: str, known: Archive | None = None, *, hears: Hears = unheard
) -> Proof:  # fmt: skip
    """Read all of an archive, and compare every hash, and the file's with what is known of it.

    Raises ArchiveRefused for one that is not as it was written, ArchiveError where it is not
    there, StoreError where its place does not answer.
    """
    with place.reading(name) as stream:
        found, manifest = _HashedOnce(hears(stream)), None
        try:
            manifest = Reader(cast("BinaryIO", found), tools.identities()).prove()
        except ArchiveRefused as exc:
            if exc.flaw is not ArchiveFlaw.LOCKED or known is None or not known.sha256:
                raise
        size, sha256 = found.end()
    if known is not None and known.sha256 and known.sha256 != sha256:
        raise ArchiveRefused(ArchiveFlaw.ALTERED)
    return Proof(name, size, sha256, manifest)


class _HashedOnce:
    """A stream that is hashed from its beginning on as it is read, whatever is looked at between.

    A place may be far away: no byte but those of the manifest is fetched twice.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self._at = self._hashed = 0

    def seekable(self) -> bool:
        """Whether it can be sought."""
        return self._stream.seekable()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go somewhere."""
        self._at = self._stream.seek(offset, whence)
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """Read so many bytes, or fewer; those that are next in turn are hashed."""
        data = self._stream.read(size)
        if self._at == self._hashed:
            self._digest.update(data)
            self._hashed += len(data)
        self._at += len(data)
        return data

    def end(self) -> tuple[int, str]:
        """Read what is left, and return how many bytes there are in all, and their SHA-256."""
        self.seek(self._hashed)
        while self.read(_READ_BYTES):
            pass
        return self._hashed, self._digest.hexdigest()


def compare(
    tools: Tools, manifest: Manifest, *, hears: Hears = unheard
) -> tuple[Difference, ...]:  # fmt: skip
    """Read the stores again by an archive's names, and return the parts that are otherwise there.

    A store that is not configured now cannot be asked. Raises StoreError for one that fails.
    """
    found = list[Difference]()
    for store, ask in asks_of(tools, surface_of(manifest)).items():
        hears.turns_to(f"comparing with {_CALLED[store]}")
        parts = {part.name: part for part in manifest.parts if part.store == store}
        found += _of_store(parts, ask)
    return tuple(found)


def surface_of(manifest: Manifest) -> Surface:
    """Return the names that an archive was taken by."""
    return Surface(
        kb_ids=frozenset(manifest.kb_ids), tenant_ids=frozenset(manifest.tenant_ids),
        nodes=frozenset(manifest.node_ids), collections=frozenset(manifest.collections),
    )  # fmt: skip


def asks_of(tools: Tools, surface: Surface) -> Mapping[str, Callable[[], Mapping[str, Print]]]:
    """Return what asks each store how much it has of these names, and its fingerprint."""
    wants = surface.nodes.__contains__
    return {
        "clickhouse": lambda: tools.patterns.prints(surface),
        "redis": lambda: tools.keys.prints(surface, wants),
        "qdrant": lambda: tools.vectors.prints(surface),
    }


def _of_store(
    parts: Mapping[str, Part], ask: Callable[[], Mapping[str, Print]]
) -> Iterator[Difference]:
    there: Mapping[str, Print] | None = None
    with suppress(StoreNotConfigured):
        there = ask()
    if there is None:
        yield from (Difference(part.name, part.count, None, None) for part in parts.values())
        return
    for name in sorted(parts.keys() | there.keys()):
        part, now = parts.get(name), there.get(name, Print(0, ""))
        count, mark = (part.count, part.fingerprint) if part else (0, "")
        same = (count, mark) == (now.count, now.fingerprint) or (count == 0 == now.count)
        if not same:
            yield Difference(name, count, now.count, same_content=False)


def noted(tools: Tools, archive: Archive, flaw: ArchiveRefused | ArchiveError | None) -> Archive:
    """Keep what a proof came to in the records; of one that was removed meanwhile, that it was."""
    if flaw is None:
        found = replace(archive, state=State.PROVEN, proven_at=tools.now(), problem="")
    else:
        found = replace(archive, state=State.BROKEN, problem=str(flaw))
    return found if tools.book.note(found) else replace(archive, state=State.REMOVED)
