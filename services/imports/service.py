"""Checks a file for a tenant row by row, and writes it whole or not at all."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, BinaryIO

from services.cards.holds import Holds, refuse_held
from services.imports.check import Checker
from services.imports.folder import Folder, copied
from services.imports.give_up import (
    IMPORT,
    KIND,
    elsewhere,
    given_up,
    job_plan,
    receipt_of,
    told_by,
)
from services.imports.models import (
    Elsewhere,
    Existing,
    GivenUp,
    ImportRefused,
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
from services.imports.run import STEPS, ImportWork
from services.imports.spool import JOB, UNWANTED, Spool
from services.imports.target import target_of
from services.imports.write import BATCH, Stores
from services.jobs.models import Job, JobRefused, JobState
from services.jobs.ports import Jobs
from services.jobs.service import JobsService, reasoned
from services.tenancy.kb_ids import held_names
from services.tenancy.ownership import Ownership


class ImportService:
    """Imports are staged in `folder`, on this machine.

    `jobs` has each of them done, `holds` says whose data has to be kept. Every method raises
    StoreError.
    """

    def __init__(
        self, folder: Path, stores: Stores, *, ownership: Callable[[], Ownership],
        jobs: Callable[[], JobsService], holds: Holds, now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._folder, self._stores, self._now = Folder(folder, now), stores, now
        self._ownership, self._jobs, self._holds = ownership, jobs, holds

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
        """Return an import as its job has it. Raises ImportRefused where it is not there."""
        return self._as_it_goes(self._folder.run(run))

    def runs(self) -> tuple[Run, ...]:
        """Return the imports that were begun on this machine, the newest first."""
        found = (run for run in self._folder.runs() if run.state is not State.CHECKED)
        return tuple(map(self._as_it_goes, found))

    def begin(self, run: str, *, by: str, why: str = "") -> Run:
        """Begin an import: whoever does is the only one, and it alone has the tenant meanwhile.

        Raises ImportRefused for what may not be written, JobRefused while something else is done
        with the tenant, OnHold for what would replace data that has to be kept.
        """
        preview = self.preview(run)
        if preview.obstacle:
            raise ImportRefused(f"nothing was written: {preview.obstacle}")
        self.target(preview.order)  # whose it is may have changed since
        if preview.order.existing is Existing.REPLACE:
            refuse_held([preview.order.tenant], self._holds)
        spool = self._folder.spool(run)
        checked = self._folder.run(run)
        if checked.state is not State.CHECKED or not spool.claim():
            raise ImportRefused("it was begun already")
        begun = Run(run, preview.order, State.WRITING, by, self._now())
        self._folder.keep(spool, begun)
        try:
            self._begin(begun, why)
        except BaseException:
            if self._job(run) is None:  # else it was begun for all that, and may be over by now
                self._folder.keep(spool, checked)
                spool.give_up()
            raise
        return self.one(run)

    def run_here(self, run: str) -> Run:
        """Have an import's job run in this process until it ends or halts; return how it went."""
        job = self._job(run)
        if job is not None:
            self._jobs().run_here(job.id)
        return self.one(run)

    def take_back(self, run: str) -> Run:
        """Have an import taken back that goes on, was cut off, or failed half-way.

        Whoever writes it does so; else whoever has its job next.
        """
        found = self.one(run)
        if found.state not in (State.HALF, State.WRITING, State.GIVEN_UP):
            raise ImportRefused("there is nothing to take back")
        spool, job = self._folder.spool(run), self._job(run)
        spool.put(UNWANTED, b"")
        if job is None or job.state is JobState.ENDED:  # it was given up
            self._folder.keep(spool, replace(found, state=State.HALF, given_up=None))
            self._begin(found, "")
        elif job.state.halted:
            self._jobs().resume(job.id)
        return self.one(run)

    def elsewhere(self) -> tuple[Elsewhere, ...]:
        """Return imports whose rows are not here: those that have not ended, and were given up.

        The newest first.
        """
        found = (
            job for job in self._jobs().listed(KIND)
            if (job.state is not JobState.ENDED or told_by(job) is not None)
            and not self._folder.has(str(job.plan[IMPORT]))
        )  # fmt: skip
        return tuple(elsewhere(job, now=self._now()) for job in found)

    def give_up(self, run: str, *, by: str, reason: str) -> GivenUp:
        """End an import for good that halted, or that nobody here can go on with.

        Patterns are taken back where ClickHouse answers. What else it has written stays: where its
        rows are here, it can be taken back later all the same. Raises ImportRefused, and JobRefused
        without a reason, and for one that another process has, or that goes on by itself.
        """
        reason, job, here = reasoned(reason), self._unended(run), self._folder.has(run)
        with self._jobs().halted(job.id, unattended=not here) as held:
            told = given_up(self._stores, held.job, by=by, reason=reason)
            held.end(State.GIVEN_UP, receipt_of(told))
        if here:
            self._kept_as_given_up(self._folder.run(run), told)
        return told

    def _kept_as_given_up(self, run: Run, told: GivenUp) -> Run:
        """Note it beside its rows, which stay as long as what it wrote can be taken back."""
        run = replace(run, state=State.GIVEN_UP, problem=told.reason, given_up=told)
        spool = self._folder.spool(run.id)
        self._folder.keep(spool, run)
        if told.taken_back:
            spool.empty()
        return run

    def _unended(self, run: str) -> Job:
        found = (job for job in self._jobs().unended(KIND) if job.plan[IMPORT] == run)
        job = next(found, None)
        if job is None:
            raise ImportRefused("there is no such import, or it has ended")
        return job

    def work(self, job: Job, jobs: Jobs) -> ImportWork | None:
        """Return what a job of an import does; None where its rows are on another machine."""
        if not self._folder.has(str(job.plan[IMPORT])):
            return None
        return ImportWork(self._folder, self._stores, jobs, job, self._holds, self._now)

    def _begin(self, run: Run, why: str) -> None:
        order, target = run.order, self._folder.preview(run.id).target
        job = self._jobs().begin(
            KIND, job_plan(run.id, order), asked_by=run.by,
            reason=why.strip() or f"{order.kind.value} out of a file",
            names=held_names([order.tenant], [target.kb_id]), steps=STEPS,
        )  # fmt: skip
        self._folder.spool(run.id).put(JOB, job.id.encode())

    def _job(self, run: str) -> Job | None:
        """Return an import's job; None for one of a version that had none."""
        known = self._folder.spool(run).get(JOB)
        if known is not None:
            with suppress(JobRefused):
                return self._jobs().job(known.decode())
        found = (job for job in self._jobs().listed(KIND) if job.plan[IMPORT] == run)
        return next(found, None)

    def _as_it_goes(self, run: Run) -> Run:
        """Return an import that is being written, or taken back, with its progress, or its halt."""
        job = self._job(run.id) if run.state in (State.WRITING, State.HALF) else None
        told = None if job is None else told_by(job)
        if told is not None:  # maybe while this machine was away
            return self._kept_as_given_up(run, told)
        if job is None or job.state is JobState.ENDED:
            return run
        if job.state.halted:
            return replace(run, state=State.HALF, problem=job.problem or run.problem)
        said = job.progress
        progress = Progress(said.done or 0, said.whole or 0)
        return replace(run, state=State.WRITING, progress=progress)

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
        refused += [
            Refused(i.number, Why.TWICE, checker.called(i)) for i in taken if i.number not in known
        ]
        found = self._there(checker, fresh)
        spool.remove(found.taken)
        refused += [
            Refused(i.number, Why.TAKEN, checker.called(i)) for i in fresh if i.key in found.taken
        ]
        spool.refuse(refused)
        return len(found.own)

    def _there(self, checker: Checker, items: list[Item]) -> There:
        if not items:
            return There()
        if checker.table is not None:
            return self._stores.rows().there(checker.table, items)
        store, place, whose = self._stores.batches(checker.order, checker.target)
        return store.there(place, items, whose=whose)
