"""What one run of an import's job does (services/jobs/run.py): write all of it, or take it back.

What a process that was killed had written is taken back before it is written anew, so that it
comes to the same however often that happens. The rows are on one machine, and only there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.cards.holds import Holds, refuse_held
from services.imports.folder import Folder
from services.imports.formats import run_json
from services.imports.give_up import IMPORT
from services.imports.models import Existing, ImportRefused, Progress, Run, State
from services.imports.spool import BEGUN, UNWANTED
from services.imports.write import Stores, Writer
from services.jobs.models import Job, Progress as JobProgress, Result
from services.jobs.ports import Jobs, Said
from services.jobs.run import Stops


class StepName(StrEnum):
    """The steps: the second is done where the first could not be, or is not wanted any more."""

    WRITE = "write"
    TAKE_BACK = "take back"


STEPS = tuple(StepName)
_OVER = (State.DONE, State.UNDONE)


@dataclass
class ImportWork:
    """One process' run of one import's job."""

    folder: Folder
    stores: Stores
    jobs: Jobs
    job: Job
    holds: Holds
    now: Callable[[], datetime]

    def begin(self, said: Said, stops: Stops) -> str:
        """Make ready; what an earlier run did is in the import's file."""
        del stops  # whether it is wanted is in the file too
        self._said, run_id = said, str(self.job.plan[IMPORT])
        self.spool, self.run = self.folder.spool(run_id), self.folder.run(run_id)
        return ""

    def left(self) -> Iterable[StepName]:
        """Return the one step that is to be done; none where all of it was, and not journaled."""
        if self.run.state in _OVER:
            return ()
        unwanted = self.spool.get(UNWANTED) is not None
        return (StepName.TAKE_BACK if unwanted else StepName.WRITE,)

    def do(self, step: StepName) -> Result:
        """Do one step. Raises ImportRefused where not all could be taken back, LeaseLost."""
        writer = self._writer()
        if step is StepName.TAKE_BACK:
            self.run = writer.back(self.run.problem or "it was cut off")
        else:
            if self.spool.get(BEGUN) is not None:  # whoever began it was killed
                writer.clear()
            self.spool.put(BEGUN, b"")
            self.run = writer.write()
        if self.run.state is State.HALF:
            raise ImportRefused(self.run.problem)
        return dict(run_json(self.run))

    def end(self, lease: int) -> None:
        """End the job, and keep no row on this machine any more."""
        self._writer().tidy()
        receipt = dict(run_json(self.run))
        self.jobs.end(self.job.id, self.run.state.value, receipt, self.now(), lease=lease)

    def _writer(self) -> Writer:
        target = self.folder.preview(self.run.id).target
        return Writer(self.stores, self.run, target, self.spool, self._keep, self._tell)

    def _keep(self, run: Run) -> None:
        self.folder.keep(self.spool, run)

    def _tell(self, progress: Progress, *, stoppable: bool = True) -> None:
        """Note how far it is.

        Raises LeaseLost; where it is stoppable, ImportRefused where it is not wanted, and OnHold
        where it would replace data that has to be kept by now.
        """
        if stoppable and self.spool.get(UNWANTED) is not None:
            raise ImportRefused("it was stopped")
        if stoppable and self.run.order.existing is Existing.REPLACE:
            refuse_held([self.run.order.tenant], self.holds)
        self._said(JobProgress("rows", progress.done, progress.whole))
