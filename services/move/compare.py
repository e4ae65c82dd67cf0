"""What another deployment has of a tenant, held against an archive, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from services.archive.models import Manifest, Part, Print
from services.archive.tools import Tools as ArchiveTools
from services.archive.verify import asks_of, surface_of
from services.errors import StoreNotConfigured
from services.figures import Measure
from services.purge.models import Item
from services.restore.plan import renaming_for
from services.restore.source import (
    OpenArchive,
    Tools as RestoreTools,
    collection_of,
    names_of,
    opened,
)
from services.tenancy.layout import bytes_of

T = TypeVar("T")

_PROBED = 500
_PARTS = {
    Measure.PATTERNS: "clickhouse/rows", Measure.KEYS: "redis/keys",
    Measure.SESSIONS: "redis/sessions", Measure.VECTORS: "qdrant/points",
}  # fmt: skip
_MEASURES = {"clickhouse": Measure.PATTERNS, "qdrant": Measure.VECTORS, "redis": Measure.KEYS}


@dataclass(frozen=True, slots=True)
class PartThere:
    """How one part is there, or what is there by a name that the archive does not have.

    `there` is how much of the tenant there is. `differing` is how much of the archive is not there
    as it is in it, and `strange` how much is there that is not of the archive, or not as in it.
    What has ended by its own time is rightly gone.
    """

    part: str
    there: int
    differing: int
    strange: int

    @property
    def exact(self) -> bool:
        """Whether it is there as it is in the archive, and nothing else."""
        return not (self.differing or self.strange)

    @property
    def measure(self) -> Measure:
        """The store that it is of, as a purge calls it."""
        part = self.part.partition(" ")[0]
        return Measure.SESSIONS if part == "redis/sessions" else _MEASURES[part.partition("/")[0]]


def compare(
    archives: ArchiveTools, stores: RestoreTools, url: str, items: Iterable[Item]
) -> tuple[PartThere, ...]:
    """Compare everything; `items` are all that is there, and whose.

    Raises ArchiveError, StoreError, also for a store that is not there.
    """
    with opened(stores, url) as archive:
        parts = _Comparing(archives, stores, archive).parts()
        return (*parts, *_beyond(items, owners_of(archive.manifest)))


def owners_of(manifest: Manifest) -> frozenset[str]:
    """Return everything by whose name something can be in an archive."""
    return frozenset((*manifest.kb_ids, *manifest.tenant_ids, *manifest.node_ids))


def _beyond(items: Iterable[Item], owners: frozenset[str]) -> Iterator[PartThere]:
    for item in items:
        if item.count and item.owner not in owners:
            name = f"{_PARTS[item.store]} {item.owner}"
            yield PartThere(name, item.count, 0, item.count)


@dataclass(frozen=True, slots=True)
class _Comparing:
    archives: ArchiveTools
    stores: RestoreTools
    archive: OpenArchive

    def parts(self) -> Iterator[PartThere]:
        """Yield each part that the archive or the store has anything of."""
        looks = {"clickhouse": self._rows, "redis": self._keys, "qdrant": self._points}
        for store, ask in asks_of(self.archives, surface_of(self.archive.manifest)).items():
            parts = {part.name: part for part in self.archive.parts(store)}
            totals = asked(ask, needed=bool(parts))
            for name, part in parts.items():
                yield looks[store](part, totals.get(name, Print(0, "")).count)
            yield from (
                PartThere(name, total.count, 0, total.count)
                for name, total in totals.items() if total.count and name not in parts
            )  # fmt: skip

    def _rows(self, part: Part, total: int) -> PartThere:
        if not total:
            return PartThere(part.name, 0, part.count, 0)
        names = names_of(part, renaming_for(self.stores, self.archive.manifest, None))
        found = self.stores.rows.there(part, names)
        same = (found.count, found.fingerprint) == (part.count, part.fingerprint)
        return PartThere(
            part.name, total, 0 if same else part.count, total - part.count if same else total
        )

    def _points(self, part: Part, total: int) -> PartThere:
        renaming = renaming_for(self.stores, self.archive.manifest, None)
        name, _ = collection_of(part, renaming)
        sink, read = self.stores.points, self.archive.points
        if not total:
            return PartThere(part.name, 0, part.count, 0)
        differing = sum(1 for _ in sink.differing(name, read(part, renaming)))
        there = sink.there(name, read(part, renaming))
        changed, more = there - (part.count - differing), total - there
        return PartThere(part.name, total, differing, max(changed, 0) + max(more, 0))

    def _keys(self, part: Part, total: int) -> PartThere:
        renaming = renaming_for(self.stores, self.archive.manifest, None)
        sink, read = self.stores.keys, self.archive.keys
        differing = strange = 0
        for some in _batches(sink.differing(read(part, renaming)), _PROBED):
            differing += len(some)
            strange += len(sink.there(list(map(bytes_of, some))))
        names = (key.key for key in read(part, renaming) if not key.continues)
        there = sum(len(sink.there(some)) for some in _batches(names, _PROBED))
        return PartThere(part.name, total, differing, strange + max(total - there, 0))


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield items in lists of so many, the last shorter."""
    left = iter(items)
    while some := list(islice(left, size)):
        yield some


def asked(ask: Callable[[], Mapping[str, Print]], *, needed: bool = False) -> Mapping[str, Print]:
    """Ask a store; one that is not configured has nothing, and is an error where it is needed."""
    try:
        return ask()
    except StoreNotConfigured:
        if needed:
            raise
        return {}
