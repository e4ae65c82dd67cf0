"""What one look of a purge at ClickHouse finds: what goes, what is in the way, what stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from services.errors import StoreDenied, StoreRejected
from services.figures import Measure
from services.purge.models import Item, LeftKind, LeftOut, Look, Reckoning, Surface
from services.stores.clickhouse.catalogue import Catalogue
from services.stores.clickhouse.owner_columns import Place, Table
from services.stores.clickhouse.servers import most
from services.stores.clickhouse.surface import (
    Detached,
    Partition,
    PatternSurface,
    Whole,
    merged,
)
from services.stores.clickhouse.views import Ref
from services.tenancy.layout import OwnerKind

COPIES = (
    "Copies that no query can see stay, where anybody made them: what FREEZE put under "
    "ClickHouse's shadow/, BACKUPs, and the copies of KATO's own backup_redis.sh; and its "
    "rehydrate_redis.py writes again into Redis what ClickHouse still holds"
)
"""What every look discloses."""

_OWNERS = {
    OwnerKind.KB: "kb_ids",
    OwnerKind.NODE: "node_ids",
    OwnerKind.TENANT: "tenant ids",
}
_OR_LEAVE = "or pass it over by its name, and its rows stay"
_NOBODYS = "no column says surely whose its rows are"
_NAME_IT = "call the column kb_id or node_id if that is what it is, or delete these rows"


class PatternLook:
    """One look. `run` raises StoreError."""

    def __init__(self, there: PatternSurface, surface: Surface) -> None:
        self._there = there
        self._surface = surface
        self._items = list[Item]()
        self._blockers = list[str]()
        self._disclosed = [COPIES]
        self._left = list[LeftOut]()
        self._unasked = set[Ref]()
        self._servers = dict[str, int]()

    def run(self) -> Look:
        """Look into every table, and count all of them before and after."""
        catalogue = self._there.catalogue()
        homes = catalogue.homes
        before = self._there.totals(homes)
        wholes = self._there.wholes(homes)
        if self._there.everyone:
            self._look(catalogue, wholes)
        after = self._there.totals(homes)
        return Look(
            items=tuple(self._items),
            blockers=tuple(self._blockers),
            disclosed=tuple(self._disclosed),
            left=tuple(self._left),
            everything=_reckoned(catalogue, before, wholes, after),
            servers=self._servers,
        )

    def _look(self, catalogue: Catalogue, wholes: Mapping[Ref, Whole]) -> None:
        told = self._there.by_server(catalogue.homes)
        for shard, server, has in told:
            found = partition_items(self._there, catalogue, merged([(shard, has)]))
            self._tell(server, sum(item.count for item in found))
        every = merged((shard, has) for shard, _, has in told)
        self._items += partition_items(self._there, catalogue, every)
        detached = self._there.detached(catalogue.homes)
        for place, at, owner, parts in detached_of(self._there, catalogue, detached):
            kind = f"detached parts of {place.table.label}"
            how = f"DROP DETACHED PARTITION {at}"
            self._items.append(Item(Measure.PATTERNS, owner, kind, parts, how=how))
        self._disclosed += _unreadable(catalogue, detached)
        for table in catalogue.tables:
            self._look_into(table, wholes.get(table.ref))
        for database, name in catalogue.unseen:
            self._refuse_unseen(f"{database}.{name}")

    def _tell(self, server: str, rows: int) -> None:
        if server:  # one alone has no name
            self._servers[server] = self._servers.get(server, 0) + rows

    def _look_into(self, table: Table, whole: Whole | None) -> None:
        place = table.place
        if place is not None and place.obstacle:
            self._refuse(place, place.obstacle, place.remedy)
        elif place is not None and not place.by_partition and whole is not None:
            self._count(place, whole)
        hits = [self._look_for(hint, place) for hint in table.hints]
        unsure = table.fed_by and place is None and table.has_rows and not any(hits)
        if unsure and (whole is None or whole.rows):
            self._disclosed.append(
                f"{table.words} holds what comes from KATO's tables, and names no owner: whether "
                "it holds anything of these kb_ids is not known"
            )

    def _count(self, place: Place, whole: Whole) -> None:
        how = f"mutation; rewrites or clones all {whole.parts} parts ({whole.weight}) of the table"
        try:
            told = self._there.rows_by_server(place, masked=whole.masked)
        except StoreDenied as exc:
            if place.table.here:
                raise
            self._refuse_unasked(place, exc.reason)
            return
        for _, server, counts in told:
            self._tell(server, sum(counts.values()))
        for owner, count in most((shard, counts) for shard, _, counts in told).items():
            self._items.append(Item(Measure.PATTERNS, owner, place.table.label, count, how=how))

    def _look_for(self, hint: Place, place: Place | None) -> bool:
        """Look for rows that name an owner in another column than that by which they are told."""
        if hint.table.ref in self._unasked:
            return True
        if place is None:
            return self._refuse(hint, _NOBODYS, _NAME_IT)
        if not self._there.names_in(hint):
            return False
        try:
            rows = sum(self._there.rows(hint, without=place).values())
        except (StoreRejected, StoreDenied) as exc:
            if place.table.here and isinstance(exc, StoreDenied):
                raise
            self._refuse_unasked(hint, exc.reason)
            return True
        if rows:
            self._disclosed.append(
                f"{hint.table.words} has {rows:,} rows whose {hint.column.name} is one "
                f"of these {_OWNERS[hint.kind]} and whose {place.column.name} is somebody else's: "
                "these stay"
            )
        return bool(rows)

    def _refuse(self, place: Place, why: str, remedy: str) -> bool:
        """Block, or leave what was passed over, where there are rows."""
        try:
            rows = self._there.rows(place)
        except (StoreRejected, StoreDenied) as exc:
            self._refuse_unasked(place, exc.reason)
            return True
        if rows:
            count, owners = sum(rows.values()), _OWNERS[place.kind]
            text = (
                f"{place.table.words} holds {count:,} rows of these {owners} that cannot be "
                f"erased: {why}; {remedy}, {_OR_LEAVE}"
            )
            self._block(place.table.label, text, why, rows)
        return bool(rows)

    def _refuse_unasked(self, place: Place, reason: str) -> None:
        self._unasked.add(place.table.ref)
        text = (
            f"{place.table.words} cannot be asked for rows of these {_OWNERS[place.kind]}: "
            f"{reason}; let this user read it, {_OR_LEAVE}"
        )
        owners = dict.fromkeys(self._there.names_in(place))
        self._block(place.table.label, text, f"it could not be looked into: {reason}", owners)

    def _refuse_unseen(self, label: str) -> None:
        text = (
            f"the view {label} takes rows out of KATO's tables, and this user is not shown where "
            f"to: let this user see it, {_OR_LEAVE}"
        )
        owners = dict.fromkeys(self._surface.kb_ids)
        self._block(label, text, "this user is not shown where its rows are", owners)

    def _block(self, label: str, text: str, why: str, rows: Mapping[str, int | None]) -> None:
        if label not in self._surface.passed_over:
            self._blockers.append(text)
            return
        self._left += [
            LeftOut(
                owner, why, kind=LeftKind.NOT_ERASABLE, alone=True, place=label,
                counts={Measure.PATTERNS: count},
            )
            for owner, count in sorted(rows.items())
        ]  # fmt: skip


def partition_items(
    there: PatternSurface, catalogue: Catalogue, partitions: Iterable[Partition]
) -> Iterator[Item]:
    """Yield what each table has under a partition that is one of its owners."""
    places = by_partition(catalogue.places)
    for each in partitions:
        place = places.get(each.ref)
        if place is not None and each.owner in there.names_in(place):
            how = f"DROP PARTITION; {each.parts} part{'' if each.parts == 1 else 's'}"
            label = place.table.label
            yield Item(Measure.PATTERNS, each.owner, label, each.rows, each.size, how=how)


def by_partition(places: Iterable[Place]) -> dict[Ref, Place]:
    """Return the tables whose partitions are owners."""
    return {place.table.ref: place for place in places if place.by_partition}


def detached_of(
    there: PatternSurface, catalogue: Catalogue, detached: Iterable[Detached]
) -> Iterator[tuple[Place, str, str, int]]:
    """Yield place, partition id, owner and number of the owners' own detached parts."""
    places = by_partition(catalogue.places)
    found = [each for each in detached if each.ref in places]
    whose = there.partition_ids() if found else {}
    for each in found:
        place, owner = places[each.ref], whose.get(each.id)
        if owner is not None and owner in there.names_in(place):
            yield place, each.id, owner, each.parts


def _unreadable(catalogue: Catalogue, detached: Iterable[Detached]) -> Iterator[str]:
    """Disclose detached parts that do not tell whose they are."""
    looked = {table.ref: table for table in catalogue.tables if table.place or table.hints}
    places = by_partition(catalogue.places)
    for each in detached:
        if each.ref in looked and not (each.ref in places and each.id):
            yield (
                f"the table {looked[each.ref].label} has {each.parts} detached parts, which "
                "ClickHouse does not read: whether they hold rows of these kb_ids is not known"
            )


def _reckoned(
    catalogue: Catalogue,
    before: Mapping[Ref, int],
    wholes: Mapping[Ref, Whole],
    after: Mapping[Ref, int],
) -> Reckoning:
    """Reckon over every table with rows of its own.

    Both figures count rows that are only marked deleted, so that a merge which takes these away
    takes them from both. What is in no part (tables of other engines) is in the total alone.
    """
    refs = [table.ref for table in catalogue.tables if table.has_rows]
    total = sum(after.get(ref, 0) for ref in refs)
    seen = sum(wholes[ref].rows for ref in refs if ref in wholes)
    return Reckoning(total, seen, total - sum(before.get(ref, 0) for ref in refs))
