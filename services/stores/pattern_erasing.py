"""Patterns: what a purge finds of some kb_ids in ClickHouse, and erases.

A table whose partitions are kb_ids loses partitions, which touches nothing else; of any other
MergeTree table rows are deleted by one mutation. All of it may be repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from clickhouse_connect.driver.binding import quote_identifier
from clickhouse_connect.driver.client import Client

from services.errors import StoreDenied, StoreRejected, StoreUnavailable
from services.figures import Measure
from services.purging.models import Item, Look, Surface
from services.purging.sources import Said
from services.settings import Settings
from services.stores.clickhouse import STORE, Identifier, connecting
from services.stores.clickhouse_asking import Asking
from services.stores.pattern_surface import Holder, PatternSurface, Whole

_ALTER = "ALTER TABLE {home:Identifier}.{table:Identifier}"
_DROP = " DROP PARTITION ID {id:String}"
_DROP_DETACHED = " DROP DETACHED PARTITION ID {id:String}"
_DELETE = " DELETE WHERE kb_id IN {kb_ids:Array(String)}"
_APPLY_MASK = " APPLY DELETED MASK"
_FLUSH = "SYSTEM FLUSH ASYNC INSERT QUEUE"
_RUNNING = """
SELECT count(), sum(parts_to_do), max(latest_fail_reason != '')
FROM system.mutations
WHERE database = {db:String} AND table = {name:String} AND NOT is_done AND NOT is_killed
  AND (position(command, 'DELETE WHERE kb_id IN') > 0 OR command = '(APPLY DELETED MASK)')
