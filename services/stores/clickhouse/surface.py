"""What ClickHouse holds of the owners of a surface, by their exact names. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.purge.models import Surface
from services.stores.clickhouse.catalogue import Catalogue, catalogue_of, one
from services.stores.clickhouse.connect import Identifier, Names
from services.stores.clickhouse.owner_columns import Place
from services.stores.clickhouse.query import Asking
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
    SELECT database AS home, table, count() AS parts,
           formatReadableSize(sum(bytes_on_disk)) AS size,
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
    """All active parts of a table; `size` in words. `masked`: some rows are only marked deleted."""

    parts: int
    size: str
    masked: bool
    rows: int


@dataclass(frozen=True, slots=True)
class Detached:
    """Detached parts of one partition of one table; `id` is empty where their name has none."""

    ref: Ref
    id: str
    parts: int


class PatternSurface:
    """Asks one ClickHouse what there is of these owners. Every method raises StoreError."""

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
        bound = {"homes": Names(homes), "names": Names(self.everyone), "all": int(whole)}
        (found,) = one(self._asking, _PARTITIONS, bound)
        return [
            Partition((text_of(home), text_of(table)), text_of(owner), text_of(at), *counts)
            for home, table, owner, at, *counts in found
        ]

    def wholes(self, homes: Iterable[str]) -> dict[Ref, Whole]:
        """Return every table's parts."""
        (found,) = one(self._asking, _WHOLE, {"homes": Names(homes)})
        return {
            (text_of(home), text_of(table)): Whole(parts, text_of(size), bool(masked), rows)
            for home, table, parts, size, masked, rows in found
        }

    def totals(self, homes: Iterable[str]) -> dict[Ref, int]:
        """Return the rows of every table as ClickHouse says of itself, 0 where it says none."""
        (found,) = one(self._asking, _TOTALS, {"homes": Names(homes)})
        return {(text_of(home), text_of(name)): rows for home, name, rows in found}

    def detached(self, homes: Iterable[str]) -> list[Detached]:
        """Return every table's detached parts."""
        (found,) = one(self._asking, _DETACHED, {"homes": Names(homes)})
        return [Detached((text_of(h), text_of(t)), text_of(at), n) for h, t, at, n in found]

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
        if not self.names_in(place):
            return {}
        bound = self.bound(place)
        if without is None:
            return self._counted(place.counted, bound, masked=masked)
        bound |= {
            "told": Identifier(without.column.name), "of": Names(self.names_in(without)),
        }  # fmt: skip
        return self._counted(place.without(without), bound, masked=masked)

    def all_rows(self, place: Place, *, masked: bool) -> dict[str, int]:
        """Count the rows of everyone."""
        return self._counted(place.all_counted, self.bound(place), masked=masked)

    def _counted(self, query: str, bound: Mapping[str, Any], *, masked: bool) -> dict[str, int]:
        (found,) = one(self._asking, query, bound, **(_DELETED_TOO if masked else {}))
        pairs: Sequence[tuple[bytes, int]] = found
        return {text_of(owner): count for owner, count in pairs}
