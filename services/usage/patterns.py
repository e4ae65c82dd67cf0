"""What ClickHouse holds of kb_ids, in columns: there are more than anybody looks at. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from services.figures import Amount
from services.made_once import MadeWhenSeen
from services.usage.readings import PatternUsage
from services.usage.sums import Amounts, Indexes, Numbers

NEVER = np.iinfo(np.int64).min
"""What stands for a moment that is not known."""

NONE = -1
"""What stands for the rows of a kb_id that a table has not at all."""

_BEGAN = datetime(1970, 1, 1, tzinfo=UTC)
_SMALLEST = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, eq=False)
class Patterns(MadeWhenSeen[PatternUsage]):
    """Reads like a tuple of usages, each of which is made when it is looked at.

    A column a field, with a place for each of `kb_ids`. The writes are microseconds since 1970, or
    NEVER; `rows` are by table, in the order of `tables`, and NONE where it has nothing of a kb_id.
    """

    kb_ids: Sequence[str | None]
    amounts: Amounts
    first_writes: Numbers
    last_writes: Numbers
    tables: Sequence[str]
    rows: Sequence[Numbers]
    shared_out: NDArray[np.bool_]

    @classmethod
    def of(cls, usages: Sequence[PatternUsage]) -> Patterns:
        """Return usages in columns: those that are so already as they are."""
        if isinstance(usages, Patterns):
            return usages
        tables = tuple(dict.fromkeys(table for usage in usages for table in usage.rows_by_table))
        return cls(
            kb_ids=tuple(usage.kb_id for usage in usages),
            amounts=Amounts.of([usage.amount for usage in usages]),
            first_writes=_moments([usage.first_write for usage in usages]),
            last_writes=_moments([usage.last_write for usage in usages]),
            tables=tables,
            rows=[
                np.array([usage.rows_by_table.get(table, NONE) for usage in usages], np.int64)
                for table in tables
            ],
            shared_out=np.array([usage.bytes_shared_out for usage in usages], np.bool_),
        )

    def same(self, at: Indexes, other: Patterns, there: Indexes) -> NDArray[np.bool_]:
        """Say of the kb_ids at some places whether `other` has the same of those that are there."""
        same = np.ones(len(at), np.bool_)
        for mine, others in zip(self._columns, other._columns, strict=True):
            same &= mine[at] == others[there]
        for table in {*self.tables, *other.tables}:
            same &= self._rows_in(table)[at] == other._rows_in(table)[there]
        return same

    @property
    def _columns(self) -> tuple[NDArray[np.generic], ...]:
        return *self.amounts, self.first_writes, self.last_writes, self.shared_out

    def _rows_in(self, table: str) -> Numbers:
        found = dict(zip(self.tables, self.rows, strict=True)).get(table)
        return np.full(len(self), NONE) if found is None else found

    def __len__(self) -> int:
        return len(self.kb_ids)

    def _get(self, at: int) -> PatternUsage:
        counts, sizes, known, *margins = (column[at].item() for column in self.amounts)
        return PatternUsage(
            self.kb_ids[at],
            Amount(counts, sizes if known else None, *margins),
            _moment(self.first_writes[at].item()),
            _moment(self.last_writes[at].item()),
            self._rows_of(at),
            self.shared_out[at].item(),
        )

    def _rows_of(self, at: int) -> Mapping[str, int]:
        of_each = (
            (table, rows[at].item()) for table, rows in zip(self.tables, self.rows, strict=True)
        )
        return {table: rows for table, rows in of_each if rows != NONE}


def _moments(of_each: Sequence[datetime | None]) -> Numbers:
    return np.array(
        [NEVER if moment is None else (moment - _BEGAN) // _SMALLEST for moment in of_each],
        np.int64,
    )


def _moment(microseconds: int) -> datetime | None:
    return None if microseconds == NEVER else _BEGAN + microseconds * _SMALLEST
