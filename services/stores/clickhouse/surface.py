"""What ClickHouse holds of the owners of a surface, by their exact names. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from services.purge.models import Surface
from services.stores.clickhouse.catalogue import LOOKING, Catalogue, catalogue_of, one
from services.stores.clickhouse.connect import Identifier, Names
from services.stores.clickhouse.owner_columns import Place
from services.stores.clickhouse.query import Asking
from services.stores.clickhouse.servers import added, most
from services.stores.clickhouse.views import Ref
from services.tenancy.layout import OwnerKind, text_of

_PARTITIONS = """
SELECT groupArray((home, table, partition, id, parts, found, size)) FROM (
    SELECT database AS home, table, partition, partition_id AS id, count() AS parts,
           sum(rows) AS found, sum(bytes_on_disk) AS size
    FROM system.parts
    WHERE database IN {homes:Array(String)} AND active AND rows > 0
      AND (partition IN {names:Array(String)} OR {all:UInt8})
    GROUP BY home, table, partition, id
)
"""
_WHOLE = """
SELECT groupArray((home, table, parts, size, masked, found)) FROM (
    SELECT database AS home, table, count() AS parts, sum(bytes_on_disk) AS size,
           max(has_lightweight_delete) AS masked, sum(rows) AS found
    FROM system.parts WHERE database IN {homes:Array(String)} AND active GROUP BY home, table
)
"""
_TOTALS = """
SELECT groupArray((database, name, ifNull(total_rows, 0)))
FROM system.tables WHERE database IN {homes:Array(String)}
"""
_DETACHED = """
SELECT groupArray((home, table, id, parts)) FROM (
    SELECT database AS home, table, ifNull(partition_id, '') AS id, count() AS parts
    FROM system.detached_parts WHERE database IN {homes:Array(String)} GROUP BY home, table, id
)
"""
_IDS = """
SELECT groupArray((owner, id)) FROM (
    SELECT arrayJoin({names:Array(String)}) AS owner, partitionId(owner) AS id
)
"""
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_DELETED_TOO = {"apply_deleted_mask": 0}


@dataclass(frozen=True, slots=True)
class Partition:
    """The active parts of one owner in one table; `size` in bytes, deleted rows counted."""

    ref: Ref
    owner: str
    id: str
    parts: int
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class Whole:
    """All active parts of a table; `size` in bytes. `masked`: some rows are only marked deleted.

    On a cluster those of the replica of each shard that has most rows.
    """

    parts: int
    size: int
    masked: bool
    rows: int

    @property
    def weight(self) -> str:
        """The size in words, as ClickHouse's `formatReadableSize` has it."""
        power = min(max(self.size.bit_length() - 1, 0) // 10, len(_UNITS) - 1)
        return f"{self.size / 1024**power:.2f} {_UNITS[power]}"

    def __add__(self, other: Whole) -> Whole:
        return Whole(
            self.parts + other.parts, self.size + other.size, self.masked or other.masked,
            self.rows + other.rows,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Detached:
    """Detached parts of one partition of one table; `id` is empty where their name has none.

    On a cluster those of all replicas: each has its own.
    """

    ref: Ref
    id: str
    parts: int


class PatternSurface:
    """Asks one ClickHouse what there is of these owners. Every method raises StoreError.

    On a cluster every server is asked, and of each shard what that replica has that has most: what
    one of them still holds is there. One that does not answer makes it unknown, by name.
    """

    def __init__(self, asking: Asking, surface: Surface) -> None:
        self._asking = asking
        self.names: Mapping[OwnerKind, tuple[str, ...]] = {
            OwnerKind.KB: tuple(sorted(surface.kb_ids)),
            OwnerKind.NODE: tuple(sorted(surface.nodes)),
            OwnerKind.TENANT: tuple(sorted(surface.tenant_ids)),
        }
        self.everyone = tuple(dict.fromkeys(name for of in self.names.values() for name in of))

    def catalogue(self) -> Catalogue:
        """Return the tables that are looked into. Raises StoreMisconfigured without KATO's."""
        return catalogue_of(self._asking)

    def names_in(self, place: Place) -> tuple[str, ...]:
        """Return the owners that a place can name."""
        return self.names[place.kind]

    def bound(self, place: Place) -> dict[str, Any]:
        """Return what is bound to a statement about a place."""
        return {
            "home": Identifier(place.table.database),
            "table": Identifier(place.table.name),
            "column": Identifier(place.column.name),
            "names": Names(self.names_in(place)),
        }

    def partitions(self, homes: Iterable[str], *, whole: bool = False) -> list[Partition]:
        """Return what each table has under a partition whose text is an owner, or of everyone."""
        return merged([(shard, told) for shard, _, told in self.by_server(homes, whole=whole)])

    def by_server(
        self, homes: Iterable[str], *, whole: bool = False
    ) -> list[tuple[int, str, list[Partition]]]:
        """Return the same server by server: the number of its shard, its name, what it has."""
        bound = {"homes": Names(homes), "names": Names(self.everyone), "all": int(whole)}
        return [
            (shard, server, [
                Partition((text_of(home), text_of(table)), text_of(owner), text_of(at), *counts)
                for home, table, owner, at, *counts in found
            ])
            for shard, server, (found,) in self._everywhere(_PARTITIONS, bound)
        ]  # fmt: skip

    def wholes(self, homes: Iterable[str]) -> dict[Ref, Whole]:
        """Return every table's parts."""
        shards = dict[int, dict[Ref, Whole]]()
        for shard, _, (found,) in self._everywhere(_WHOLE, {"homes": Names(homes)}):
            of = shards.setdefault(shard, {})
            for home, table, parts, size, masked, rows in found:
                ref, each = (text_of(home), text_of(table)), Whole(parts, size, bool(masked), rows)
                if ref not in of or of[ref].rows < rows:
                    of[ref] = each
        return added(shards.values())

    def totals(self, homes: Iterable[str]) -> dict[Ref, int]:
        """Return the rows of every table as ClickHouse says of itself, 0 where it says none."""
        return most(
            (shard, {(text_of(home), text_of(name)): rows for home, name, rows in found})
            for shard, _, (found,) in self._everywhere(_TOTALS, {"homes": Names(homes)})
        )

    def detached(self, homes: Iterable[str]) -> list[Detached]:
        """Return every table's detached parts."""
        parts = added(
            {((text_of(h), text_of(t)), text_of(at)): n for h, t, at, n in found}
            for _, _, (found,) in self._everywhere(_DETACHED, {"homes": Names(homes)})
        )
        return [Detached(ref, at, n) for (ref, at), n in parts.items()]

    def partition_ids(self) -> dict[str, str]:
        """Return the owner of each partition id that one of the owners has or would have."""
        if not self.everyone:
            return {}
        (found,) = one(self._asking, _IDS, {"names": Names(self.everyone)})
        return {text_of(at): text_of(owner) for owner, at in found}

    def rows(
        self, place: Place, *, masked: bool = False, without: Place | None = None
    ) -> dict[str, int]:
        """Count the rows of each owner, with `masked` those too that are marked deleted.

        With `without` only those that another place of the same table does not tell.
        """
        told = self.rows_by_server(place, masked=masked, without=without)
        return most((shard, counts) for shard, _, counts in told)

    def rows_by_server(
        self, place: Place, *, masked: bool = False, without: Place | None = None
    ) -> list[tuple[int, str, dict[str, int]]]:
        """Return the same server by server: the number of its shard, its name, what it has."""
        if not self.names_in(place):
            return []
        bound = self.bound(place)
        if without is None:
            return self._counted(place.counted, bound, masked=masked)
        bound |= {
            "told": Identifier(without.column.name), "of": Names(self.names_in(without)),
        }  # fmt: skip
        return self._counted(place.without(without), bound, masked=masked)

    def all_rows(self, place: Place, *, masked: bool) -> dict[str, int]:
        """Count the rows of everyone."""
        told = self._counted(place.all_counted, self.bound(place), masked=masked)
        return most((shard, counts) for shard, _, counts in told)

    def _counted(
        self, query: str, bound: Mapping[str, Any], *, masked: bool
    ) -> list[tuple[int, str, dict[str, int]]]:
        settings = _DELETED_TOO if masked else {}
        return [
            (shard, server, {text_of(owner): count for owner, count in found})
            for shard, server, (found,) in self._everywhere(query, bound, **settings)
        ]

    def _everywhere(
        self, query: str, bound: Mapping[str, Any], **settings: Any
    ) -> list[tuple[int, str, Sequence[Any]]]:
        return self._asking.replicas(LOOKING, query, bound, settings=settings)


def merged(servers: Iterable[tuple[int, Iterable[Partition]]]) -> list[Partition]:
    """Sum over shards what the replica has of a partition that has most of it. Pure."""
    told = [(shard, {(each.ref, each.owner, each.id): each for each in has})
            for shard, has in servers]  # fmt: skip
    rows, parts, sizes = (
        most((shard, {key: of(each) for key, each in has.items()}) for shard, has in told)
        for of in (attrgetter("rows"), attrgetter("parts"), attrgetter("size"))
    )
    return [Partition(*key, parts[key], rows[key], sizes[key]) for key in rows]
