"""What one move does in the other deployment.

Only what a move wrote there is ever removed from it: before anything goes, what is there has to be
in an archive of this move, as it is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.archive.as_part import address
from services.archive.models import Archive
from services.figures import Measure
from services.jobs.models import Job, JobState
from services.move.compare import PartThere
from services.move.models import MoveRefused
from services.move.there import There, some
from services.purge import as_part as purging
from services.purge.models import Plan as Purge, Request, Target
from services.restore import as_part as restoring
from services.restore.formats import plan_of
from services.restore.models import Outcome, Plan
from services.restore.plan import renaming_for
from services.restore.source import names_of, opened
from services.tenancy.kb_ids import TenantKey

_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Arriving:
    """What one move does there. `made` is whether no collection of the tenant's was there before.

    `first` is the reason of the first copy there, `later` that of everything after it.
    """

    there: There
    job: Job
    tenant: TenantKey
    first: str
    later: str
    made: bool

    def copy(self, archive: Archive) -> Job:
        """Write the first archive, where nothing of it is yet. Raises MoveRefused, Stopped."""
        service = self.there.restores
        done = restoring.restored(
            service, address(archive), reason=self.first, by=self.job.asked_by,
            job=restoring.found(service, self.first),
            check=lambda plan: self._refuse_filled(plan, archive),
        )  # fmt: skip
        if done.outcome != Outcome.RESTORED:
            raise MoveRefused(
                f"not all of it is in {self.there.name} as it was copied: somebody writes there. "
                "Give it up, and see who"
            )
        return done

    def catch_up(self, archives: Sequence[Archive]) -> None:
        """Have there what the newest of these archives has, and nothing else of the tenant.

        What differs goes with its whole store, is proven gone, and is written anew. Raises
        MoveRefused where somebody else wrote there, Stopped.
        """
        newest = archives[0]
        self._finish(newest, archives)
        for _ in range(_ROUNDS):
            parts = self._compare(newest)
            if all(part.exact for part in parts):
                return
            wrong = frozenset(p.measure for p in parts if p.there and p.strange)
            if wrong:
                self.refuse_strange(archives)
                self._erase(wrong, archives)
            self._restore(newest)
        self.refuse_other(newest)

    def refuse_other(self, archive: Archive) -> None:
        """Raise MoveRefused where there is anything else there than an archive has."""
        parts = [part.part for part in self._compare(archive) if not part.exact]
        if parts:
            raise MoveRefused(
                f"{self.there.name} does not have what was copied ({some(parts)}): somebody "
                "writes there; stop its clients, and let this go on"
            )

    def refuse_strange(self, archives: Sequence[Archive]) -> None:
        """Raise MoveRefused where anything is there that none of these archives has."""
        strange: set[str] | None = None
        for archive in archives:
            found = {part.part for part in self._compare(archive) if part.strange}
            strange = found if strange is None else strange & found
            if not strange:
                return
        if strange:
            raise self._not_ours(strange)

    def remove(self, archives: Sequence[Archive]) -> bool:
        """Take away what this move wrote there; False where it had not begun to. Raises Stopped."""
        begun = [*self._restores(self.later), *self._restores(self.first)]
        if {plan_of(each.plan).archive_id for each in begun} - {each.id for each in archives}:
            raise MoveRefused(
                "an archive by which it was copied is not there any more, and nothing is removed "
                f"that cannot be compared with it: leave in {self.there.name} what was copied, "
                "and purge it there"
            )
        for restore in begun:
            self._abandon(restore)
        self._finish_purge(archives)
        if begun and self._left(archives):
            self.refuse_strange(archives)
            self._erase(frozenset(Measure), archives)
            left = self._left(archives)
            if left:
                raise MoveRefused(
                    f"not all of the copy could be removed from {self.there.name} ({some(left)})"
                )
        return bool(begun)

    def stop(self) -> None:
        """Let what this move is doing there end as soon as it can."""
        for restore in (*self._restores(self.later), *self._restores(self.first)):
            self.there.restores.stop(restore.id)
        for purge in self.there.purges.jobs(reason=self.later):
            self.there.purges.stop(purge.id)

    # --- what these share ---

    def _compare(self, archive: Archive) -> tuple[PartThere, ...]:
        return self.there.compare(archive, self.tenant)

    def _left(self, archives: Iterable[Archive]) -> frozenset[str]:
        """Name the parts of which anything is there."""
        compared = (part for archive in archives for part in self._compare(archive))
        return frozenset(part.part for part in compared if part.there)

    def _refuse_filled(self, plan: Plan, archive: Archive) -> None:
        if not plan.can_run:
            why = restoring.why_not(plan)
            raise MoveRefused(f"{self.there.name} does not take it, and nothing was written: {why}")
        filled = self._left([archive])
        why = next(self.there.strangers(self.tenant, plan.kb_ids), "")
        if filled or why:
            why = why or f"{self.there.name} has some of it already ({some(filled)})"
            raise MoveRefused(f"{why}: nothing is mixed, and nothing was written")
        self.there.name_first(archive)

    def _refuse_unfit(self, plan: Plan, archive: Archive) -> None:
        why = restoring.why_not(plan) or next(self.there.strangers(self.tenant, plan.kb_ids), "")
        if why:
            raise MoveRefused(f"{self.there.name} does not take the rest of it: {why}")
        self.there.name_first(archive)

    def _restores(self, reason: str) -> tuple[Job, ...]:
        return self.there.restores.jobs(reason=reason)

    def _restore(self, archive: Archive) -> None:
        restoring.restored(
            self.there.restores, address(archive), reason=self.later, by=self.job.asked_by,
            job=None, check=lambda plan: self._refuse_unfit(plan, archive),
        )  # fmt: skip

    def _finish(self, newest: Archive, archives: Sequence[Archive]) -> None:
        """Bring to its end what a process that was killed, or a store that was down, left."""
        self._finish_purge(archives)
        for job in self._restores(self.later):
            if job.state is JobState.ENDED:
                continue
            if plan_of(job.plan).archive_id != newest.id:
                self._abandon(job)
                continue
            restoring.restored(
                self.there.restores, address(newest), reason=self.later, by=self.job.asked_by,
                job=job,
            )  # fmt: skip

    def _finish_purge(self, archives: Sequence[Archive]) -> None:
        purge = purging.found(self.there.purges, Target(self.tenant), self.later)
        if purge is not None:
            if purge.state is not JobState.ENDED:
                request = purge.plan.request
                purging.erased(
                    self.there.purges, request, reason=self.later, by=self.job.asked_by,
                    purge=purge, check=lambda plan: self._refuse_beyond(plan, archives),
                )  # fmt: skip
            self.there.unbury(purge.id)

    def _erase(self, stores: frozenset[Measure], archives: Sequence[Archive]) -> None:
        request = Request(Target(self.tenant), stores=stores, drop_collections=self.made)
        purging.erased(
            self.there.purges, request, reason=self.later, by=self.job.asked_by,
            check=lambda plan: self._refuse_beyond(plan, archives),
        )  # fmt: skip
        self._finish_purge(archives)

    def _refuse_beyond(self, plan: Purge, archives: Iterable[Archive]) -> None:
        """Raise MoveRefused where a purge would erase what came under another name meanwhile."""
        known = frozenset[str]().union(*map(self.there.owners, archives))
        beyond = {item.owner for item in plan.items if item.count} - known
        if beyond:
            raise self._not_ours(beyond)

    def _not_ours(self, names: Iterable[str]) -> MoveRefused:
        return MoveRefused(
            f"{self.there.name} has something of it that this move did not write "
            f"({some(names)}), and nothing of that is removed: see who writes there"
        )

    def _abandon(self, job: Job) -> None:
        """End a restore as it is, with nothing of it put aside, and no table half attached.

        What is whole there can be compared with an archive, and so be removed.
        """
        if job.state is JobState.ENDED:
            return
        if job.state is JobState.RUNNING:
            self.there.restores.stop(job.id)
            job = self.there.restores.run_here(job.id)
        stores = self.there.stores
        with opened(stores, plan_of(job.plan).url) as archive:
            renaming = renaming_for(stores, archive.manifest, None)
            for part in archive.parts("clickhouse"):
                stores.rows.finish(part, names_of(part, renaming), job=job.id)
                stores.rows.drop(part, job=job.id)
        if job.state is not JobState.ENDED:
            self.there.jobs.end(job.id, "given up", {})
