"""SQL over the rows of an archive's owners, told by one column, under old names or new. Pure.

Names are bound, columns quoted; types are those of the table that is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from clickhouse_connect.driver.binding import quote_identifier

from services.archive.models import Column as Read, Part
from services.stores.clickhouse.connect import Identifier, Names
from services.stores.clickhouse.native_blocks import ROW_HASH
from services.stores.clickhouse.owner_columns import Column

_FROM = " FROM {at:Identifier}.{source:Identifier} WHERE "
_SPELT = "ifNull(toString({column:Identifier}), '')"
_OLD = f"transform({_SPELT}, {{names:Array(String)}}, {{old:Array(String)}}, '')"
_NEW = f"transform({_SPELT}, {{old:Array(String)}}, {{names:Array(String)}}, '')"
_PRINTS = """
SELECT groupArray((at, found, low, high)) FROM (
    SELECT __at AS at, count() AS found, sum(reinterpretAsUInt64(substring(__h, 1, 8))) AS low,
           sum(reinterpretAsUInt64(substring(__h, 9, 8))) AS high
    FROM (SELECT _partition_id AS __at, %s AS __h%s) GROUP BY __at
)
"""
_MENTIONED = "multiSearchAny(ifNull(toString(%s), ''), {old:Array(String)})"
_WITH_TEXT = ("String", "Array(String)", "Array(Array(String))", "LowCardinality(String)",
              "Nullable(String)", "LowCardinality(Nullable(String))")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """By which column rows are told, and under which names: each old name with its new one.

    `columns` are all that an archive has of a row, `hashed` those that a fingerprint is over.
    """

    column: Column
    columns: tuple[Read, ...]
    hashed: tuple[str, ...]
    names: Mapping[str, str]
    any_name: bool = False

    @classmethod
    def of(cls, part: Part, names: Mapping[str, str]) -> Told:
        """Read it out of a part of an archive."""
        by_name = {each.name: each.type for each in part.columns}
        told = part.description["told_by"]
        hashed = tuple(part.description["hashed"])
        return cls(Column(told, by_name[told]), part.columns, hashed, names)

    @property
    def everyone(self) -> Told:
        """The same of all rows, whosever they are."""
        return replace(self, any_name=True)

    @property
    def renames(self) -> bool:
        """Whether any name is another than before."""
        return any(old != new for old, new in self.names.items())

    @property
    def bound(self) -> dict[str, Any]:
        """What is bound to each statement, besides `at` and `source`."""
        return {
            "column": Identifier(self.column.name),
            "names": Names(self.names.values()),
            "old": Names(self.names),
        }

    @property
    def prints(self) -> str:
        """Count and hash the rows of each partition of those that have new names, as of the old."""
        old = self._cast(_OLD) if self.renames else None
        return _PRINTS % (ROW_HASH % self._listed(self.hashed, old), _FROM + self._where)

    @property
    def copying(self) -> str:
        """Copy the rows of the old names under the new ones."""
        every = [each.name for each in self.columns]
        new = self._cast(_NEW)
        into = "INSERT INTO {at:Identifier}.{staging:Identifier} "
        return f"{into}({self._listed(every, None)}) SELECT {self._listed(every, new)}{_FROM}1"

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns with text that do not say whose a row is."""
        return tuple(
            each.name
            for each in self.columns
            if each.type in _WITH_TEXT and each.name != self.column.name
        )

    @property
    def mentions(self) -> str:
        """Count the rows with one of the old names in a text of theirs."""
        any_of = " OR ".join(_MENTIONED % quote_identifier(name) for name in self.texts)
        return f"SELECT count(){_FROM}{any_of}"

    def _cast(self, name: str) -> str:
        of_type = self.column.type.replace("\\", "\\\\").replace("'", "\\'")
        return f"CAST({name}, '{of_type}')"

    @property
    def _where(self) -> str:
        return "1" if self.any_name else self.column.condition

    def _listed(self, names: tuple[str, ...] | list[str], told: str | None) -> str:
        return ", ".join(
            told if told and name == self.column.name else quote_identifier(name) for name in names
        )
