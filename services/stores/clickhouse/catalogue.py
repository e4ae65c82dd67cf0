"""What ClickHouse's catalogue shows of the tables that can hold rows of an owner. Reads only.

KATO's own database, and whatever views fill from it, in any database that this user is shown.
Every question is answered with exactly one row, so that an answer without a body is never taken
for "nothing there".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.errors import StoreMisconfigured
from services.stores.clickhouse.connect import PATTERNS, STORE, Names
from services.stores.clickhouse.owner_columns import Column, Place, Table, filled, known_columns
from services.stores.clickhouse.query import Asking
from services.stores.clickhouse.views import Fed, Ref, View, fed_from, renamed_columns
from services.tenancy.layout import text_of

_TABLES = """
SELECT groupArray((home, name, engine, key, full, columns)) FROM (
    SELECT t.database AS home, t.name AS name, t.engine AS engine, t.partition_key AS key,
           t.engine_full AS full, arraySort(groupArray((c.position, c.name, c.type))) AS columns
    FROM system.tables AS t
    INNER JOIN system.columns AS c ON c.database = t.database AND c.table = t.name
    WHERE (t.database = {db:String}
           OR (t.database IN {homes:Array(String)} AND t.name IN {tables:Array(String)}))
      AND (c.database = {db:String} OR c.database IN {homes:Array(String)})
    GROUP BY home, name, engine, key, full
    ORDER BY home, name
)
"""
_VIEWS = """
SELECT groupArray((database, name, engine, toString(uuid), as_select, create_table_query,
                   arrayZip(dependencies_database, dependencies_table)))
FROM system.tables
WHERE database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema')
  AND (endsWith(engine, 'View') OR notEmpty(dependencies_table))
"""
LOOKING = "looking for what is to be erased"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The tables that are looked into. `unseen` are views whose rows nobody shows us."""

    tables: tuple[Table, ...]
    unseen: tuple[Ref, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        """By what the rows of each table are told apart, where something surely says it."""
        return tuple(place for table in self.tables if (place := table.place) is not None)

    @property
    def homes(self) -> tuple[str, ...]:
        """The databases of the tables."""
        return tuple(dict.fromkeys(table.database for table in self.tables))


def catalogue_of(asking: Asking) -> Catalogue:
    """Read it. Raises StoreError; StoreMisconfigured where KATO's table is not there.

    On a cluster the tables of one server of each shard, which have to be the same.
    """
    home, faces = asking.database, asking.faces(LOOKING)
    away = [ref for ref in faces.values() if ref[0] != home]
    own = _tables(asking, faces, away)
    if not any(place.table.label == PATTERNS and not place.obstacle for place in _by_kb(own)):
        reason = f"the database shows this user no MergeTree table {PATTERNS!r}"
        raise StoreMisconfigured(STORE, LOOKING, reason)
    fed = _fed(asking, {*(table.ref for table in own), *((home, face) for face in faces)})
    wanted = fed.tables
    more = [ref for ref in wanted if ref[0] != home]
    tables = _tables(asking, faces, [*away, *more]) if more else own
    renamed = renamed_columns(fed, dict(known_columns(tables)))
    return Catalogue(
        tuple(
            filled(table, (view.ref for view in wanted[table.ref]), renamed.get(table.ref))
            if table.ref in wanted
            else table
            for table in tables
            if table.here or table.face or table.ref in wanted
        ),
        fed.unseen,
    )


def one(asking: Asking, query: str, bound: Mapping[str, Any], **settings: Any) -> Sequence[Any]:
    """Return the one row that a question is answered with."""
    return asking.row(LOOKING, query, bound, settings=settings)


def _by_kb(tables: Iterable[Table]) -> Iterable[Place]:
    return (
        place for table in tables
        if (place := table.place) is not None and place.column.name == "kb_id"
    )  # fmt: skip


def _tables(
    asking: Asking, faces: Mapping[str, Ref], away: Sequence[Ref]
) -> tuple[Table, ...]:  # fmt: skip
    homes, names = ({ref[part] for ref in away} for part in (0, 1))
    bound = {"homes": Names(sorted(homes)), "tables": Names(sorted(names))}
    by_place = {ref: face for face, ref in faces.items()}
    found = [
        tuple(
            replace(table, face=by_place.get(table.ref, ""))
            for table in (_table(row, asking.database) for row in rows)
            if not (table.here and table.name in faces)
        )
        for ((rows,),) in asking.each(LOOKING, _TABLES, bound, one=True)
    ]
    _alike(found)
    return found[0]


def _alike(servers: Sequence[Sequence[Table]]) -> None:
    """Raise StoreMisconfigured where one server has a table that another has not, or otherwise."""
    alike = [{(each.ref, each.engine, each.partition_key, each.columns) for each in of}
             for of in servers]  # fmt: skip
    for other in alike[1:]:
        if other != alike[0]:
            database, table = min(ref for ref, *_ in other ^ alike[0])
            reason = f"{database}.{table} is not on all servers of the cluster, or not the same"
            raise StoreMisconfigured(STORE, LOOKING, reason)


def _table(row: Sequence[Any], home: str) -> Table:
    database, name, engine, key, full = map(text_of, row[:5])
    columns = tuple(Column(text_of(called), text_of(kind)) for _, called, kind in row[5])
    return Table(database, name, engine, key, columns, full, here=database == home)


def _fed(asking: Asking, own: Iterable[Ref]) -> Fed:
    views, depending = dict[Ref, View](), dict[Ref, list[Ref]]()
    for ((found,),) in asking.each(LOOKING, _VIEWS, {}, one=True):
        for *texts, dependents in found:
            database, name, engine, uuid, select, create = map(text_of, texts)
            named = [(text_of(there), text_of(view)) for there, view in dependents]
            depending.setdefault((database, name), []).extend(named)
            if engine.endswith("View"):
                view = View(database, name, engine != "View", uuid, select, create)
                views.setdefault(view.ref, view)
    return fed_from(own, list(views.values()), depending)
