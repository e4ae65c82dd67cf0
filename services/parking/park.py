"""What one run of a park job does, step by step (services/jobs/run.py).

The archive, the purge and their proofs are those of their own rooms, each a job of its own that
this one finds again by what stands on it: an archive that is proven is not taken again, and a
purge that ended is not begun again, however often the process was killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from services.archive.as_part import PartArchives, address
from services.archive.models import Archive
from services.cards.holds import refuse_held
from services.jobs.models import Job, Progress, Result
from services.jobs.ports import Said
from services.jobs.run import Stops
from services.parking.models import Parked, ParkingRefused
from services.parking.tools import Tools
from services.purge import as_part as purging
from services.purge.amounts import amounts_of
from services.purge.job import Job as Purge
from services.purge.models import Request, Target
from services.restore.as_part import why_not
from services.tenancy.kb_ids import TenantKey

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
        self.results = self.job.results
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
        archives = self._archives()
        for _ in range(_TRIES):
            self.said(Progress("taking an archive, and proving it"))
            archive = archives.proven()
            self._refuse_locked(archive)
            if not archives.differences(archive):
                self._can_come_back(archive)
                return {"archive": archive.id, "name": archive.name, "bytes": archive.bytes}
            archives.take()
        raise ParkingRefused(
            "the stores hold something else each time that an archive of it was taken: somebody "
            "writes for it; stop its clients, and let this go on"
        )

    def purge(self) -> Result:
        """Erase what is in the archive, and nothing else."""
        self.said(Progress("erasing what is in the archive"))
        archive = self.tools.archives().archive(str(self.results[StepName.ARCHIVE]["archive"]))
        ended = purging.erased(
            self.tools.purges(), self.request, reason=mark(self.job.id), by=self.job.asked_by,
            part_of=self.job.id, purge=self._purge(),
            check=lambda plan: self._archives().refuse_new(archive, plan),
        )  # fmt: skip
        assert ended.outcome is not None  # noqa: S101  it ended
        return {"purge": ended.id, "outcome": ended.outcome.value}

    def remember(self) -> Result:
        """Keep in the records that it is parked, and where it is."""
        taken, gone = self.results[StepName.ARCHIVE], self.results[StepName.PURGE]
        self.tools.book.put(Parked(
            self.tenant, self.tools.now(), self.job.asked_by, self.job.reason,
            archive=str(taken["archive"]), name=str(taken["name"]), bytes=int(taken["bytes"]),
            purge=str(gone["purge"]), outcome=str(gone["outcome"]), job=self.job.id,
            saved=amounts_of(self.job.plan["saved"]),
        ))  # fmt: skip
        return {}

    # --- what these share ---

    def _archives(self) -> PartArchives:
        service = self.tools.archives()
        return PartArchives(service, self.job, self.request, mark(self.job.id), quiesce=True)

    def _refuse_locked(self, archive: Archive) -> None:
        """Raise ParkingRefused for an archive that could not be read again here."""
        if archive.encrypted and not self.tools.opens():
            raise ParkingRefused(
                "the archive is encrypted, and no identity that opens it is set here: it could "
                "not be brought back, so nothing was erased"
            )

    def _can_come_back(self, archive: Archive) -> None:
        """Raise ParkingRefused where this deployment could not take it back."""
        plan = self.tools.restores().plan(address(archive))
        if not plan.can_run:
            raise ParkingRefused(
                f"it could not be brought back, so nothing was erased: {why_not(plan)}"
            )

    def _purge(self) -> Purge | None:
        return purging.found(self.tools.purges(), self.request.target, mark(self.job.id))


def mark(job_id: str) -> str:
    """Return the reason by which a job's archives and its purge are known."""
    return f"parked by the job {job_id}"


DOES: Mapping[StepName, Callable[[ParkWork], Result]] = {
    StepName.CHECK: ParkWork.check,
    StepName.ARCHIVE: ParkWork.archive,
    StepName.PURGE: ParkWork.purge,
    StepName.REMEMBER: ParkWork.remember,
}
