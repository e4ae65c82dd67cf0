"""What ClickHouse still has on disk of rows that are gone: parts that were replaced."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.jobs.models import Progress
from services.jobs.ports import Said
from services.purge.models import Surface
from services.stores.clickhouse.catalogue import LOOKING, Catalogue, one
from services.stores.clickhouse.connect import Names
from services.stores.clickhouse.look import by_partition
from services.stores.clickhouse.owner_columns import Table
from services.stores.clickhouse.query import Asking
from services.stores.clickhouse.surface import PatternSurface
from services.stores.clickhouse.views import Ref
from services.tenancy.layout import text_of

PATIENCE = 60.0
"""Seconds that are waited at most for ClickHouse to remove old parts."""

_OLD = """
SELECT groupArray((home, table, partition, id, version, parts, since)), toUnixTimestamp(now())
FROM (
    SELECT database AS home, table, partition, partition_id AS id, data_version AS version,
           count() AS parts, toUnixTimestamp(max(remove_time)) AS since
    FROM system.parts
    WHERE database IN {homes:Array(String)} AND NOT active AND rows > 0
    GROUP BY home, table, partition, id, version
)
"""
_VERSIONS = """
SELECT groupArray((home, table, id, version)) FROM (
    SELECT database AS home, table, id, max(version) AS version
    FROM system.mutations
    ARRAY JOIN block_numbers.partition_id AS id, block_numbers.number AS version
    WHERE database IN {homes:Array(String)}
      AND (position(command, 'DELETE WHERE') > 0 OR position(command, 'APPLY DELETED MASK') > 0)
    GROUP BY home, table, id
)
"""
_LIFETIME = """
SELECT max(toUInt64OrZero(toString(value))) FROM system.merge_tree_settings
WHERE name = 'old_parts_lifetime'
"""
_OWN_LIFETIME = re.compile(r"\bold_parts_lifetime = (\d+)")
Versions = dict[Ref, dict[str, int]]
_SLACK = 45  # seconds between two looks of ClickHouse at its old parts, and a few more
_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Old:
    """Replaced parts of a table that can hold rows of an owner; `until` by the server's clock.

    `server` is the one of a cluster that has them.
    """

    table: Table
    parts: int
    until: int
    server: str = ""

    def __str__(self) -> str:
        until = datetime.fromtimestamp(self.until, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        where = f" on {self.server}" if self.server else ""
        return (
            f"the table {self.table.label}{where} still has {self.parts:,} replaced parts on disk, "
            f"which no query reads and which can hold rows that were erased, until about {until}"
        )


class PatternDisk:
    """Waits for old parts of one ClickHouse to go. Raises StoreError."""

    def __init__(self, asking: Asking, surface: Surface, *, patience: float = PATIENCE) -> None:
        self._asking = asking
        self._there = PatternSurface(asking, surface)
        self._patience = patience

    def wait(self, said: Said) -> tuple[str, ...]:
        """Wait until nothing is left, or until it is plain that this takes longer."""
        if not self._there.everyone:
            return ()
        catalogue = self._there.catalogue()
        lifetime = self._lifetime()
        versions = self._versions(catalogue)
        ends, first = time.monotonic() + self._patience, 0
        while True:
            old, due = self._old(catalogue, versions, lifetime)
            parts = sum(each.parts for each in old)
            first = max(first, parts)
            if not old or ends - time.monotonic() < due:
                return tuple(map(str, old))
            said(Progress(f"{parts:,} replaced parts are still on disk", first - parts, first))
            time.sleep(_PAUSE)

    def _lifetime(self) -> int:
        (seconds,) = one(self._asking, _LIFETIME, {})
        return int(seconds)

    def _versions(self, catalogue: Catalogue) -> Mapping[str, Versions]:
        """Return by server from which version on parts are without the rows that were deleted."""
        bound = {"homes": Names(catalogue.homes)}
        every = dict[str, Versions]()
        for _, server, (found,) in self._asking.replicas(LOOKING, _VERSIONS, bound):
            versions = every.setdefault(server, {})
            for home, table, at, version in found:
                versions.setdefault((text_of(home), text_of(table)), {})[text_of(at)] = version
        return every

    def _old(
        self, catalogue: Catalogue, versions: Mapping[str, Versions], lifetime: int
    ) -> tuple[tuple[Old, ...], int]:
        """Return what is left, and in how many seconds the last of it goes."""
        bound, every, due = {"homes": Names(catalogue.homes)}, list[Old](), 0
        for _, server, (found, now) in self._asking.replicas(LOOKING, _OLD, bound):
            held = self._held(catalogue, versions.get(server, {}), found)
            old = _olds(catalogue, held, now, lifetime, server)
            every += old
            due = max([due, *(each.until - now for each in old)])
        return tuple(every), due

    def _held(
        self,
        catalogue: Catalogue,
        versions: Versions,
        found: Iterable[Sequence[Any]],
    ) -> Iterator[tuple[Ref, int, int]]:
        """Yield the parts that can hold rows of an owner."""
        places = by_partition(catalogue.places)
        for home, table, partition, at, version, count, removed in found:
            ref = text_of(home), text_of(table)
            if ref in places:
                held = text_of(partition) in self._there.names_in(places[ref])
            else:
                by_id = versions.get(ref, {})
                held = version < by_id.get(text_of(at), by_id.get("", 0))
            if held:
                yield ref, count, removed


def _olds(
    catalogue: Catalogue, held: Iterable[tuple[Ref, int, int]], now: int, lifetime: int, server: str
) -> list[Old]:  # fmt: skip
    tables = {table.ref: table for table in catalogue.tables}
    parts, since = dict[Ref, int](), dict[Ref, int]()
    for ref, count, removed in held:
        parts[ref] = parts.get(ref, 0) + count
        since[ref] = max(since.get(ref, 0), removed)
    return [
        Old(
            tables[ref], count, server=server,
            until=max(now, since[ref] + _own_lifetime(tables[ref], lifetime) + _SLACK),
        )
        for ref, count in sorted(parts.items())
    ]  # fmt: skip


def until(since: int, lifetime: int, now: int) -> int:
    """Return about when a part goes that was replaced then; all in seconds since 1970.

    `since` is 0 for a part that ClickHouse removes as soon as it can. The answer is never past:
    a query that still reads a part keeps it for as long as it runs.
    """
    return max(now, (since or now) + (lifetime if since else 0) + _SLACK)


def _own_lifetime(table: Table, lifetime: int) -> int:
    _, _, settings = table.engine_full.rpartition(" SETTINGS ")
    found = _OWN_LIFETIME.search(settings)
    return int(found[1]) if found else lifetime
