"""Writes patterns of one tenant by way of a table of their own, whole or not at all.

Rows are staged in a table with the same columns, counted there, and put into KATO's by one INSERT.
Before that one more table is made, with the rows that are to be replaced, which gets its name when
all of them are in it: as long as it is there, what was put can be taken back by the names that are
staged.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from clickhouse_connect.driver.binding import quote_identifier

from services.imports.columns import cast_of
from services.imports.models import STAGING, Existing, ImportRefused, Item
from services.imports.ports import Table, There
from services.stores.clickhouse.catalogue import catalogue_of
from services.stores.clickhouse.connect import Identifier, Names
from services.stores.clickhouse.native_blocks import NO_HASH, ROW_HASH
from services.stores.clickhouse.query import ClickHouse
from services.tenancy.layout import text_of

_LOOKING, _STAGING, _WRITING = "looking for patterns", "staging patterns", "importing patterns"
_BACK = "taking an import back"
NAME = "name"

_KINDS = """
SELECT groupArray((name, type)) FROM system.columns
WHERE database = {db:String} AND table = {table:String} AND default_kind IN ('', 'DEFAULT')
"""
_THERE = """
SELECT DISTINCT ifNull(toString({owner:Identifier}), ''), name
FROM {home:Identifier}.{table:Identifier}
WHERE {owner:Identifier} IN {owners:Array(String)} AND name IN {names:Array(String)}
"""
_MAKE = "CREATE TABLE {home:Identifier}.{into:Identifier} AS "  # takes no bound name from here on
_EMPTY = " ENGINE = MergeTree ORDER BY tuple()"
_PAIR = "({owner:Identifier}, name) IN (SELECT {owner:Identifier}, name FROM {home:Identifier}"
_IN_STAGED, _IN_TABLE = _PAIR + ".{staged:Identifier})", _PAIR + ".{table:Identifier})"
_COUNT = "SELECT count() FROM {home:Identifier}.{from:Identifier}"
_COUNT_THERE = f"SELECT count() FROM {{home:Identifier}}.{{table:Identifier}} WHERE {_IN_STAGED}"  # noqa: S608  constants, here and below
_KEEP = f"""
INSERT INTO {{home:Identifier}}.{{into:Identifier}}
SELECT * FROM {{home:Identifier}}.{{table:Identifier}} WHERE {_IN_STAGED}
"""  # noqa: S608
_LEAVE_OUT = f"ALTER TABLE {{home:Identifier}}.{{staged:Identifier}} DELETE WHERE {_IN_TABLE}"
_TAKE_OUT = f"""
ALTER TABLE {{home:Identifier}}.{{table:Identifier}} DELETE
WHERE {_IN_STAGED} AND (%(row)s IN (SELECT %(row)s FROM {{home:Identifier}}.{{staged:Identifier}})
                     OR %(row)s IN (SELECT %(row)s FROM {{home:Identifier}}.{{old:Identifier}}))
