"""Patterns: what a purge finds of some owners in ClickHouse, and erases.

A table whose partitions are owners loses partitions, which touches nothing else; of any other
MergeTree table rows are deleted by one mutation. All of it may be repeated.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from services.errors import StoreDenied, StoreRejected, StoreUnavailable
from services.jobs.models import Progress
from services.jobs.ports import Said
from services.purge.models import Look, Surface
from services.stores.clickhouse.catalogue import Catalogue, catalogue_of
from services.stores.clickhouse.connect import STORE, Identifier
from services.stores.clickhouse.ddl import flush, on_cluster, run
from services.stores.clickhouse.disk import PATIENCE, PatternDisk
from services.stores.clickhouse.look import PatternLook, by_partition, detached_of
from services.stores.clickhouse.owner_columns import Place
from services.stores.clickhouse.pending import unsent
from services.stores.clickhouse.query import Asking, ClickHouse
from services.stores.clickhouse.rights import PatternRights
from services.stores.clickhouse.surface import PatternSurface, Whole

_ALTER = "ALTER TABLE {home:Identifier}.{table:Identifier}"
_FLUSH_DISTRIBUTED = "SYSTEM FLUSH DISTRIBUTED%s {home:Identifier}.{table:Identifier}"
_SYNC_REPLICA = "SYSTEM SYNC REPLICA%s {home:Identifier}.{table:Identifier}"
_DROP = " DROP PARTITION ID {id:String}"
_DROP_DETACHED = " DROP DETACHED PARTITION ID {id:String}"
_DELETE = " DELETE WHERE "
_APPLY_MASK = " APPLY DELETED MASK"
_RUNNING = """
SELECT count(), sum(parts_to_do), max(latest_fail_reason != '')
FROM system.mutations
WHERE database = {at:String} AND table = {name:String} AND NOT is_done AND NOT is_killed
  AND (position(command, 'DELETE WHERE') > 0 OR position(command, 'APPLY DELETED MASK') > 0)
