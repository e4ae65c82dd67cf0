"""What one run of an unpark job does, step by step: the restore is a job of its own room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from services.archive.as_part import address
from services.jobs.models import Job, Progress, Result
from services.jobs.ports import Said
from services.jobs.run import Stops
from services.parking.models import Parked, ParkingRefused
from services.parking.tools import Tools
from services.restore import as_part as restoring
from services.tenancy.kb_ids import TenantKey

KIND = "unpark"


class StepName(StrEnum):
    """The steps, in their order."""

    CHECK = "check"
    RESTORE = "restore"
    FORGET = "forget"


STEPS = tuple(StepName)


@dataclass
class UnparkWork:
    """One process' run of one unpark job."""

    tools: Tools
    job: Job
    results: dict[str, Result] = field(default_factory=dict)

    def begin(self, said: Said, stops: Stops) -> str:
        """Make ready; what an earlier run did is in the journal."""
        del stops  # the restore asks for itself
        self.said = said
        self.tenant = TenantKey.written(str(self.job.plan["tenant"]))
        self.results = self.job.results
        return ""

    def left(self) -> Iterable[StepName]:
        """Return what is not done yet."""
        return list(map(StepName, self.job.undone))

    def do(self, step: StepName) -> Result:
        """Do one step. Raises Stopped, or any KatoTenantsError where it failed."""
        self.results[step] = found = DOES[step](self)
        return found

    def end(self, lease: int) -> None:
        """End the job with what the restore came to."""
        restored = self.results[StepName.RESTORE]
        self.tools.jobs.end(
            self.job.id, str(restored["outcome"]), restored, self.tools.now(), lease=lease
        )

    # --- the steps ---

    def check(self) -> Result:
        """Have nobody told that what was erased is there again: it is to be."""
        self.tools.unbury(self._parked().purge)
        return {}

    def restore(self) -> Result:
        """Write the archive back, and compare everything with it."""
        self.said(Progress("writing the archive back"))
        service = self.tools.restores()
        archive = self.tools.archives().archive(self._parked().archive)
        ended = restoring.restored(
            service, address(archive), reason=mark(self.job.id), by=self.job.asked_by,
            job=restoring.found(service, mark(self.job.id)),
        )  # fmt: skip
        return {"restore": ended.id, "outcome": ended.outcome, "archive": self._parked().archive}

    def forget(self) -> Result:
        """Keep no more that it is parked; its archive stays."""
        self.tools.book.drop(self.tenant)
        return {}

    # --- what these share ---

    def _parked(self) -> Parked:
        found = self.tools.book.get(self.tenant)
        if found is None:
            raise ParkingRefused(f"{self.tenant} is not parked")
        return found


def mark(job_id: str) -> str:
    """Return the reason by which a job's restore is known."""
    return f"brought back by the job {job_id}"


DOES: Mapping[StepName, Callable[[UnparkWork], Result]] = {
    StepName.CHECK: UnparkWork.check,
    StepName.RESTORE: UnparkWork.restore,
    StepName.FORGET: UnparkWork.forget,
}
