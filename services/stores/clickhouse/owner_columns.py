"""Where rows of an owner can be in ClickHouse, and how they are told apart there. Pure.

Everything here is constant SQL: names of columns and of owners are bound to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from services.stores.clickhouse.views import Ref
from services.tenancy.layout import OwnerKind

_ONLY_SHOW = frozenset({
    "View", "MaterializedView", "LiveView", "WindowView", "Merge", "Dictionary", "Null", "Alias",
})  # fmt: skip
"""Engines without rows of their own: what they show is in another table."""

_PASS_ON = frozenset({"Buffer", "Distributed"})
"""Engines that count another table's rows as their own."""

_NAMES = {
    "kb_id": OwnerKind.KB,
    "node_id": OwnerKind.NODE,
    "tenant_id": OwnerKind.TENANT,
    "tenant": OwnerKind.TENANT,
}
"""The columns that name an owner, the surest first."""

_OTHER_NAMES = (
    "kb", "kbid", "kb_name", "knowledge_base", "knowledge_base_id", "processor_id", "processor",
    "owner", "owner_id", "namespace",
)  # fmt: skip
"""What else a kb_id may be called; a row is believed to be its when the text is exactly its."""

_PLAUSIBLE = re.compile(
    r"(?:^|[_.])(?:kb|kbs|kbid|knowledge|node|nodeid|tenant|tenantid|processor|owner|namespace|"
    r"customer|client|account|org|user)(?:$|[_.])",
    re.IGNORECASE,
)
_MOST_COLUMNS = 64

_TEXT = frozenset({"String", "LowCardinality(String)"})
_TEXT_OR_NULL = frozenset({"Nullable(String)", "LowCardinality(Nullable(String))"})
_SPELT = re.compile(r"(?:LowCardinality\()?(?:Nullable\()?(?:U?Int\d+\)?\)?$|UUID\)?$|Enum\d*\()")
"""Types whose every value is spelt in exactly one way."""

_COLUMN, _IN = "{column:Identifier}", " IN {names:Array(String)}"
_IS = _COLUMN + _IN
_IS_NOT_NULL = f"isNotNull({_COLUMN}) AND {_COLUMN}{_IN}"
_IS_SPELT = f"isNotNull({_COLUMN}) AND ifNull(toString({_COLUMN}), ''){_IN}"
_TABLE = {"home": "{home:Identifier}", "table": "{table:Identifier}"}
_COUNTING = """
SELECT groupArray((__owner, __found)) FROM (
    SELECT {owner} AS __owner, count() AS __found FROM {home}.{table} {where} GROUP BY __owner
)
"""
_SPELLING = f"ifNull(toString({_COLUMN}), '')"
_EVERY = "arrayJoin(arrayIntersect({}, {{names:Array(String)}}))"
_PADDED = _EVERY.format(
    f"[ifNull(toString({_COLUMN}), ''), ifNull(toStringCutToZero({_COLUMN}), '')]"
)
_LISTED = _EVERY.format(f"arrayMap(x -> ifNull(toString(x), ''), {_COLUMN})")


