"""The one table of usage over time in a ClickHouse database of its own, and whose it is."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from clickhouse_connect.driver.binding import quote_identifier

from services.errors import StoreMisconfigured
from services.health.models import Lack
from services.history.models import Grain
from services.stores.clickhouse.connect import PATTERNS
from services.stores.clickhouse.looking import granted
from services.stores.clickhouse.query import ClickHouse
from services.tenancy.layout import text_of

TABLE = "usage_row"
MARK = "kato-tenants usage over time "

COLUMNS = {
    "grain": "UInt32", "kind": "String", "tenant": "String", "start": "DateTime64(0, 'UTC')",
    "write": "UInt64", "row": "String",
}  # fmt: skip

# A partition is a day of changes, a week of hours, a month of days: what is old goes as a whole.
_MAKE = f"""
CREATE TABLE IF NOT EXISTS {{home:Identifier}}.{TABLE} (
    grain UInt32 COMMENT 'seconds of the span; 1: since when it was so',
    kind LowCardinality(String) COMMENT 'whose figures: tenant, shared, unowned, fleet',
    tenant String,
    start DateTime64(0, 'UTC') CODEC(Delta, ZSTD(1)),
    write UInt64 CODEC(Delta, ZSTD(1)) COMMENT 'which write of whoever recorded it',
    row String CODEC(ZSTD(6)) COMMENT 'the figures, packed'
) ENGINE = MergeTree
PARTITION BY (grain, multiIf(
    grain = 1, toYYYYMMDD(start), grain = 3600, toYYYYMMDD(toMonday(start)),
    toYYYYMMDD(toStartOfMonth(start))))
ORDER BY (grain, kind, tenant, start, write)
SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 1024
"""
_MARKED = """
SELECT countIf(name = {katos:String}), anyIf(comment, name = {table:String}),
       countIf(name = {table:String})
FROM system.tables WHERE database = {db:String}
"""
_PARTITIONS = """
SELECT DISTINCT partition_id, partition FROM system.parts
WHERE database = {db:String} AND table = {table:String} AND active
"""
_DROP = f"ALTER TABLE {{home:Identifier}}.{TABLE} DROP PARTITION ID {{id:String}}"
_LARGE = {"max_partition_size_to_drop": 0}
_OPENING = "opening usage over time"
_REMOVING = "removing usage that is old"
_NEEDS = {
    "SELECT": "usage over time",
    "INSERT": "usage over time from now on",
    "ALTER DELETE": "when what is old can go: it stays",
}


class Book(Protocol):
    """What is kept elsewhere of a place, by its id."""

    place: str

    def is_known(self) -> bool:
        """Whether the place is one of ours."""

    def enter(self) -> None:
        """Add it."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A part of the table that goes as a whole: all spans of a grain in a time, in seconds."""

    id: str
    grain: Grain
    ended: int

    @classmethod
    def of(cls, id: bytes, words: bytes) -> Partition:  # noqa: A002  as ClickHouse calls it
        """Read one as `system.parts` writes it, as `(3600,20260330)`."""
        seconds, day = (int(each) for each in words.strip(b"()").split(b","))
        (grain,) = (each for each in Grain if each.seconds == seconds)
        began = datetime.strptime(str(day), "%Y%m%d").date()  # noqa: DTZ007  a day in UTC
        return cls(text_of(id), grain, _second(_after(began, grain)))


def _after(began: date, grain: Grain) -> date:
    if grain is Grain.DAY:
        return (began.replace(day=1) + timedelta(days=32)).replace(day=1)
    return began + timedelta(days=1 if grain is Grain.SECOND else 7)


def _second(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


class HistoryTable:
    """Opens the table, or makes it, and drops what is old. Raises StoreError."""

    def __init__(self, clickhouse: ClickHouse, *, limits: Mapping[str, Any]) -> None:
        self._asking, self._slow, self._limits = clickhouse.asking, clickhouse.slow, limits

    def opened(self, book: Callable[[str], Book]) -> str:
        """Return the id of the place that this is, made where there was none.

        The id is in the table's comment: a table that was made anew is another place, in which
        nothing was recorded. Raises StoreMisconfigured where it is KATO's own database, or is
        another dashboard's.
        """
        place = self._id()
        if place is None:
            fresh = book(uuid.uuid4().hex)
            fresh.enter()
            comment = f" COMMENT '{MARK}{fresh.place}'"
            self._slow.command(_OPENING, _MAKE + comment, {}, settings=self._limits)
            place = self._id()  # of two that made it at once, one did
        if place is None or not book(place).is_known():
            raise StoreMisconfigured(
                self._asking.store, _OPENING,
                f"its database {self._asking.database!r} is another dashboard's: those that have "
                "the same records (KATO_TENANTS_STATE_URL) may have the same history store",
            )  # fmt: skip
        return place

    def _id(self) -> str | None:
        """Return the id in the table's comment; empty where it has none, None without a table."""
        bound = {"table": TABLE, "katos": PATTERNS}
        katos, comment, there = self._asking.row(_OPENING, _MARKED, bound, settings=self._limits)
        if katos:
            reason = f"its database {self._asking.database!r} is KATO's own"
            raise StoreMisconfigured(self._asking.store, _OPENING, reason)
        return text_of(comment).removeprefix(MARK) if there else None

    def lacking(self) -> tuple[Lack, ...]:
        """Return the rights that this user has not; none where a server before 24.10 cannot say."""
        database = quote_identifier(self._asking.database)
        told = granted(self._asking, [(right, f"{database}.{TABLE}") for right in _NEEDS])
        if told is None:
            return ()
        return tuple(
            Lack(f"{right} on {self._asking.database}.{TABLE}", costs)
            for (right, costs), is_granted in zip(_NEEDS.items(), told, strict=True)
            if not is_granted
        )

    def partitions(self) -> Iterator[Partition]:
        """Yield what the table has."""
        rows: Sequence[Sequence[Any]] = self._asking.rows(
            _REMOVING, _PARTITIONS, {"table": TABLE}, settings=self._limits
        )
        return (Partition.of(id, words) for id, words in rows)  # noqa: A001

    def drop(self, partition: Partition) -> None:
        """Remove a partition; one that is gone already is none."""
        limits = {**self._limits, **_LARGE}
        self._slow.command(_REMOVING, _DROP, {"id": partition.id}, settings=limits)
