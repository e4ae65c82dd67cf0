"""Whether an archive is as it was written, and whether the stores still are as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from services.archive.container import Reader
from services.archive.errors import ArchiveError, ArchiveFlaw, ArchiveRefused
from services.archive.models import Archive, Difference, Manifest, Part, Print, State
from services.archive.ports import Place
from services.archive.take import hashed
from services.archive.tools import Tools
from services.errors import StoreNotConfigured
from services.purge.models import Surface


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


def prove(tools: Tools, place: Place, name: str, known: Archive | None = None) -> Proof:
    """Read all of an archive, and compare every hash, and the file's with what is known of it.

    Raises ArchiveRefused for one that is not as it was written, ArchiveError where it is not
    there, StoreError where its place does not answer.
    """
    with place.reading(name) as stream:
        size, sha256 = hashed(stream)
        if known is not None and known.sha256 and known.sha256 != sha256:
            raise ArchiveRefused(ArchiveFlaw.ALTERED)
        stream.seek(0)
        try:
            manifest = Reader(stream, tools.identities()).prove()
        except ArchiveRefused as exc:
            if exc.flaw is not ArchiveFlaw.LOCKED or known is None or not known.sha256:
                raise
            return Proof(name, size, sha256, None)
    return Proof(name, size, sha256, manifest)


def compare(tools: Tools, manifest: Manifest) -> tuple[Difference, ...]:
    """Read the stores again by an archive's names, and return the parts that are otherwise there.

    A store that is not configured now cannot be asked. Raises StoreError for one that fails.
    """
    asks = asks_of(tools, surface_of(manifest))
    return tuple(
        difference
        for store, ask in asks.items()
        for difference in _of_store(
            {part.name: part for part in manifest.parts if part.store == store}, ask
        )
    )


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
    """Keep what a proof came to in the records."""
    if flaw is None:
        found = replace(archive, state=State.PROVEN, proven_at=tools.now(), problem="")
    else:
        found = replace(archive, state=State.BROKEN, problem=str(flaw))
    tools.book.put(found)
    return found