@dataclass(frozen=True, slots=True)
class Column:
    """A column; the type as ClickHouse writes it."""

    name: str
    type: str

    @property
    def kind(self) -> OwnerKind:
        """Whom it names by its own name, `metadata.tenant_id` too."""
        return _NAMES.get(self.name.rpartition(".")[2], OwnerKind.NONE)

    @property
    def is_text(self) -> bool:
        """Whether it holds text."""
        return self.type in _TEXT or self.type in _TEXT_OR_NULL

    @property
    def condition(self) -> str:
        """SQL that is true of exactly the rows of `names`; empty where there is none."""
        if self.type in _TEXT:
            return _IS
        if self.type in _TEXT_OR_NULL:  # NULL is nobody's, and never what a name is compared with
            return _IS_NOT_NULL
        return _IS_SPELT if _SPELT.match(self.type) else ""

    @property
    def owner(self) -> str:
        """SQL for whom a row is of; more than one row for a list."""
        if self.type.startswith("Array("):
            return _LISTED
        return _PADDED if "FixedString(" in self.type else _SPELLING


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `here` is whether it is in KATO's database, `fed_by` the views that fill it.

    `renamed` is the column that is surely the kb_id of the table that it is filled from. `face`
    is the Distributed table of KATO's database that stands before it on a cluster.
    """

    database: str
    name: str
    engine: str
    partition_key: str
    columns: tuple[Column, ...]
    engine_full: str = ""
    here: bool = True
    fed_by: tuple[str, ...] = ()
    renamed: str | None = None
    face: str = ""

    @property
    def ref(self) -> Ref:
        """Where it is."""
        return self.database, self.name

    @property
    def label(self) -> str:
        """What it is called on screen and in receipts."""
        return self.face or (self.name if self.here else f"{self.database}.{self.name}")

    @property
    def words(self) -> str:
        """Say which it is: an inner table has no name that anybody would know."""
        by = f", filled by {' and '.join(self.fed_by)}" if self.fed_by else ""
        return f"the table {self.label} ({self.engine}{by})"

    @property
    def has_rows(self) -> bool:
        """Whether it has rows of its own, and counts these alone."""
        return self.engine not in _ONLY_SHOW and self.engine not in _PASS_ON

    @property
    def place(self) -> Place | None:
        """By what its rows are told apart; None where no column surely says it."""
        if self.engine in _ONLY_SHOW:
            return None
        column, kind = self._told_by()
        return None if column is None else Place(self, column, kind)

    @property
    def hints(self) -> tuple[Place, ...]:
        """The other columns that may name an owner."""
        if self.engine in _ONLY_SHOW:
            return ()
        used, found = self._told_by()[0], list[Place]()
        for column in self.columns:
            if column == used:
                continue
            if column.kind is not OwnerKind.NONE:
                found.append(Place(self, column, column.kind))
            elif self._is_suspect(column):
                found += [Place(self, column, kind) for kind in (OwnerKind.KB, OwnerKind.NODE)]
        return tuple(found[: 2 * _MOST_COLUMNS])

    def _told_by(self) -> tuple[Column | None, OwnerKind]:
        by_name = {column.name: column for column in self.columns}
        if "kb_id" not in by_name and self.renamed in by_name:
            return by_name[self.renamed], OwnerKind.KB
        for name, kind in _NAMES.items():
            if name in by_name:
                return by_name[name], kind
        for name in _OTHER_NAMES:
            if name in by_name and by_name[name].is_text:
                return by_name[name], OwnerKind.KB
        return None, OwnerKind.NONE

    def _is_suspect(self, column: Column) -> bool:
        """Whether it is worth looking into: of a table that tells nobody's by a name of ours."""
        told = self._told_by()[0]
        if told is not None and (told.name == self.renamed or told.name not in _OTHER_NAMES):
            return False
        return column.is_text and (bool(self.fed_by) or bool(_PLAUSIBLE.search(column.name)))


@dataclass(frozen=True, slots=True)
class Place:
    """A column of a table that names owners of one kind."""

    table: Table
    column: Column
    kind: OwnerKind

    @property
    def obstacle(self) -> str:
        """Why no row can be erased by it; empty when they can."""
        engine, column = self.table.engine, self.column
        if not engine.endswith("MergeTree"):
            return f"the engine {engine} does not erase rows"
        if not column.condition:
            return f"its {column.name} is a {column.type}, which is not compared with text here"
        return ""

    @property
    def is_surely_kb(self) -> bool:
        """Whether what it holds are kb_ids, whosoever."""
        return self.column.name in {"kb_id", self.table.renamed}

    @property
    def remedy(self) -> str:
        """What somebody can do about the obstacle."""
        if not self.table.engine.endswith("MergeTree"):
            return "move its rows into a MergeTree table, or empty it"
        return "give the column the type String"

    @property
    def by_partition(self) -> bool:
        """Whether each of its partitions is one owner, whose name is the partition's text."""
        text = self.column.type in _TEXT
        return not self.obstacle and text and self.table.partition_key == self.column.name

    @property
    def counted(self) -> str:
        """SQL that counts the rows of each of `names`."""
        where = self.column.condition
        if not where and self.column.owner == _SPELLING:
            where = _SPELLING + _IN
        return _counting(self.column.owner, where)

    def without(self, told: Place) -> str:
        """SQL that counts as `counted` does, without the rows that another place tells."""
        where = self.column.condition or "1"
        other = told.column.condition.replace("{column:", "{told:").replace("{names:", "{of:")
        return _counting(self.column.owner, f"({where}) AND NOT ifNull({other or '0'}, 0)")

    @property
    def all_counted(self) -> str:
        """SQL that counts the rows of everyone."""
        return _counting(_SPELLING, "")


def _counting(owner: str, where: str) -> str:
    return _COUNTING.format(owner=owner, where=where and f"WHERE {where}", **_TABLE)


def known_columns(tables: tuple[Table, ...]) -> Iterator[tuple[Ref, str]]:
    """Yield the kb_id column of each table that has one by its name."""
    for table in tables:
        if any(column.name == "kb_id" for column in table.columns):
            yield table.ref, "kb_id"


def filled(table: Table, views: Iterable[Ref], renamed: str | None) -> Table:
    """Return a table as one that views fill."""
    by = tuple(sorted(f"{database}.{name}" for database, name in views))
    return replace(table, fed_by=by, renamed=renamed)
