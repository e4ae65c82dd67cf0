"""What a purge came to goes into the audit log, in the name of who began it.

It runs in the background, long after it was logged that it was begun.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from services.access.holders import Holders
from services.access.viewer import Action, Outcome, Role, Viewer
from services.audit_log.models import MissingEnd, reason_with
from services.audit_log.service import Logbook, warning
from services.jobs.models import JobState
from services.purge.confined import holders_of_plan, whose_of_plan
from services.purge.job import Job, Outcome as Came
from services.tenancy.ownership import Ownership

GRACE = timedelta(seconds=5)
"""How long who ran a job has to log its end, before others take it for missing."""

_ID_DIGITS = 16

_DONE = frozenset({Came.ERASED, Came.ERASED_EXCEPT})
"""What a purge comes to when all that was planned is gone."""


class Ends(Protocol):
    """Ended purge jobs. Every method raises StoreUnavailable."""

    def unlogged(self, before: datetime) -> tuple[Job, ...]:
        """Return the jobs that ended before a time, and whose end no log has."""

    def logged(self, job_id: str) -> None:
        """Note that the audit log has the end of a job."""


def log_purge(log: Logbook, jobs: Ends, job: Job) -> None:
    """Note how far a job came, each time that it stopped or failed, and once that it ended."""
    if job.state is JobState.RUNNING:
        return
    with warning(f"the end of the purge {job.id} could not be logged"):
        if job.state is JobState.ENDED:
            _end(log, jobs, job)
        else:
            log.note(**_entry(job))


def add_missing_ends(log: Logbook, jobs: Ends, *, now: datetime) -> int:
    """Add the ends that the log has not, since who would have logged them died before; count them.

    Each is added once, whoever else does it at the same time, and says that it was added. One
    that came just now is left to who runs the job.
    """
    added = 0
    with warning("purges whose end no log has could not be looked for"):
        for job in jobs.unlogged(now - GRACE):
            with warning(f"the end of the purge {job.id} could not be added to the log"):
                added += _end(log, jobs, job, added=True)
    return added


def _end(log: Logbook, jobs: Ends, job: Job, *, added: bool = False) -> bool:
    """Have the end of a job in the log, and note that it is; False where it was there before."""
    about = hashlib.sha256(f"the end of the purge {job.id}".encode()).hexdigest()
    new = log.note_once(**_entry(job, added=added), request_id=about[:_ID_DIGITS])
    jobs.logged(job.id)
    return new


def _entry(job: Job, *, added: bool = False) -> dict[str, Any]:
    words = []
    if added and job.ended_at is not None:
        words.append(f"added later: it ended on {job.ended_at:%Y-%m-%d %H:%M:%S} UTC")
    if job.outcome is not Came.ERASED:
        words += [job.outcome.value if job.outcome else job.state.value, job.problem]
    return {
        "viewer": Viewer(job.asked_by, Role.ADMIN),
        "action": Action.RUN_PURGE.value,
        "tenants": whose_of_plan(job.plan),
        "target": f"{job.plan.request.target}: job {job.id}",
        "outcome": Outcome.DONE if job.outcome in _DONE else Outcome.FAILED,
        "reason": reason_with(job.reason, ": ".join(filter(None, words))),
        "digest": job.plan.digest,
    }


def missing_ends(
    jobs: Ends, ownership: Callable[[], Ownership] | None = None
) -> tuple[tuple[MissingEnd, Holders], ...]:
    """Return the purges that ended and whose end the log has not, the oldest first, and whose.

    Whoever starts a dashboard next, and is not read-only, adds them. Without `ownership` they are
    nobody's, which is only for those to see who see all.
    """
    found = jobs.unlogged(datetime.now(UTC) - GRACE)
    owned = ownership() if ownership and found else None
    return tuple(
        (_missing(job), holders_of_plan(job.plan, owned) if owned else ()) for job in found
    )


def _missing(job: Job) -> MissingEnd:
    target = str(job.plan.request.target)
    return MissingEnd(job.id, job.asked_by, target, job.ended_at or job.created_at)
