"""Writes what was staged into its store, and takes it back where not all of it could be written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from services.errors import KatoTenantsError
from services.imports.errors import ImportRefused
from services.imports.models import (
    Existing,
    Item,
    Kind,
    Order,
    Progress,
    Run,
    State,
    Target,
    Why,
)
from services.imports.ports import Batches, Before, Collection, Points, Rows, Table
from services.imports.spool import Spool
from services.tenancy.layout import Layout

logger = logging.getLogger(__name__)

BATCH = 500
"""Rows that are checked, and written, at a time."""

Tell = Callable[[Progress], None]


@dataclass(frozen=True)
class Stores:
    """What is written to; each is made when it is first asked for."""

    rows: Callable[[], Rows]
    keys: Callable[[], Batches]
    points: Callable[[], Points]

    def batches(self, order: Order, target: Target) -> tuple[Batches, str, str]:
        """Return the store, the place in it, and whose what is there has to be.

        That is the tenant's id where a collection is shared, the node_id for KATO's sessions, and
        empty where the name itself says it.
        """
        if order.kind is Kind.VECTORS:
            whose = order.tenant.id if order.collection else ""
            return self.points(), order.collection or target.collection, whose
        is_katos = order.kind is Kind.SESSIONS and order.layout is Layout.KATO
        return self.keys(), "", order.node_id if is_katos else ""

    def table(self, order: Order) -> Table | None:
        """Return the table for patterns; None where there are none. Raises ImportRefused."""
        if order.kind is not Kind.PATTERNS:
            return None
        found = self.rows().table(order.table)
        if found is None:
            raise ImportRefused("KATO's database has no such table that names owners and patterns")
        return found

    def collection_of(self, order: Order, target: Target) -> Collection | None:
        """Return the collection for vectors; None where there are none. Raises ImportRefused."""
        if order.kind is not Kind.VECTORS:
            return None
        found = self.points().collection(order.collection or target.collection)
        if found is None:
            raise ImportRefused("there is no such collection: set it up first")
        if found.by_key:
            raise ImportRefused("its shards are chosen by key, which an import does not do")
        return found


@dataclass(frozen=True)
class Writer:
    """Writes one import: `keep` notes how far it is."""

    stores: Stores
    run: Run
    target: Target
    spool: Spool
    keep: Callable[[Run], None]

    def write(self, tell: Tell) -> Run:
        """Write all of it, or take back what was, and return how it went."""
        try:
            if self.run.order.kind is Kind.PATTERNS:
                written, replaced = self._rows()
            else:
                written, replaced = self._batches(tell)
        except Exception as exc:
            if not isinstance(exc, KatoTenantsError):
                logger.exception("an import failed")
            words = str(exc) if isinstance(exc, KatoTenantsError) else type(exc).__name__
            return self.back(words)
        return self._ended(replace(self.run, state=State.DONE, written=written, replaced=replaced))

    def _rows(self) -> tuple[int, int]:
        table, store = self._table, self.stores.rows()
        staged, whole = (
            store.stage(self.run.id, table, self.spool.batches(BATCH)),
            self.spool.count(),
        )
        if staged != whole:
            raise ImportRefused(f"{staged:,} of {whole:,} rows arrived")
        return store.publish(self.run.id, table, self.run.order.existing)

    @property
    def _table(self) -> Table:
        table = self.stores.table(self.run.order)
        assert table is not None  # noqa: S101 - these are patterns
        return table

    def _batches(self, tell: Tell) -> tuple[int, int]:
        store, place, whose = self.stores.batches(self.run.order, self.target)
        written = replaced = done = 0
        whole = self.spool.count()
        for batch in self.spool.batches(BATCH):
            if store.there(place, batch, whose=whose).taken:
                raise ImportRefused(Why.TAKEN.value)
            wanted, before = _wanted(batch, store.before(place, batch), self.run.order.existing)
            self.spool.keep_before(before)
            try:
                store.write(place, wanted, before)
            except ImportRefused:  # what others wrote meanwhile is not taken back
                self.spool.forget_before(before)
                raise
            old = sum(was is not None for was in before.values())
            written, replaced = written + len(wanted) - old, replaced + old
            done += len(batch)
            tell(Progress(done, whole))
        return written, replaced

    def back(self, problem: str) -> Run:
        """Take back what was written, and say that it was, or that it could not be."""
        try:
            if self.run.order.kind is Kind.PATTERNS:
                self.stores.rows().take_back(self.run.id, self._table)
            else:
                store, place, _ = self.stores.batches(self.run.order, self.target)
                for before in self.spool.befores(BATCH):
                    store.take_back(place, before)
        except KatoTenantsError as exc:
            logger.warning("what an import wrote could not be taken back: %s", exc)
            half = replace(self.run, state=State.HALF, problem=problem)
            self.keep(half)
            return half
        return self._ended(replace(self.run, state=State.UNDONE, problem=problem))

    def _ended(self, run: Run) -> Run:
        self.keep(run)
        self.spool.empty()
        if run.order.kind is Kind.PATTERNS:
            try:
                self.stores.rows().forget(run.id)
            except KatoTenantsError as exc:  # what was staged there stays, and is seen
                logger.warning("a staging table could not be dropped: %s", exc)
        return run


def _wanted(
    batch: Sequence[Item], before: Before, existing: Existing
) -> tuple[Sequence[Item], Before]:
    """Return what of a batch is written, and what these keys have now."""
    there = {item.key for item in batch if before[item.key] is not None}
    if there and existing is Existing.STOP:
        raise ImportRefused("a name came to be there meanwhile")
    left_out = there if existing is Existing.SKIP else set()
    wanted = [item for item in batch if item.key not in left_out]
    return wanted, {item.key: before[item.key] for item in wanted}
