"""The deployment to which a tenant moves: what is asked of it, and what is done there.

Only what a move wrote there is ever removed from it: before anything goes, what is there has to be
in an archive of this move, as it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from services.archive import plan as planning
from services.archive.as_part import address
from services.archive.models import Archive
from services.archive.tools import Tools as ArchiveTools
from services.archive.verify import asks_of
from services.errors import StoreNotConfigured
from services.figures import Measure
from services.jobs.models import Job, JobState
from services.jobs.service import JobsService
from services.move.compare import PartThere, asked, compare
from services.move.errors import MoveRefused
from services.purge import as_part as purging
from services.purge.models import Plan as Purge, Request, Surface, Target
from services.purge.service import PurgeService
from services.restore import as_part as restoring
from services.restore.formats import plan_of
from services.restore.models import Outcome, Plan
from services.restore.plan import renaming_for
from services.restore.service import RestoreService
from services.restore.source import Tools as RestoreTools, opened
from services.tenancy.kb_ids import TenantKey
from services.visible import visible

KIND_IN = "move in"
"""The kind of a restore there: one that the dashboard of that deployment does not run."""

_ROUNDS = 3
_NAMED = 3


@dataclass(frozen=True, slots=True)
class There:
    """Another deployment, called `name` here, opened.

    `archives` and `stores` are what reads and writes its stores, `jobs` runs restores there.
    `differs` says in what it names tenants otherwise than this one, `same` which of its stores are
    those of this one, both empty where that is well. `is_parked` is whether its records say so of
    a tenant, `unbury` has a purge there expect back what it erased, and `arrived` notes there that
    a tenant came (back).
    """

    name: str
    archives: ArchiveTools
    stores: RestoreTools
    restores: RestoreService
    jobs: JobsService
    purges: PurgeService
    erasable: Callable[[Request], tuple[str, ...]]
    versions: Callable[[], Mapping[str, str]]
    differs: tuple[str, ...]
    same: Callable[[], tuple[str, ...]]
    is_parked: Callable[[TenantKey], bool]
    unbury: Callable[[str], None]
    arrived: Callable[[TenantKey], None]

    def obstacles(self, tenant: TenantKey, surface: Surface) -> Iterator[str]:
        """Say what there stands in the way of a tenant that has not come yet. Raises StoreError.

        `surface` are the exact names that it has here.
        """
        for store in self.same():
            yield f"{self.name} has the same {store} as this deployment: there is nowhere to move"
        for what in self.differs:
            yield f"{self.name} names tenants otherwise than this deployment ({what})"
        if self.is_parked(tenant):
            yield f"it is parked in {self.name}: bring it back there, or let go of it"
        found = self.found(tenant)
        yield from (f"{self.name}: {s.value} could not be asked: {w}" for s, w in
                    found.problems.items())  # fmt: skip
        filled = {item.kind for item in found.items} | set(self._filled(surface))
        if filled:
            yield f"{self.name} has data of it already ({_some(filled)}): nothing is mixed"
        yield from self.strangers(tenant, surface.kb_ids)
        yield from (f"{self.name}: {why}" for why in self.erasable(Request(Target(tenant))))

    def strangers(self, tenant: TenantKey, kb_ids: Iterable[str]) -> Iterator[str]:
        """Say which kb_ids somebody else has there."""
        ownership = self.archives.ownership()
        for kb_id in sorted(kb_ids):
            nodes = ownership.nodes_by_kb.get(kb_id, ())
            others = {ownership.tenant_of(node) for node in nodes} - {tenant}
            if others:
                yield f"in {self.name} {visible(kb_id)} is another tenant's"

    def found(self, tenant: TenantKey) -> Purge:
        """Look at what there is of a tenant; a plan of which nothing is kept. Raises StoreError."""
        return planning.plan(self.archives, Request(Target(tenant)), unseen=True).plan

    def collections(self) -> frozenset[str]:
        """Name the collections there; none where there is no Qdrant."""
        with suppress(StoreNotConfigured):
            return frozenset(self.archives.erasers.vectors.names().collections)
        return frozenset()

    def compare(self, archive: Archive) -> tuple[PartThere, ...]:
        """Hold what is there against an archive."""
        return compare(self.archives, self.stores, address(archive))

    def name_first(self, archive: Archive) -> None:
        """Have the records there know whose is what, before any of it is: a purge goes by that."""
        with opened(self.stores, address(archive)) as found:
            self.stores.records(found, renaming_for(self.stores, found.manifest, None), None)

    def _filled(self, surface: Surface) -> Iterator[str]:
        """Name the parts of which anything is there by these names, whoever it is said to be."""
        for ask in asks_of(self.archives, surface).values():
            yield from (name for name, total in asked(ask).items() if total.count)


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
        self._finish(newest)
        for _ in range(_ROUNDS):
            parts = self.there.compare(newest)
            if all(part.exact for part in parts):
                return
            wrong = frozenset(p.measure for p in parts if p.there and p.strange)
            if wrong:
                self.refuse_strange(archives)
                self._erase(wrong)
            self._restore(newest)
        self.refuse_other(newest)

    def refuse_other(self, archive: Archive) -> None:
        """Raise MoveRefused where there is anything else there than an archive has."""
        parts = [part.part for part in self.there.compare(archive) if not part.exact]
        if parts:
            raise MoveRefused(
                f"{self.there.name} does not have what was copied ({_some(parts)}): somebody "
                "writes there; stop its clients, and let this go on"
            )

    def refuse_strange(self, archives: Sequence[Archive]) -> None:
        """Raise MoveRefused where anything is there that none of these archives has."""
        strange: set[str] | None = None
        for archive in archives:
            found = {part.part for part in self.there.compare(archive) if part.strange}
            strange = found if strange is None else strange & found
            if not strange:
                return
        if strange:
            raise MoveRefused(
                f"{self.there.name} has something of it that this move did not write "
                f"({_some(strange)}), and nothing of that is removed: see who writes there"
            )

    def remove(self, archives: Sequence[Archive]) -> bool:
        """Take away what this move wrote there; False where it had not begun to. Raises Stopped."""
        begun = [*self._restores(self.later), *self._restores(self.first)]
        for restore in begun:
            self._abandon(restore)
        self._finish_purge()
        if begun and self._left(archives):
            self.refuse_strange(archives)
            self._erase(frozenset(Measure))
            left = self._left(archives)
            if left:
                raise MoveRefused(
                    f"not all of the copy could be removed from {self.there.name} ({_some(left)})"
                )
        return bool(begun)

    def stop(self) -> None:
        """Let what this move is doing there end as soon as it can."""
        for restore in (*self._restores(self.later), *self._restores(self.first)):
            self.there.restores.stop(restore.id)
        for purge in self.there.purges.jobs(reason=self.later):
            self.there.purges.stop(purge.id)

    # --- what these share ---

    def _left(self, archives: Iterable[Archive]) -> frozenset[str]:
        """Name the parts of which anything is there."""
        compared = (part for archive in archives for part in self.there.compare(archive))
        return frozenset(part.part for part in compared if part.there)

    def _refuse_filled(self, plan: Plan, archive: Archive) -> None:
        if not plan.can_run:
            why = restoring.why_not(plan)
            raise MoveRefused(f"{self.there.name} does not take it, and nothing was written: {why}")
        filled = self._left([archive])
        why = next(self.there.strangers(self.tenant, plan.kb_ids), "")
        if filled or why:
            why = why or f"{self.there.name} has some of it already ({_some(filled)})"
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

    def _finish(self, newest: Archive) -> None:
        """Bring to its end what a process that was killed, or a store that was down, left."""
        self._finish_purge()
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

    def _finish_purge(self) -> None:
        purge = purging.found(self.there.purges, self.later)
        if purge is not None:
            if purge.state is not JobState.ENDED:
                request = purge.plan.request
                purging.erased(
                    self.there.purges, request, reason=self.later, by=self.job.asked_by,
                    purge=purge,
                )  # fmt: skip
            self.there.unbury(purge.id)

    def _erase(self, stores: frozenset[Measure]) -> None:
        request = Request(Target(self.tenant), stores=stores, drop_collections=self.made)
        purging.erased(
            self.there.purges, request, reason=self.later, by=self.job.asked_by
        )  # fmt: skip
        self._finish_purge()

    def _abandon(self, job: Job) -> None:
        """End a restore as it is, with nothing of it put aside."""
        if job.state is JobState.ENDED:
            return
        if job.state is JobState.RUNNING:
            self.there.restores.stop(job.id)
            job = self.there.restores.run_here(job.id)
        with opened(self.there.stores, plan_of(job.plan).url) as archive:
            for part in archive.parts("clickhouse"):
                self.there.stores.rows.drop(part, job=job.id)
        if job.state is not JobState.ENDED:
            self.there.jobs.end(job.id, "given up", {})


def _some(parts: Iterable[str]) -> str:
    return ", ".join(map(visible, sorted(parts)[:_NAMED]))