"""
_ANY_SIZE = {"max_partition_size_to_drop": 0}
_SYNC = {"mutations_sync": 2}
_NO_QUEUE = 36
_ERASING = "erasing patterns"
_FIRST_PAUSE, _LAST_PAUSE = 0.05, 2.0


class PatternErasing:
    """Erases kb_ids from one ClickHouse database, on a `cluster` where one is named.

    `connect` makes clients for questions, `connect_slow` for what may take `seconds`: mutations.
    Every method raises StoreUnavailable, StoreDenied, StoreMisconfigured or StoreRejected.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        *,
        database: str,
        seconds: float,
        connect_slow: Callable[[], Client] | None = None,
        cluster: str | None = None,
    ) -> None:
        self._asking = Asking(connect, database=database)
        self._slow = Asking(connect_slow or connect, database=database)
        self._seconds = seconds
        # ON CLUSTER takes no bound name
        self._alter = f"{_ALTER} ON CLUSTER {quote_identifier(cluster)}" if cluster else _ALTER
        self._everywhere = cluster is not None

    @classmethod
    def over_http(cls, settings: Settings) -> Self:
        """Build it for the ClickHouse in the settings. Raises StoreNotConfigured."""
        patient = settings.model_copy(update={"timeout_seconds": settings.pass_seconds})
        return cls(
            connecting(settings),
            database=settings.clickhouse_db,
            seconds=settings.pass_seconds,
            connect_slow=connecting(patient),
            cluster=settings.clickhouse_cluster,
        )

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._asking.close()
        self._slow.close()

    def look(self, surface: Surface) -> Look:
        """Return an Item for each table and kb_id with rows, also those only marked deleted."""
        there = PatternSurface(self._asking, surface.kb_ids)
        holders = there.holders()
        if not there.kb_ids:
            return Look()
        wholes = there.wholes()
        return Look(
            items=(
                *_partition_items(there, holders),
                *_detached_items(there, holders),
                *(item for each in _mutable(holders) for item in _row_items(there, each, wholes)),
            ),
            blockers=tuple(text for each in holders for text in _blockers(there, each)),
            disclosed=tuple(_unreadable(there, holders)),
        )

    def flush(self) -> None:
        """Have ClickHouse write the inserts that it holds back."""
        try:
            self._slow.command("flushing inserts", _FLUSH, {})
        except StoreRejected as exc:
            if getattr(exc.__cause__, "code", None) != _NO_QUEUE:  # never used: nothing held back
                raise

    def erase(self, surface: Surface, said: Said) -> None:
        """Erase every row of every kb_id of the surface, and wait until it is done."""
        there = PatternSurface(self._asking, surface.kb_ids)
        holders = there.holders()
        if not there.kb_ids:
            return
        self._drop_partitions(there, holders, said)
        self._drop_detached(there, holders, said)
        for holder in _mutable(holders):
            self._delete(there, holder, said)

    def _drop_partitions(
        self, there: PatternSurface, holders: tuple[Holder, ...], said: Said
    ) -> None:
        named = {each.name for each in holders if each.by_partition}
        due = [(each.table, each.id) for each in there.partitions() if each.table in named]
        if self._everywhere:  # other servers may hold what this one does not
            due += [(table, at) for table in sorted(named) for at in there.partition_ids()]
        for number, (table, at) in enumerate(dict.fromkeys(due), start=1):
            self._do(_DROP, table, {"id": at}, _ANY_SIZE)
            said(f"{table}: dropped partition {number} of {len(due)}")

    def _drop_detached(
        self, there: PatternSurface, holders: tuple[Holder, ...], said: Said
    ) -> None:
        for table, at, _, parts in _detached_of(there, holders):
            self._do(_DROP_DETACHED, table, {"id": at}, {"allow_drop_detached": 1})
            said(f"{table}: dropped {parts} detached parts")

    def _delete(self, there: PatternSurface, holder: Holder, said: Said) -> None:
        """Delete rows for all kb_ids at once, after what an earlier try left running."""
        self._await_running(holder.name, said)
        if self._everywhere or there.rows(holder):
            self._do(_DELETE, holder.name, there.bound, _SYNC)
        if there.rows(holder, masked=True):  # marked before, and on disk until this
            self._do(_APPLY_MASK, holder.name, {}, _SYNC)
        self._await_running(holder.name, said)
        said(f"{holder.name}: deleted")

    def _await_running(self, table: str, said: Said) -> None:
        ends, pause = time.monotonic() + self._seconds, _FIRST_PAUSE
        while True:
            ((running, parts, failing),) = self._asking.rows(_ERASING, _RUNNING, {"name": table})
            if not running:
                return
            if failing:
                raise StoreRejected(STORE, _ERASING, f"a mutation of {table!r} keeps failing")
            if time.monotonic() > ends:
                reason = f"a mutation of {table!r} took longer than {self._seconds:g} s"
                raise StoreUnavailable(STORE, _ERASING, reason)
            said(f"{table}: a mutation has {parts} parts to do")
            time.sleep(pause)
            pause = min(2 * pause, _LAST_PAUSE)

    def _do(
        self, what: str, table: str, bound: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> None:
        bound = {**bound, "table": Identifier(table)}
        self._slow.command(_ERASING, self._alter + what, bound, settings=settings)


def _mutable(holders: tuple[Holder, ...]) -> Iterator[Holder]:
    return (h for h in holders if not (h.only_shows or h.obstacle or h.by_partition))


def _partition_items(there: PatternSurface, holders: tuple[Holder, ...]) -> Iterator[Item]:
    named = {each.name for each in holders if each.by_partition}
    for each in there.partitions():
        if each.table in named:
            how = f"DROP PARTITION; {each.parts} parts"
            yield Item(Measure.PATTERNS, each.kb_id, each.table, each.rows, each.size, how=how)


def _detached_of(
    there: PatternSurface, holders: tuple[Holder, ...]
) -> Iterator[tuple[str, str, str, int]]:
    """Yield table, partition id, kb_id and number of the kb_ids' own detached parts."""
    named = {each.name for each in holders if each.by_partition}
    found = [each for each in there.detached() if each.table in named]
    whose = there.partition_ids() if found else {}
    for each in found:
        if each.id in whose:
            yield each.table, each.id, whose[each.id], each.parts


def _detached_items(there: PatternSurface, holders: tuple[Holder, ...]) -> Iterator[Item]:
    for table, _, kb_id, parts in _detached_of(there, holders):
        kind = f"detached parts of {table}"
        yield Item(Measure.PATTERNS, kb_id, kind, parts, how="DROP DETACHED PARTITION")


def _unreadable(there: PatternSurface, holders: tuple[Holder, ...]) -> Iterator[str]:
    """Disclose detached parts that do not tell whose they are."""
    by_partition = {each.name: each.by_partition for each in holders if not each.only_shows}
    for each in there.detached():
        if each.table in by_partition and not (by_partition[each.table] and each.id):
            yield (
                f"the table {each.table} has {each.parts} detached parts, which ClickHouse does "
                "not read: whether they hold rows of these kb_ids is not known"
            )


def _row_items(
    there: PatternSurface, holder: Holder, wholes: Mapping[str, Whole]
) -> Iterator[Item]:
    whole = wholes.get(holder.name)
    if whole is None:
        return
    how = f"mutation; rewrites or clones all {whole.parts} parts ({whole.size}) of the table"
    for kb_id, rows in there.rows(holder, masked=whole.masked).items():
        yield Item(Measure.PATTERNS, kb_id, holder.name, rows, how=how)


def _blockers(there: PatternSurface, holder: Holder) -> Iterator[str]:
    if holder.only_shows or not holder.obstacle:
        return
    table = f"the table {holder.name} ({holder.engine})"
    try:
        rows = sum(there.rows(holder).values())
    except (StoreRejected, StoreDenied) as exc:
        yield f"{table} cannot be asked for rows of these kb_ids: {exc.reason}"
        return
    if rows:
        yield (
            f"{table} holds {rows:,} rows of these kb_ids that cannot be erased: {holder.obstacle}"
        )
