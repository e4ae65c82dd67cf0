"""Checks a file for a tenant row by row, and writes it whole or not at all."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, BinaryIO

from services.cards.holds import Holds, refuse_held
from services.imports.check import Checker
from services.imports.errors import ImportRefused
from services.imports.folder import Folder, copied
from services.imports.models import (
    Existing,
    Item,
    Order,
    Preview,
    Progress,
    Refused,
    Run,
    State,
    Target,
    Why,
)
from services.imports.ports import There
from services.imports.read import rows as rows_of
from services.imports.spool import Spool
from services.imports.target import target_of
from services.imports.write import BATCH, Stores, Writer
from services.tenancy.kb_ids import held_names
from services.tenancy.ownership import Ownership


class ImportService:
    """Imports are staged in `folder`, on this machine.

    `being_purged` says which job has names for itself, `holds` whose data has to be kept. Every
    method raises StoreError.
    """

    def __init__(
        self, folder: Path, stores: Stores, *, ownership: Callable[[], Ownership],
        being_purged: Callable[[tuple[str, ...]], str | None], holds: Holds,
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._folder, self._stores, self._now = Folder(folder, now), stores, now
        self._ownership, self._being_purged, self._holds = ownership, being_purged, holds
        self._progress: dict[str, Progress] = {}

    def target(self, order: Order) -> Target:
        """Return where an order's rows go. Raises ImportRefused."""
        return target_of(order, self._ownership())

    def check(self, order: Order, file: BinaryIO) -> Preview:
        """Check a file, stage what can be taken of it, and say what writing it would come to.

        Nothing is written into any store. Raises ImportRefused.
        """
        target = self.target(order)
        checker = Checker(
            order, target, self._ownership(), self._stores.table(order),
            self._stores.collection_of(order, target), self._now,
        )  # fmt: skip
        self._folder.clean()
        run = secrets.token_hex(8)
        spool = self._folder.new(run)
        try:
            preview = self._staged(run, checker, spool, file)
        except BaseException:
            spool.path.unlink(missing_ok=True)
            raise
        self._folder.keep_preview(spool, preview)
        self._folder.keep(spool, Run(run, order, State.CHECKED, at=self._now()))
        return preview

    def preview(self, run: str) -> Preview:
        """Return what a checked file would come to. Raises ImportRefused where it is not there."""
        return self._folder.preview(run)

    def one(self, run: str) -> Run:
        """Return an import. Raises ImportRefused where it is not there."""
        found = self._folder.run(run)
        return replace(found, progress=self._progress.get(run, found.progress))

    def runs(self) -> tuple[Run, ...]:
        """Return the imports that were begun on this machine, the newest first."""
        return tuple(run for run in self._folder.runs() if run.state is not State.CHECKED)

    def claim(self, run: str, *, by: str) -> Run:
        """Begin an import: whoever does is the only one to write it.

        Raises ImportRefused for what may not be written, OnHold for what would replace data that
        has to be kept.
        """
        preview = self.preview(run)
        if preview.obstacle:
            raise ImportRefused(f"nothing was written: {preview.obstacle}")
        target = self.target(preview.order)  # whose it is may have changed since
        names = held_names([preview.order.tenant], [target.kb_id])
        if self._being_purged(names) is not None:
            raise ImportRefused(f"{preview.order.tenant} is being purged")
        if preview.order.existing is Existing.REPLACE:
            refuse_held([preview.order.tenant], self._holds)
        spool = self._folder.spool(run)
        if self.one(run).state is not State.CHECKED or not spool.claim():
            raise ImportRefused("it was begun already")
        begun = Run(run, preview.order, State.WRITING, by, self._now())
        self._folder.keep(spool, begun)
        return begun

    def write(self, run: str) -> Run:
        """Write what was begun, whole or not at all, and return how it went.

        What fails half-way is taken back. Raises ImportRefused for what was not begun.
        """
        found = self.one(run)
        if found.state is not State.WRITING:
            raise ImportRefused("it was not begun")

        self._progress[run] = found.progress  # from here on it is not taken back by hand
        try:
            return self._writer(found).write(partial(self._progress.__setitem__, run))
        finally:
            self._progress.pop(run, None)

    def take_back(self, run: str) -> Run:
        """Take back what an import wrote that was cut off or failed half-way."""
        found = self.one(run)
        if found.state not in (State.HALF, State.WRITING) or run in self._progress:
            raise ImportRefused("there is nothing to take back")
        return self._writer(found).back(found.problem or "it was cut off")

    def _writer(self, run: Run) -> Writer:
        spool = self._folder.spool(run.id)
        target = self.preview(run.id).target
        return Writer(self._stores, run, target, spool, partial(self._folder.keep, spool))

    # --- checking ---

    def _staged(self, run: str, checker: Checker, spool: Spool, file: BinaryIO) -> Preview:
        with TemporaryFile(dir=self._folder.path) as staged:
            digest = copied(file, staged)
            preview = self._checked(run, checker, spool, staged)
        whole = f"{digest} {checker.order!r}".encode("utf-8", "surrogatepass")
        return replace(preview, digest=hashlib.sha256(whole).hexdigest())

    def _checked(self, run: str, checker: Checker, spool: Spool, file: IO[bytes]) -> Preview:
        order, number, there, columns = checker.order, 0, 0, set[str]()
        lines = rows_of(file, order.form)
        while batch := list(islice(lines, BATCH)):
            number += len(batch)
            items = [each if isinstance(each, Refused) else checker.item(*each) for each in batch]
            columns.update(*(i.body for i in items if isinstance(i, Item)))
            there += self._kept(checker, spool, items)
        refused, told = spool.refused()
        table = checker.table
        lacking = () if table is None else tuple(c for c in table.columns if c not in columns)
        return Preview(
            run, order, checker.target, number, spool.count() - there, there, refused, told, "",
            lacking,
        )  # fmt: skip

    def _kept(self, checker: Checker, spool: Spool, items: list[Item | Refused]) -> int:
        """Stage a batch, and return how many of its names are there already."""
        taken = [item for item in items if isinstance(item, Item)]
        fresh = spool.add(taken)
        known = {item.number for item in fresh}
        refused = [item for item in items if isinstance(item, Refused)]
        refused += [Refused(i.number, Why.TWICE, i.key) for i in taken if i.number not in known]
        found = self._there(checker, fresh)
        spool.remove(found.taken)
        refused += [Refused(i.number, Why.TAKEN, i.key) for i in fresh if i.key in found.taken]
        spool.refuse(refused)
        return len(found.own)

    def _there(self, checker: Checker, items: list[Item]) -> There:
        if not items:
            return There()
        if checker.table is not None:
            return self._stores.rows().there(checker.table, items)
        store, place, whose = self._stores.batches(checker.order, checker.target)
        return store.there(place, items, whose=whose)
