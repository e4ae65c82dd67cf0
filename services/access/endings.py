"""What a purge or a canary test came to goes into the audit log, in the name of who began it.

Both run in the background, long after it was logged that they were begun.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.access.holders import holders_of_plan
from services.access.models import Action, Role, Viewer
from services.attribution import Ownership
from services.canarying.models import CanaryState
from services.errors import KatoTenantsError
from services.logbook.models import Outcome
from services.logbook.service import Logbook
from services.purging.models import Job, JobState
from services.purging.models import Outcome as Came

logger = logging.getLogger(__name__)


def log_canary(log: Logbook, by: str, state: CanaryState) -> None:
    """Note what a run of the canary test came to; done is one after which nothing is left."""
    report = state.report
    done = state.problem is None and report is not None and report.cleaned
    words = state.problem or (f"verdict: {report.verdict.value}" if report else "")
    with _warning("the end of the canary test could not be logged"):
        log.note(
            Viewer(by, Role.ADMIN), Action.RUN_CANARY.value, target="its end",
            outcome=Outcome.DONE if done else Outcome.FAILED, reason=words,
        )  # fmt: skip


def log_purge(log: Logbook, job: Job, ownership: Callable[[], Ownership]) -> None:
    """Note how far a job came, each time that it ended, stopped or failed."""
    if job.state is JobState.RUNNING:
        return
    erased = job.outcome is Came.ERASED
    words = job.outcome.value if job.outcome else job.state.value
    with _warning(f"the end of the purge {job.id} could not be logged"):
        log.note(
            Viewer(job.asked_by, Role.ADMIN), Action.RUN_PURGE.value,
            tenants=holders_of_plan(job.plan, ownership()),
            target=f"{job.plan.request.target}: job {job.id}",
            outcome=Outcome.DONE if erased else Outcome.FAILED,
            reason="" if erased else f"{words}: {job.problem}".removesuffix(": "),
            digest=job.plan.digest,
        )  # fmt: skip


@contextmanager
def _warning(of: str) -> Iterator[None]:
    """What has ended has ended, whether it can be logged or not."""
    try:
        yield
    except KatoTenantsError as exc:
        logger.warning("%s: %s", of, exc)
