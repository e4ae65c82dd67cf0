"""What a restore would write, what is there already, and what does not fit. Nothing is written.

All of the archive is read for it, once: one that is cut or altered is refused here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from services.archive.formats import TypedKey
from services.archive.hearing import Hears, unheard
from services.archive.models import Format, Manifest, Part
from services.errors import NamingError, StoreNotConfigured
from services.restore.held import held, unborne
from services.restore.left_out import LeftOut
from services.restore.models import Held, Misfit, PartPlan, Plan, RestoreRefused, Unborne, Unfit
from services.restore.renaming import Renaming, renaming_of, unchanged
from services.restore.source import (
    OpenArchive,
    Tools,
    collection_of,
    digest_of,
    names_of,
    opened,
)
from services.tenancy.kb_ids import TenantKey

_PROBED = 500
_TYPES = frozenset({"string", "list", "set", "zset", "hash", "stream"})


def renaming_for(tools: Tools, manifest: Manifest, named: TenantKey | None) -> Renaming:
    """Return the names of everything in an archive. Raises RestoreRefused."""
    nodes, kb_ids, tenants = manifest.node_ids, manifest.kb_ids, manifest.tenant_ids
    if named is None:
        return unchanged(nodes, kb_ids, tenants, tools.service)
    old = manifest.target.tenant
    if old is None:
        raise RestoreRefused("only an archive of one tenant comes back as another")
    try:
        return renaming_of(
            old, named, nodes=nodes, kb_ids=kb_ids, tenants=tenants, schemes=tools.schemes,
            service=tools.service,
        )  # fmt: skip
    except NamingError as exc:
        raise RestoreRefused(str(exc)) from None


def plan(tools: Tools, url: str, named: TenantKey | None, hears: Hears = unheard) -> Plan:
    """Return what a restore would do. Raises RestoreRefused, ArchiveError, StoreError."""
    with opened(tools, url, hears=hears) as archive:
        return _Look(tools, archive, renaming_for(tools, archive.manifest, named)).plan(url, named)


@dataclass
class _Look:
    tools: Tools
    archive: OpenArchive
    renaming: Renaming
    misfits: list[Misfit] = field(default_factory=list)
    ending: set[bytes] = field(default_factory=set)

    def plan(self, url: str, named: TenantKey | None) -> Plan:
        manifest, names = self.archive.manifest, self.renaming
        parts = tuple(self._parts())
        target = manifest.target
        return Plan(
            url=url, archive_id=manifest.archive_id, manifest=digest_of(manifest),
            taken_at=manifest.started_at, target=target, named=named,
            tenants=(named,) if named else target.tenants,
            kb_ids=tuple(sorted(names.kb_ids.values())), nodes=tuple(sorted(names.nodes.values())),
            parts=parts, misfits=tuple(self.misfits), unread=names.unread, clashes=names.clashes,
            left_out=len(manifest.left_out), changed=len(manifest.changes),
            tenant_ids=tuple(sorted(names.tenants.values())), holds=self.archive.holds(named),
            held=self._held(named), unborne=self._unborne(named),
            field_ends_lost=self._field_ends_lost(),
        )  # fmt: skip

    def _held(self, named: TenantKey | None) -> tuple[Held, ...]:
        mine = (named,) if named else self.archive.manifest.target.tenants
        return tuple(held(self.renaming.kb_ids.values(), mine, self.tools.ownership()))

    def _unborne(self, named: TenantKey | None) -> tuple[Unborne, ...]:
        """Return the new names that KATO does not bear; old ones are as they were."""
        nodes = self.renaming.nodes.values() if named else ()
        return tuple(unborne(nodes, self.tools.ownership()))

    def _parts(self) -> Iterator[PartPlan]:
        looks = {"clickhouse": self._rows, "redis": self._keys, "qdrant": self._points}
        for part in self.archive.manifest.parts:
            look = looks.get(part.store)
            if look is None:
                yield PartPlan(part.name, sum(1 for _ in self.archive.lines(part)), None)
            elif part.count or part.store == "qdrant":
                try:
                    yield look(part)
                except StoreNotConfigured:
                    self.misfits.append(Misfit(part.name, Unfit.STORE))
                    yield PartPlan(part.name, part.count, None)

    def _rows(self, part: Part) -> PartPlan:
        for _ in self.archive.chunks(part):
            pass  # proven
        table = part.description["table"]
        if part.format is not Format.NATIVE:
            self.misfits.append(Misfit(part.name, Unfit.FORMAT))
            return PartPlan(part.name, part.count, None, table)
        misfit = self.tools.rows.misfit(part)
        if misfit is not None:
            self.misfits.append(misfit)
            return PartPlan(part.name, part.count, None, table)
        there = self.tools.rows.there(part, names_of(part, self.renaming))
        return PartPlan(part.name, part.count, there.count, table)

    def _points(self, part: Part) -> PartPlan:
        name, _ = collection_of(part, self.renaming)
        misfit = self.tools.points.misfit(part, name)
        if misfit is not None:
            self.misfits.append(misfit)
        there = self.tools.points.there(name, self.archive.points(part, self.renaming))
        return PartPlan(part.name, part.count, there, name)

    def _keys(self, part: Part) -> PartPlan:
        there, names = 0, list[bytes]()
        left = LeftOut(self.tools.keys, self.renaming)
        for key in left.kept(self.archive.keys(part, self.renaming)):
            self._check_type(part, key)
            if key.type == "hash" and any(ends for _, _, ends in key.value):
                self.ending.add(key.key)
            if not key.continues:
                names.append(key.key)
            if len(names) == _PROBED:
                there += len(self.tools.keys.there(names))
                names = []
        there += len(self.tools.keys.there(names))
        return PartPlan(part.name, part.count, there, left_out=len(left.names))

    def _field_ends_lost(self) -> int:
        """Return how many hashes there are whose fields would stay, which ended where they were."""
        if not self.ending or self.tools.keys.lets_fields_end():
            return 0
        return len(self.ending)

    def _check_type(self, part: Part, key: TypedKey) -> None:
        if key.type not in _TYPES:
            misfit = Misfit(part.name, Unfit.TYPE_OF_KEY, key.type)
            if misfit not in self.misfits:
                self.misfits.append(misfit)
