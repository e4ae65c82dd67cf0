"""Writes what was staged into its store, and takes it back where not all of it could be written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from services.errors import KatoTenantsError, LeaseLost
from services.imports.models import (
    Existing,
    ImportRefused,
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


class Tell(Protocol):
    """Takes note of progress."""

    def __call__(self, progress: Progress, *, stoppable: bool = True) -> None:
        """Note it. Raises LeaseLost, and where it is stoppable ImportRefused and OnHold."""


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
    """Writes one import: `keep` notes what came of it, and `tell` how far it is.

    `tell` raises ImportRefused where it is not wanted any more, OnHold where it may not be, and
    LeaseLost where another process has it: then nothing more is written, nor taken back.
    """

    stores: Stores
    run: Run
    target: Target
    spool: Spool
    keep: Callable[[Run], None]
    tell: Tell

    def write(self) -> Run:
        """Write all of it, or take back what was, and return how it went. Raises LeaseLost."""
        try:
            if self.run.order.kind is Kind.PATTERNS:
                written, replaced = self._rows()
            else:
                written, replaced = self._batches()
        except LeaseLost:
            raise
        except Exception as exc:
            if not isinstance(exc, KatoTenantsError):
                logger.exception("an import failed")
            words = str(exc) if isinstance(exc, KatoTenantsError) else type(exc).__name__
            return self.back(words)
        return self._kept(replace(self.run, state=State.DONE, written=written, replaced=replaced))

    def _rows(self) -> tuple[int, int]:
        table, store = self._table, self.stores.rows()
        whole = self.spool.count()
        staged = store.stage(self.run.id, table, self._told(whole))
        if staged != whole:
            raise ImportRefused(f"{staged:,} of {whole:,} rows arrived")
        self.tell(Progress(whole, whole))
        return store.publish(self.run.id, table, self.run.order.existing)

    @property
    def _table(self) -> Table:
        table = self.stores.table(self.run.order)
        assert table is not None  # noqa: S101 - these are patterns
        return table

    def _batches(self) -> tuple[int, int]:
        store, place, whose = self.stores.batches(self.run.order, self.target)
        written = replaced = 0
        for batch in self._told(self.spool.count()):
            if store.there(place, batch, whose=whose).taken:
                raise ImportRefused(Why.TAKEN.value)
            wanted, before = _wanted(batch, store.before(place, batch), self.run.order.existing)
            self.spool.keep_before(before)
            try:
                store.write(place, wanted, before)
            except ImportRefused:  # what others wrote meanwhile is not taken back
                self.tell(Progress(0, 0), stoppable=False)  # whoever has it now may have written it
                self.spool.forget_before(before)
                raise
            old = sum(was is not None for was in before.values())
            written, replaced = written + len(wanted) - old, replaced + old
        return written, replaced

    def _told(self, whole: int) -> Iterator[Sequence[Item]]:
        """Yield the batches, saying before each how far it is."""
        done = 0
        for batch in self.spool.batches(BATCH):
            self.tell(Progress(done, whole))
            yield batch
            done += len(batch)

    def back(self, problem: str) -> Run:
        """Take back what was written, and say that it was, or that it could not be."""
        try:
            left = self.clear()
        except LeaseLost:
            raise
        except KatoTenantsError as exc:
            logger.warning("what an import wrote could not be taken back: %s", exc)
            return self._kept(replace(self.run, state=State.HALF, problem=problem))
        if left:
            problem += f"; what others wrote since under {left:,} of its names stays"
        return self._kept(replace(self.run, state=State.UNDONE, problem=problem))

    def clear(self) -> int:
        """Take back what was written so far, by whoever; may be done again.

        Returns under how many names others have written since, which stays. Raises StoreError.
        """
        self.tell(Progress(0, 0), stoppable=False)
        if self.run.order.kind is Kind.PATTERNS:
            left = self.stores.rows().take_back(self.run.id, self._table)
            self.stores.rows().forget(self.run.id)
            return left
        store, place, _ = self.stores.batches(self.run.order, self.target)
        left = 0
        for before, wrote in self.spool.befores(BATCH):
            self.tell(Progress(0, 0), stoppable=False)
            left += store.take_back(place, before, wrote)
        self.spool.forget_all_before()
        return left

    def tidy(self) -> None:
        """Keep no row of what is over; may be done again."""
        self.spool.empty()
        if self.run.order.kind is Kind.PATTERNS:
            try:
                self.stores.rows().forget(self.run.id)
            except KatoTenantsError as exc:  # what was staged there stays, and is seen
                logger.warning("a staging table could not be dropped: %s", exc)

    def _kept(self, run: Run) -> Run:
        self.keep(run)
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
