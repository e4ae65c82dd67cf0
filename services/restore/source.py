"""An archive that is read for a restore: its manifest, and its parts under their new names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.archive.container import Reader
from services.archive.errors import ArchiveFlaw, ArchiveRefused
from services.archive.formats import TypedKey, key_of, lines_of
from services.archive.hearing import Hears, unheard
from services.archive.manifest import manifest_json
from services.archive.models import Manifest, Part
from services.archive.ports import Place
from services.archive.seal import Identity
from services.archive.service import parted
from services.figures import Measure
from services.restore.models import Brought, Plan
from services.restore.ports import KeySink, PointSink, RowSink
from services.restore.renaming import Renaming
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import OwnerKind
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes


@dataclass(frozen=True, slots=True)
class Tools:
    """What a restore needs. `place` opens a place by its URL, the one that is set for an empty one.

    `records` brings back what this product's own records had, and `saw` records node_ids with
    where each was seen. `there` counts what each store has under the names of a plan: None where
    it could not be asked.
    """

    rows: RowSink
    points: PointSink
    keys: KeySink
    place: Callable[[str], Place]
    identities: Callable[[], tuple[Identity, ...]]
    records: Callable[[OpenArchive, Renaming, TenantKey | None], Brought]
    saw: Callable[[Mapping[str, str]], None]
    there: Callable[[Plan], Mapping[Measure, int | None]]
    schemes: NamingSchemes
    service: str
    now: Callable[[], datetime]
    ownership: Callable[[], Ownership]


@dataclass(frozen=True, slots=True)
class OpenArchive:
    """One that is open. Each chunk is proven before it is given out. Raises ArchiveRefused."""

    reader: Reader

    @property
    def manifest(self) -> Manifest:
        """What is in it."""
        return self.reader.manifest

    def parts(self, store: str) -> tuple[Part, ...]:
        """Return the parts of a store that have anything, or whose place is worth having."""
        found = (part for part in self.manifest.parts if part.store == store)
        return tuple(part for part in found if part.count or store == "qdrant")

    def chunks(self, part: Part) -> Iterator[tuple[int, bytes]]:
        """Yield the chunks of a part with their numbers."""
        wanted = {each.number for each in self.manifest.chunks if each.part == part.name}
        for chunk, content in self.reader.chunks(wanted):
            if chunk.number in wanted:
                yield chunk.number, content

    def lines(self, part: Part) -> Iterator[bytes]:
        """Yield the lines of a part."""
        for _, content in self.chunks(part):
            yield from lines_of(content)

    def records(self, name: str) -> Iterator[Mapping[str, Any]]:
        """Yield the lines of a part of this product's own records; none where there is none."""
        part = self.manifest.part(name)
        if part is not None:
            yield from map(json.loads, self.lines(part))

    def holds(self, named: TenantKey | None) -> tuple[TenantKey, ...]:
        """Return the tenants, as they are to be called, that had a legal hold on their cards."""
        cards = self.records("records/cards")
        held = (TenantKey.written(line["tenant"]) for line in cards if line["hold"] is not None)
        return tuple(self.called(tenant, named) for tenant in held)

    def called(self, tenant: TenantKey, named: TenantKey | None) -> TenantKey:
        """Return a tenant under its new name; another one's than the archive's stays."""
        mine = tenant in self.manifest.target.tenants
        return named if mine and named is not None else tenant

    def keys(self, part: Part, renaming: Renaming) -> Iterator[TypedKey]:
        """Yield the keys of a part under their new names."""
        return (renaming.key(key_of(line)) for line in self.lines(part))

    def points(self, part: Part, renaming: Renaming) -> Iterator[Mapping[str, Any]]:
        """Yield the points of a part as they are to be."""
        shared = not part.description["whole"]
        for line in self.lines(part):
            yield renaming.point(json.loads(line), shared=shared)


@contextmanager
def opened(
    tools: Tools, url: str, *, manifest: str = "", hears: Hears = unheard
) -> Iterator[OpenArchive]:
    """Open an archive; where `manifest` is given, only if it says the same of itself as then.

    Raises ArchiveRefused, ArchiveError where it is not there, StoreError.
    """
    folder, name = parted(url)
    with tools.place(folder).reading(name) as stream:
        found = OpenArchive(Reader(hears(stream), tools.identities()))
        if manifest and digest_of(found.manifest) != manifest:
            raise ArchiveRefused(ArchiveFlaw.ALTERED)
        yield found


def digest_of(manifest: Manifest) -> str:
    """Return the SHA-256 of what an archive says of itself."""
    return hashlib.sha256(manifest_json(manifest)).hexdigest()


def names_of(part: Part, renaming: Renaming) -> Mapping[str, str]:
    """Return the names by which a table tells whose a row is, old and new."""
    return renaming.of(OwnerKind(part.description["names"]))


def collection_of(part: Part, renaming: Renaming) -> tuple[str, tuple[str, ...]]:
    """Return the name of a part's collection, and the aliases that it is to have if it is made."""
    about = part.description
    name = renaming.collection(about["collection"], about["asked_as"])
    return name, () if name != about["collection"] else tuple(about["aliases"])
