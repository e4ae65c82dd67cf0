"""What one run of a park job does, step by step (services/jobs/run.py).

The archive, the purge and their proofs are those of their own rooms, each a job of its own that
this one finds again by what stands on it: an archive that is proven is not taken again, and a
purge that ended is not begun again, however often the process was killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from services.archive.models import Archive, State
from services.archive.verify import Proof
from services.cards.holds import refuse_held
from services.jobs.models import Job, JobState, Progress, Result
from services.jobs.ports import Said
from services.jobs.run import Stopped, Stops
from services.parking.errors import ParkingRefused
from services.parking.models import Parked, saved_of
from services.parking.tools import Tools
from services.purge.job import Job as Purge
from services.purge.models import Plan, Request, Target
from services.tenancy.kb_ids import TenantKey
from services.visible import visible

KIND = "park"
PARKED = "parked"
"""The one outcome: a job that fails has not ended."""

_TRIES = 3  # archives, where the stores are another thing each time than the one just taken


class StepName(StrEnum):
    """The steps, in their order."""

    CHECK = "check"
    ARCHIVE = "archive"
    PURGE = "purge"
    REMEMBER = "remember"


STEPS = tuple(StepName)


@dataclass
class ParkWork:
    """One process' run of one park job."""

    tools: Tools
    job: Job
    results: dict[str, Result] = field(default_factory=dict)

    def begin(self, said: Said, stops: Stops) -> str:
        """Make ready; what an earlier run did is in the journal."""
        self.said, self.stops = said, stops
        self.tenant = TenantKey.written(str(self.job.plan["tenant"]))
        self.request = Request(Target(self.tenant))
        self.results = {step.name: step.result for step in self.job.steps}
        return ""

    def left(self) -> Iterable[StepName]:
        """Return what is not done yet; until the purge has begun everything is looked at anew."""
        undone = list(map(StepName, self.job.undone))
        if StepName.PURGE in undone and self._purge() is None:
            return STEPS
        return undone

    def do(self, step: StepName) -> Result:
        """Do one step. Raises Stopped, or any KatoTenantsError where it failed."""
        self.results[step] = found = DOES[step](self)
        return found

    def end(self, lease: int) -> None:
        """End the job: the tenant is parked."""
        receipt = {**self.results[StepName.ARCHIVE], **self.results[StepName.PURGE]}
        self.tools.jobs.end(self.job.id, PARKED, receipt, self.tools.now(), lease=lease)

    # --- the steps ---

    def check(self) -> Result:
        """Refuse a tenant on legal hold; the purge asks again before each of its steps."""
        refuse_held([self.tenant], self.tools.holds)
        return {}

    def archive(self) -> Result:
        """Have an archive that is proven, has exactly what the stores hold, and can come back."""
        for _ in range(_TRIES):
            archive = self._proven()
            if self._is_all(self.tools.archives().verify(archive.id, stores=True)):
                self._can_come_back(archive)
                return {"archive": archive.id, "name": archive.name, "bytes": archive.bytes}
            self._take()
        raise ParkingRefused(
            "the stores hold something else each time that an archive of it was taken: somebody "
            "writes for it; stop its clients, and let this go on"
        )

    def purge(self) -> Result:
        """Erase what is in the archive, and nothing else."""
        self.said(Progress("erasing what is in the archive"))
        service, purge = self.tools.purges(), self._purge()
        if purge is None or purge.state in (JobState.STOPPED, JobState.FAILED):
            plan = service.plan(self.request)
            self._check_archived(plan)
            if purge is None:
                purge = service.begin(
                    plan.digest, confirm=plan.confirmation, reason=mark(self.job.id),
                    asked_by=self.job.asked_by, part_of=self.job.id,
                )  # fmt: skip
            else:
                service.resume(purge.id, digest=plan.digest, confirm=plan.confirmation)
        ended = service.run_here(purge.id)
        if ended.state is JobState.STOPPED:
            raise Stopped
        if ended.outcome is None:
            raise ParkingRefused(f"the purge {ended.id} did not end: {ended.problem}")
        return {"purge": ended.id, "outcome": ended.outcome.value}

    def remember(self) -> Result:
        """Keep in the records that it is parked, and where it is."""
        taken, gone = self.results[StepName.ARCHIVE], self.results[StepName.PURGE]
        self.tools.book.put(Parked(
            self.tenant, self.tools.now(), self.job.asked_by, self.job.reason,
            archive=str(taken["archive"]), name=str(taken["name"]), bytes=int(taken["bytes"]),
            purge=str(gone["purge"]), outcome=str(gone["outcome"]), job=self.job.id,
            saved=saved_of(self.job.plan["saved"]),
        ))  # fmt: skip
        return {}

    # --- what these share ---

    def _proven(self) -> Archive:
        """Return the newest archive of this job, which is proven now."""
        found = next(
            (a for a in self.tools.archives().archives() if a.reason == mark(self.job.id)), None
        )
        if found is None:
            return self._take()
        return found if found.state is State.PROVEN else self._run(found)

    def _take(self) -> Archive:
        service = self.tools.archives()
        plan = service.plan(self.request)
        return self._run(
            service.begin(plan, by=self.job.asked_by, reason=mark(self.job.id), quiesce=True)
        )  # fmt: skip

    def _run(self, archive: Archive) -> Archive:
        """Run an archive's job to its end. Raises Stopped, ParkingRefused."""
        self.said(Progress("taking an archive, and proving it"))
        service = self.tools.archives()
        job = service.job(archive)
        if job is not None and job.state in (JobState.FAILED, JobState.STOPPED):
            service.resume(archive)
        ended = service.run_here(archive)
        if ended.state is State.PROVEN:
            return ended
        job = service.job(ended)
        if job is not None and job.state is JobState.STOPPED:
            raise Stopped
        why = ended.problem or ("" if job is None else job.problem)
        raise ParkingRefused(f"the archive was not taken, so nothing was erased: {why}")

    def _is_all(self, proof: Proof) -> bool:
        """Whether nothing is in the stores but what is in the archive, as it is there.

        What is not there at all any more, as the sessions that were ended, is in the archive.
        """
        if proof.manifest is None:
            raise ParkingRefused(
                "the archive is encrypted, and no identity that opens it is set here: it could "
                "not be brought back, so nothing was erased"
            )
        return all(each.there == 0 for each in proof.differences or ())

    def _can_come_back(self, archive: Archive) -> None:
        """Raise ParkingRefused where this deployment could not take it back."""
        plan = self.tools.restores().plan(address(archive))
        if not plan.can_run:
            what = [f"{each.part}: {each.why.value}" for each in plan.misfits]
            what += [*plan.unread, *plan.clashes]
            words = visible("; ".join(what[:3]))
            raise ParkingRefused(f"it could not be brought back, so nothing was erased: {words}")

    def _purge(self) -> Purge | None:
        return next(iter(self.tools.purges().jobs(reason=mark(self.job.id))), None)

    def _check_archived(self, plan: Plan) -> None:
        """Raise ParkingRefused where a purge goes by a name that the archive does not have."""
        archive = self.tools.archives().archive(str(self.results[StepName.ARCHIVE]["archive"]))
        _, manifest = self.tools.archives().show(archive)
        surface = plan.surface
        new = {*surface.kb_ids} - {*manifest.kb_ids}
        new |= {*surface.tenant_ids} - {*manifest.tenant_ids}
        new |= {*surface.collections} - {*manifest.collections}
        if new:
            raise ParkingRefused(
                f"{visible(min(new))} came since the archive was taken, and nothing of it was "
                "erased: stop its clients, and let this go on"
            )


def mark(job_id: str) -> str:
    """Return the reason by which a job's archives and its purge are known."""
    return f"parked by the job {job_id}"


def address(archive: Archive) -> str:
    """Return where an archive is, as a restore asks for it."""
    return f"{archive.place.rstrip('/')}/{archive.name}" if archive.place else archive.name


DOES: Mapping[StepName, Callable[[ParkWork], Result]] = {
    StepName.CHECK: ParkWork.check,
    StepName.ARCHIVE: ParkWork.archive,
    StepName.PURGE: ParkWork.purge,
    StepName.REMEMBER: ParkWork.remember,
}
