"""The deployment to which a tenant moves: what is asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from services.archive import plan as planning
from services.archive.as_part import address
from services.archive.models import Archive
from services.archive.tools import Tools as ArchiveTools
from services.archive.verify import asks_of
from services.errors import StoreNotConfigured
from services.jobs.service import JobsService
from services.move.compare import PartThere, asked, compare, owners_of
from services.purge.models import Plan as Purge, Request, Surface, Target, VectorNames
from services.purge.service import PurgeService
from services.restore.plan import renaming_for
from services.restore.service import RestoreService
from services.restore.source import Tools as RestoreTools, opened
from services.tenancy.kb_ids import TenantKey
from services.visible import visible

KIND_IN = "move in"
"""The kind of a restore there: one that the dashboard of that deployment does not run."""

CLOCKS_APART = 60
"""By how many seconds the clocks of two Redis servers may differ: sessions end by them."""

_NAMED = 3


@dataclass(frozen=True, slots=True)
class There:
    """Another deployment, called `name` here, opened.

    `archives` and `stores` are what reads and writes its stores, `jobs` runs restores there.
    `differs` says in what it names tenants otherwise than this one, `same` which of its stores are
    those of this one, both empty where that is well; `servers` are the ids by which each of its
    stores is known. `ahead` is by how many seconds its Redis' clock is ahead of the one here.
    `is_parked` is whether its records say so of a tenant, `unbury` has a purge there expect back
    what it erased, and `arrived` notes there that a tenant came (back).
    """

    name: str
    archives: ArchiveTools
    stores: RestoreTools
    restores: RestoreService
    jobs: JobsService
    purges: PurgeService
    erasable: Callable[[Request], tuple[str, ...]]
    versions: Callable[[], Mapping[str, str]]
    differs: tuple[str, ...]
    same: Callable[[], tuple[str, ...]]
    servers: Callable[[], Mapping[str, frozenset[str]]]
    ahead: Callable[[], float]
    is_parked: Callable[[TenantKey], bool]
    unbury: Callable[[str], None]
    arrived: Callable[[TenantKey], None]

    def obstacles(self, tenant: TenantKey, surface: Surface) -> Iterator[str]:
        """Say what there stands in the way of a tenant that has not come yet. Raises StoreError.

        `surface` are the exact names that it has here.
        """
        for store in self.same():
            yield f"{self.name} has the same {store} as this deployment: there is nowhere to move"
        for what in self.differs:
            yield f"{self.name} names tenants otherwise than this deployment ({what})"
        yield from self.clocks()
        if self.is_parked(tenant):
            yield f"it is parked in {self.name}: bring it back there, or let go of it"
        found = self.found(tenant)
        yield from (f"{self.name}: {s.value} could not be asked: {w}" for s, w in
                    found.problems.items())  # fmt: skip
        filled = {item.kind for item in found.items} | set(self._filled(surface))
        if filled:
            yield f"{self.name} has data of it already ({some(filled)}): nothing is mixed"
        led = surface.collections & self.collections().aliases.keys()
        if led:
            yield f"in {self.name} {some(led)} leads to another collection: nothing is mixed"
        yield from self.strangers(tenant, surface.kb_ids)
        yield from (f"{self.name}: {why}" for why in self.erasable(Request(Target(tenant))))

    def clocks(self) -> Iterator[str]:
        """Say that what ends by its own time would end too soon there, or too late."""
        ahead = self.ahead()
        if abs(ahead) > CLOCKS_APART:
            way = "ahead of" if ahead > 0 else "behind"
            yield (f"the clock of Redis in {self.name} is {abs(ahead):,.0f} s {way} the one here, "
                   "and sessions end by it: set it right")  # fmt: skip

    def strangers(self, tenant: TenantKey, kb_ids: Iterable[str]) -> Iterator[str]:
        """Say which kb_ids somebody else has there."""
        ownership = self.archives.ownership()
        for kb_id in sorted(kb_ids):
            nodes = ownership.nodes_by_kb.get(kb_id, ())
            others = {ownership.tenant_of(node) for node in nodes} - {tenant}
            if others:
                yield f"in {self.name} {visible(kb_id)} is another tenant's"

    def found(self, tenant: TenantKey) -> Purge:
        """Look at what there is of a tenant; a plan of which nothing is kept. Raises StoreError."""
        return planning.plan(self.archives, Request(Target(tenant)), unseen=True).plan

    def collections(self) -> VectorNames:
        """Name the collections there, and their aliases; none where there is no Qdrant."""
        with suppress(StoreNotConfigured):
            return self.archives.erasers.vectors.names()
        return VectorNames({})

    def compare(self, archive: Archive, tenant: TenantKey) -> tuple[PartThere, ...]:
        """Hold all that is there of the tenant against an archive, by whatever name it is there."""
        found = self.found(tenant)
        planning.check(found)
        return compare(self.archives, self.stores, address(archive), found.items)

    def owners(self, archive: Archive) -> frozenset[str]:
        """Return everything by whose name something can be in an archive."""
        with opened(self.stores, address(archive)) as found:
            return owners_of(found.manifest)

    def name_first(self, archive: Archive) -> None:
        """Have the records there know whose is what, before any of it is: a purge goes by that."""
        with opened(self.stores, address(archive)) as found:
            self.stores.records(found, renaming_for(self.stores, found.manifest, None), None)

    def _filled(self, surface: Surface) -> Iterator[str]:
        """Name the parts of which anything is there by these names, whoever it is said to be."""
        for ask in asks_of(self.archives, surface).values():
            yield from (name for name, total in asked(ask).items() if total.count)


def some(parts: Iterable[str]) -> str:
    """Name a few of them."""
    return ", ".join(map(visible, sorted(parts)[:_NAMED]))