"""  # noqa: S608
_REMOVE = f"ALTER TABLE {{home:Identifier}}.{{table:Identifier}} DELETE WHERE {_IN_STAGED}"
_PUT = """
INSERT INTO {home:Identifier}.{table:Identifier}
SELECT * FROM {home:Identifier}.{from:Identifier}
"""
_HAS = "SELECT count() FROM system.tables WHERE database = {db:String} AND name = {from:String}"
_NAME_IT = "RENAME TABLE {home:Identifier}.{from:Identifier} TO {home:Identifier}.{into:Identifier}"
_DROP = "DROP TABLE IF EXISTS {home:Identifier}.{from:Identifier} SYNC"

_WAITING = {"mutations_sync": 2, "allow_nondeterministic_mutations": 1}
_PUTTING = {"async_insert": 0, "max_partitions_per_insert_block": 0, "insert_deduplicate": 0}


class PatternImports:
    """Writes to one ClickHouse database. Every method raises a StoreError."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._asking = clickhouse.slow

    def table(self, name: str) -> Table | None:
        """Return a table of KATO's database; None where it names no owners or no patterns.

        Raises ImportRefused on a cluster: what is staged would be on one of its servers alone.
        """
        if self._asking.cluster is not None:
            raise ImportRefused("patterns are on several servers, where no import writes them")
        found = next(
            (t for t in catalogue_of(self._asking).tables if t.here and t.name == name), None
        )
        place = None if found is None else found.place
        if place is None or place.obstacle or not place.table.has_rows:
            return None
        (told,) = self._asking.row(_LOOKING, _KINDS, {"table": name})
        columns = {text_of(column): text_of(kind) for column, kind in told}
        if NAME not in columns or place.column.name not in columns:
            return None
        return Table(name, columns, place.column.name, place.kind)

    def there(self, table: Table, items: Sequence[Item]) -> There:
        """Return which names are there already."""
        pairs = {tuple(json.loads(item.key)): item.key for item in items}
        bound = {
            "owners": Names(sorted({owner for owner, _ in pairs})),
            "names": Names(sorted({name for _, name in pairs})),
        }
        found = self._asking.rows(_LOOKING, _THERE, {**_bound(table), **bound})
        keys = (pairs.get((text_of(owner), text_of(name))) for owner, name in found)
        return There(frozenset(key for key in keys if key is not None))

    def stage(self, run: str, table: Table, items: Iterator[Sequence[Item]]) -> int:
        """Put the rows into a table of their own, and return how many are there."""
        self._make(_staged(run), table)
        for batch in items:
            for columns, rows in _alike(batch, table).items():
                kinds = {name: table.columns[name] for name in columns}
                self._asking.insert(_STAGING, _staged(run), kinds, rows, settings=_PUTTING)
        return self._count(_COUNT, {"from": Identifier(_staged(run))})

    def publish(self, run: str, table: Table, existing: Existing) -> tuple[int, int]:
        """Put what was staged into the table; return how many rows are new, and replaced."""
        bound = {**_bound(table), "staged": Identifier(_staged(run))}
        there = self._count(_COUNT_THERE, bound)
        if there and existing is Existing.STOP:
            raise ImportRefused("a name came to be there meanwhile")
        if there and existing is Existing.SKIP:
            self._asking.command(_WRITING, _LEAVE_OUT, bound, settings=_WAITING)
        replaced = there if existing is Existing.REPLACE else 0
        self._keep(run, table, bound, replaced)
        if replaced:
            self._asking.command(_WRITING, _REMOVE, bound, settings=_WAITING)
        staged = Identifier(_staged(run))
        self._asking.command(_WRITING, _PUT, {**bound, "from": staged}, settings=_PUTTING)
        wanted, found = self._count(_COUNT, {"from": staged}), self._count(_COUNT_THERE, bound)
        if found != wanted:
            raise ImportRefused(f"{found:,} rows are there where {wanted:,} were written")
        return max(0, wanted - replaced), replaced

    def _keep(self, run: str, table: Table, bound: Mapping[str, Any], rows: int) -> None:
        """Keep the rows that are replaced; `take_back` goes by them once all of them are there."""
        keeping = Identifier(_keeping(run))
        self._make(_keeping(run), table)
        if rows:
            self._asking.command(_WRITING, _KEEP, {**bound, "into": keeping}, settings=_PUTTING)
        if self._count(_COUNT, {"from": keeping}) != rows:
            raise ImportRefused("something else wrote to the same names meanwhile")
        named = {"from": keeping, "into": Identifier(_old(run))}
        self._asking.command(_WRITING, _NAME_IT, named)

    def take_back(self, run: str, table: Table) -> int:
        """Undo `publish`, however far it came; may be done again.

        Rows are told by all that is in them: one that others wrote under the same name stays.
        """
        bound = {**_bound(table), "staged": Identifier(_staged(run))}
        if not self._has(_old(run)) or not self._has(_staged(run)):
            return 0  # nothing was put yet
        old = Identifier(_old(run))
        take_out = _TAKE_OUT % {"row": _row_hash(table)}  # also what was put back before a kill
        self._asking.command(_BACK, take_out, {**bound, "old": old}, settings=_WAITING)
        left = self._count(_COUNT_THERE, bound)
        self._asking.command(_BACK, _PUT, {**bound, "from": old}, settings=_PUTTING)
        return left

    def forget(self, run: str) -> None:
        """Drop what was staged; what tells that anything was put goes first."""
        for name in (_old(run), _keeping(run), _staged(run)):
            self._asking.command(_BACK, _DROP, {"from": Identifier(name)})

    def _make(self, name: str, table: Table) -> None:
        """Make an empty table with the same columns, and their defaults."""
        like = f"{quote_identifier(self._asking.database)}.{quote_identifier(table.name)}"
        self._asking.command(_STAGING, _MAKE + like + _EMPTY, {"into": Identifier(name)})

    def _count(self, query: str, bound: Mapping[str, Any]) -> int:
        (count,) = self._asking.row(_LOOKING, query, bound)
        return int(count)

    def _has(self, name: str) -> bool:
        return self._count(_HAS, {"from": name}) > 0


def _staged(run: str) -> str:
    return f"{STAGING}{run}"


def _keeping(run: str) -> str:
    return f"{STAGING}{run}_keeping"


def _old(run: str) -> str:
    return f"{STAGING}{run}_old"


def _row_hash(table: Table) -> str:
    hashed = [name for name, kind in table.columns.items() if not kind.startswith(NO_HASH)]
    return ROW_HASH % ", ".join(map(quote_identifier, hashed))


def _bound(table: Table) -> dict[str, Any]:
    return {"table": Identifier(table.name), "owner": Identifier(table.owner)}


def _alike(
    items: Sequence[Item], table: Table
) -> Mapping[tuple[str, ...], list[Sequence[object]]]:  # fmt: skip
    """Return the rows by the columns that they have; the table's own defaults fill the others."""
    found: dict[tuple[str, ...], list[Sequence[object]]] = defaultdict(list)
    casts = {name: cast_of(kind) for name, kind in table.columns.items()}
    for item in items:
        columns = tuple(sorted(item.body))
        row = [cast(item.body[name]) if (cast := casts[name]) else None for name in columns]
        found[columns].append(row)
    return found