"""
_ANY_SIZE = {"max_partition_size_to_drop": 0}
_SYNC = {"mutations_sync": 2}
_EVERY_REPLICA = {"alter_sync": 2, "mutations_sync": 2}
_ERASING = "erasing patterns"
_FIRST_PAUSE, _LAST_PAUSE = 0.05, 2.0


class PatternErasing:
    """Erases owners from one ClickHouse, or from every server of a cluster.

    A mutation may take `seconds`, and so may a statement until each server has carried it out;
    `patience` is for how many seconds old parts are waited for. Every method raises
    StoreUnavailable, StoreDenied, StoreMisconfigured or StoreRejected.
    """

    def __init__(
        self,
        clickhouse: ClickHouse,
        *,
        seconds: float,
        patience: float = PATIENCE,
    ) -> None:
        self._asking, self._slow = clickhouse.asking, clickhouse.slow
        self._seconds = seconds
        self._patience = patience
        self._alter = _ALTER + on_cluster(self._asking)
        self._everywhere = self._asking.cluster is not None

    def names(self) -> Mapping[str, int]:
        """Return every kb_id with its rows, those too that are only marked deleted.

        Of all tables that surely name kb_ids, also of copies that views keep in other databases
        and this user may read.
        """
        there = PatternSurface(self._asking, Surface())
        catalogue = there.catalogue()
        places = [each for each in catalogue.places if each.is_surely_kb]
        wholes, named = there.wholes(catalogue.homes), by_partition(places)
        rows = Counter[str]()
        for part in there.partitions(catalogue.homes, whole=True):
            if part.ref in named:
                rows[part.owner] += part.rows
        for place in places:
            whole = wholes.get(place.table.ref)
            if place.table.ref not in named and place.table.has_rows:
                rows.update(_readable_rows(there, place, whole))
        return dict(rows)

    def rights(self) -> tuple[str, ...]:
        """Say what this user lacks to erase and to look, in words; nothing is changed."""
        return PatternRights(self._asking, everywhere=self._everywhere).missing()

    def look(self, surface: Surface) -> Look:
        """Return an Item for each table and owner with rows, also those only marked deleted.

        On a cluster, of every replica, once what was inserted has been sent to the shards.
        """
        waiting = unsent(self._asking)
        look = PatternLook(PatternSurface(self._asking, surface), surface).run()
        return replace(look, unsure=(*look.unsure, *waiting))

    def flush(self) -> None:
        """Have ClickHouse write the inserts that it holds back.

        On a cluster those too that Distributed tables have still to send, and what replicas have
        still to fetch.
        """
        flush(self._slow, "flushing inserts", seconds=self._seconds)
        if self._everywhere:
            for statement, tables in waiting(self._asking):
                for home, table in tables:
                    at = {"home": Identifier(home), "table": Identifier(table)}
                    self._system(statement % on_cluster(self._asking), at)

    def _system(self, statement: str, bound: Mapping[str, Any]) -> None:
        run(self._slow, "flushing inserts", statement, bound, seconds=self._seconds)

    def await_disk(self, surface: Surface, said: Said) -> tuple[str, ...]:
        """Wait, within reason, until no replaced part holds what was erased, or say until when."""
        return PatternDisk(self._asking, surface, patience=self._patience).wait(said)

    def erase(self, surface: Surface, said: Said) -> None:
        """Erase every row of every owner of the surface, and wait until it is done."""
        there = PatternSurface(self._asking, surface)
        catalogue = there.catalogue()
        if not there.everyone:
            return
        self._drop_partitions(there, catalogue, said)
        self._drop_detached(there, catalogue, said)
        for place in _mutable(there, catalogue):
            self._delete(there, place, said)

    def _drop_partitions(self, there: PatternSurface, catalogue: Catalogue, said: Said) -> None:
        named = by_partition(catalogue.places)
        due = [
            (each.ref, each.id)
            for each in there.partitions(catalogue.homes)
            if each.ref in named and each.owner in there.names_in(named[each.ref])
        ]
        if self._everywhere:  # other servers may hold what this one does not
            ids = there.partition_ids()
            due += [
                (ref, at)
                for ref, place in named.items()
                for at, owner in ids.items()
                if owner in there.names_in(place)
            ]
        whole = dict.fromkeys(due)
        for number, (ref, at) in enumerate(whole, start=1):
            self._do(_DROP, there.bound(named[ref]) | {"id": at}, _ANY_SIZE)
            words = f"{named[ref].table.label}: dropped partition {number} of {len(whole)}"
            said(Progress(words, number, len(whole)))

    def _drop_detached(self, there: PatternSurface, catalogue: Catalogue, said: Said) -> None:
        detached = there.detached(catalogue.homes)
        for place, at, _, parts in detached_of(there, catalogue, detached):
            self._do(_DROP_DETACHED, there.bound(place) | {"id": at}, {"allow_drop_detached": 1})
            said(Progress(f"{place.table.label}: dropped {parts} detached parts"))

    def _delete(self, there: PatternSurface, place: Place, said: Said) -> None:
        """Delete rows of all owners at once, after what an earlier try left running."""
        self._await_running(place, said)
        if self._everywhere or there.rows(place):
            self._do(_DELETE + place.column.condition, there.bound(place), _SYNC)
        if there.rows(place, masked=True):  # marked before, and on disk until this
            self._do(_APPLY_MASK, there.bound(place), _SYNC)
        self._await_running(place, said)  # whatever was answered: this user may not set _SYNC
        said(Progress(f"{place.table.label}: deleted"))

    def _await_running(self, place: Place, said: Said) -> None:
        """Wait until no server has a mutation of ours to do."""
        ends, pause, whole = time.monotonic() + self._seconds, _FIRST_PAUSE, 0
        label, bound = place.table.label, {"at": place.table.database, "name": place.table.name}
        while True:
            told = [row for _, _, row in self._asking.replicas(_ERASING, _RUNNING, bound)]
            parts = sum(of_one for _, of_one, _ in told)
            if not any(running for running, *_ in told):
                return
            if any(failing for *_, failing in told):
                raise StoreRejected(STORE, _ERASING, f"a mutation of {label!r} keeps failing")
            if time.monotonic() > ends:
                reason = f"a mutation of {label!r} took longer than {self._seconds:g} s"
                raise StoreUnavailable(STORE, _ERASING, reason)
            whole = max(whole, parts)
            words = f"{label}: a mutation has {parts} parts to do"
            said(Progress(words, whole - parts, whole))
            time.sleep(pause)
            pause = min(2 * pause, _LAST_PAUSE)

    def _do(self, what: str, bound: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        if self._everywhere:
            settings = {**settings, **_EVERY_REPLICA}
        run(self._slow, _ERASING, self._alter + what, bound, settings=settings,
            seconds=self._seconds)  # fmt: skip


def waiting(asking: Asking) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield what has servers of a cluster send, then fetch, what waits; with its tables."""
    faces = asking.faces(_ERASING)
    yield _FLUSH_DISTRIBUTED, [(asking.database, name) for name in faces]
    tables = catalogue_of(asking).tables
    yield _SYNC_REPLICA, [each.ref for each in tables if each.engine.startswith("Replicated")]


def _readable_rows(there: PatternSurface, place: Place, whole: Whole | None) -> Mapping[str, int]:
    """Count the rows of everyone; none of a copy elsewhere that may not be read: a look says so."""
    try:
        return there.all_rows(place, masked=whole is not None and whole.masked)
    except StoreDenied:
        if place.table.here:
            raise
        return {}


def _mutable(there: PatternSurface, catalogue: Catalogue) -> Iterator[Place]:
    """Yield the tables of which rows are deleted one by one, and that can name an owner."""
    for place in catalogue.places:
        if not place.obstacle and not place.by_partition and there.names_in(place):
            yield place
