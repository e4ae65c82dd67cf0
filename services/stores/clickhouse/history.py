"""Usage over time in a ClickHouse database of its own. Times are seconds since the epoch.

Rows are added and never changed. How far the past is kept, which writes count and when somebody
looked is in the ledger, with this product's own records: one transaction decides.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from services.errors import StoreMisconfigured, StoreUnavailable
from services.health.models import Health
from services.history.changes import Change, Present
from services.history.columns import FleetRows
from services.history.models import Grain, Holder
from services.history.ports import Head
from services.history.rows import (
    Looks,
    Row,
    bytes_of,
    figures_at_end,
    row_in,
    row_of,
)
from services.stores.clickhouse.connect import Names, hexed
from services.stores.clickhouse.history_rows import (
    BEFORE,
    BY_HOLDER,
    COUNT,
    DELETE,
    IN_ORDER,
    OF_ONE,
    OF_THESE,
    ROWS,
    fleet_of,
    holder_of,
)
from services.stores.clickhouse.history_table import COLUMNS, TABLE, HistoryTable, Partition
from services.stores.clickhouse.query import ClickHouse
from services.stores.records.database import batches
from services.stores.records.history_ledger import HistoryLedger, Seen
from services.tenancy.layout import bytes_of as name_bytes, text_of

STORE = "history store"

_DOING = "recording usage over time"
_ASKING = "reading usage over time"
_REMOVING = "removing usage that never counted"

_HEALTH = "SELECT version()"

_FAR = 10_000_000_000  # the year 2286; DateTime64 ends in 2299
_GIVEN_UP = Grain.DAY.seconds  # an open write of before that is nobody's any more
_IN_TIME = Grain.HOUR.seconds


class ClickHouseHistory:
    """Keeps usage over time, as `HistoryStore` says. Raises StoreError.

    `ledger` makes the books of a place by its id. A statement may take `seconds`, and one that
    reads or writes very much `long`.
    """

    def __init__(
        self, clickhouse: ClickHouse, ledger: Callable[[str], HistoryLedger], *, seconds: float,
        long: float,
    ) -> None:  # fmt: skip
        self._asking, self._slow = clickhouse.asking, clickhouse.slow
        self._limits, self._long = _within(seconds), _within(long)
        self._table = HistoryTable(clickhouse, limits=self._limits)
        self._make_ledger = ledger
        self._kept: HistoryLedger | None = None

    @property
    def _ledger(self) -> HistoryLedger:
        """The books of the place, which is opened when it is first asked for.

        Without a lock: while it does not answer, nobody waits for others to have asked in vain.
        """
        kept = self._kept
        if kept is None:
            kept = self._kept = self._make_ledger(self._table.opened(self._make_ledger))
        return kept

    def health(self) -> Health:
        """Return version and latency, once the table was seen to be there and ours."""
        self._table.opened(self._make_ledger)
        started = perf_counter()
        (version,) = self._asking.row("check", _HEALTH, {}, settings=self._limits)
        latency = perf_counter() - started
        detail = f"usage over time, database {self._asking.database}"
        return Health(STORE, text_of(version), latency, detail, self._table.lacking())

    def head(self) -> Head:
        """Return how far the past is kept."""
        return self._ledger.seen().head

    def present(self) -> tuple[Head, Present]:
        """Return what is known last, and how far that is."""
        seen, looks = self._ledger.present()
        figures = {holder: figures_at_end(row) for holder, row in self._before(seen, _FAR)}
        return seen.head, Present(figures, looks)

    def add(self, change: Change, at: int, *, after: Head) -> Head | None:
        """Add what a snapshot changed, and return the new head; None where it is not `after`."""
        head = Head(after.number + 1, at, after.rolled)
        rows = {at: {holder: row_of(each) for holder, each in change.figures.items()}}
        write = self._put(Grain.SECOND, rows)
        moved = self._ledger.end(write, after=after, to=head, looks=change.looks)
        return head if moved else None

    def roll_up(
        self, grain: Grain, rows: Mapping[int, Mapping[Holder, Row]], until: int, *, after: Head
    ) -> Head | None:
        """Keep the rows of spans, by their start, and that all is rolled up until then."""
        head = Head(after.number, after.last, {**after.rolled, grain: until})
        return head if self._ledger.end(self._put(grain, rows), after=after, to=head) else None

    def changed(self, began: int, ended: int) -> Mapping[Holder, Mapping[int, Row]]:
        """Return each holder's figures since each second of a span in which they changed."""
        found: dict[Holder, dict[int, Row]] = defaultdict(dict)
        for holder, start, row in self._of_all(Grain.SECOND, began, ended, self._ledger.seen()):
            found[holder][start] = row_in(row)
        return found

    def spans(self, grain: Grain, began: int, ended: int, wanted: frozenset[str]) -> FleetRows:
        """Return all rows that begin in this time, of some quantities."""
        bound = {"grain": grain.seconds, "began": began, "ended": ended}
        found = self._read(ROWS + BY_HOLDER, bound, self._ledger.seen())
        newest = {(kind, tenant, start): row for kind, tenant, start, row in found}
        return fleet_of(newest, wanted)

    def newest(self, at: int, wanted: frozenset[str]) -> FleetRows:
        """Return every holder's newest row that ends before a second, of some quantities."""
        found = self._newest(self._ledger.seen(), at)
        return fleet_of({(*whose, 0): row for whose, row in found.items()}, wanted)

    def before(
        self, at: int, holders: frozenset[Holder] | None = None, *, quantity: str | None = None
    ) -> Mapping[Holder, Row]:
        """Return the newest row that ends before a second: of these holders, or of all.

        Where one quantity is named, rows have that alone.
        """
        seen = self._ledger.seen()
        if holders is None:
            return dict(self._before(seen, at, quantity=quantity))
        found: dict[Holder, Row] = {}
        for some in batches(sorted({holder.tenant for holder in holders})):
            of_some = self._before(seen, at, some, quantity=quantity)
            found.update((holder, row) for holder, row in of_some if holder in holders)
        return found

    def rows(
        self, holder: Holder, grain: Grain, began: int, ended: int, *, quantity: str | None = None
    ) -> Mapping[int, Row]:
        """Return one holder's rows of the spans that begin in this time, by their start.

        Where one quantity is named, rows have that alone.
        """
        bound = {
            "grain": grain.seconds, "began": began, "ended": ended, "kind": holder.kind.value,
            "tenant": hexed(holder.tenant),
        }  # fmt: skip
        asked = ROWS + OF_ONE + IN_ORDER
        rows = self._read(asked, bound, self._ledger.seen(), long=False)
        return {start: row_in(row, quantity) for _, _, start, row in rows}

    def looks(self, began: int, ended: int) -> Looks:
        """Return when each quantity was known in this time, the oldest first."""
        return self._ledger.looks(began, ended)

    def drop(self, *, changes: int, hours: int, days: int) -> None:
        """Remove what is older than these seconds; not what tells a holder's figures last.

        Partitions go as a whole: some of it stays for up to a day, a week or a month more.
        """
        before = {Grain.SECOND: changes, Grain.HOUR: hours, Grain.DAY: days}
        old = [each for each in self._table.partitions() if each.ended <= before[each.grain]]
        self._carry([each for each in old if each.grain is Grain.DAY])
        for each in old:
            self._table.drop(each)
        self._ledger.drop_looks(days)
        self._give_up()

    def _carry(self, old: Sequence[Partition]) -> None:
        """Have the day after what goes tell what everyone had, where it does not."""
        if not old:
            return
        day, seen = max(each.ended for each in old), self._ledger.seen()
        told = {holder for holder, _, _ in self._of_all(Grain.DAY, day, day + 1, seen)}
        rows = {
            holder: row_of(figures) for holder, row in self._before(seen, day)
            if holder not in told and (figures := figures_at_end(row))
        }  # fmt: skip
        if rows:
            self._ledger.close((self._put(Grain.DAY, {day: rows}),))

    def _give_up(self) -> None:
        """Remove what was sent for writes that never ended, and were begun long ago."""
        ledger = self._ledger
        for some in batches(ledger.open_since(_now() - _GIVEN_UP)):
            bound = {"without": list(some)}
            for _ in range(2):
                (left,) = self._slow.row(_REMOVING, COUNT, bound, settings=self._long)
                if not left:
                    ledger.close(some)
                    break
                synchronous = {**self._long, "mutations_sync": 2}
                self._slow.command(_REMOVING, DELETE, bound, settings=synchronous)

    def _put(self, grain: Grain, rows: Mapping[int, Mapping[Holder, Row]]) -> int:
        """Send rows of spans by their start, and return the number of the write, which is open."""
        ledger, began = self._ledger, _now()
        write = ledger.begin(began)
        found = [
            (grain.seconds, holder.kind.value, name_bytes(holder.tenant), start, write,
             bytes_of(row))
            for start, each in rows.items() for holder, row in each.items()
        ]  # fmt: skip
        if _now() - began > _IN_TIME:  # it was stopped for long, and may have been given up
            raise StoreUnavailable(STORE, _DOING, "this process stood still meanwhile")
        if found:
            once = {
                "insert_deduplicate": 1, "insert_deduplication_token": f"{ledger.place}-{write}",
                "async_insert": 0, "max_partitions_per_insert_block": 0,
            }  # fmt: skip
            with self._reopening():
                self._slow.insert(_DOING, TABLE, COLUMNS, found, settings={**self._long, **once})
        return write

    def _of_all(
        self, grain: Grain, began: int, ended: int, seen: Seen
    ) -> Iterator[tuple[Holder, int, bytes]]:
        """Yield every holder's rows that begin in this time, by their start, the oldest first."""
        bound = {"grain": grain.seconds, "began": began, "ended": ended}
        for kind, tenant, start, row in self._read(ROWS + IN_ORDER, bound, seen):
            yield holder_of(kind, tenant), start, row

    def _before(
        self, seen: Seen, at: int, names: Iterable[str] | None = None, *,
        quantity: str | None = None,
    ) -> Iterator[tuple[Holder, Row]]:  # fmt: skip
        for whose, row in self._newest(seen, at, names).items():
            yield holder_of(*whose), row_in(row, quantity)

    def _newest(
        self, seen: Seen, at: int, names: Iterable[str] | None = None
    ) -> dict[tuple[bytes, bytes], bytes]:
        """Return every holder's newest row that ends before a second, as it is kept."""
        asked = BEFORE % ("" if names is None else OF_THESE)
        hours = min(Grain.DAY.start(at), seen.head.rolled[Grain.DAY])
        bound = {"at": at, "hours": hours, **({} if names is None else {"tenants": Names(names)})}
        return {(kind, tenant): row for kind, tenant, row in self._read(asked, bound, seen)}

    @contextmanager
    def _reopening(self) -> Iterator[None]:
        """Have the place be opened anew after a failure: its table may have been lost."""
        try:
            yield
        except StoreMisconfigured:
            self._kept = None
            raise

    def _read(
        self, asked: str, bound: Mapping[str, Any], seen: Seen, *, long: bool = True
    ) -> Sequence[Sequence[Any]]:
        bound = {**bound, "until": seen.until, "without": list(seen.without)}
        asking, limits = (self._slow, self._long) if long else (self._asking, self._limits)
        limits = {**limits, "optimize_aggregation_in_order": 1}
        with self._reopening():
            return asking.rows(_ASKING, asked, bound, settings=limits)


def _within(seconds: float) -> dict[str, Any]:
    return {"max_execution_time": math.ceil(seconds)}


def _now() -> int:
    return int(time.time())
