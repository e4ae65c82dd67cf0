"""What one run of a purge does, step by step (services/jobs/run.py).

Every step is idempotent: after a crash the one that was under way is done again, and what may go
is judged anew first. What was there is journaled before anything is erased, so that the receipt
is the same however often the process was killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from services.jobs.models import Result, StepState
from services.jobs.ports import Said
from services.jobs.run import Run, Stops
from services.purge.check import check
from services.purge.context import Context
from services.purge.erase import (
    archive,
    end_sessions,
    erase_keys,
    erase_patterns,
    erase_vectors,
    flush,
    invalidate,
)
from services.purge.formats import receipt_json
from services.purge.job import Job, Outcome
from services.purge.receipt import receipt_of, tombstones_of
from services.purge.steps import StepName
from services.purge.tools import Tools
from services.purge.verify import settle, verify


class PurgeWork:
    """One process' run of one purge."""

    def __init__(self, tools: Tools, job: Job) -> None:
        self._tools, self._job = tools, job
        self._context: Context | None = None

    def begin(self, said: Said, stops: Stops) -> str:
        """Look at how the stores are, or say that it stood still for too long."""
        if self._stale():
            return "it stood still for too long: look anew, and resume it with the new plan"
        self._context = Context(self._tools, self._job, said=said, stops=stops)
        return ""

    def left(self) -> Iterator[StepName]:
        """Yield what is left to do; the check comes first in every run."""
        for step in self._job.steps:
            if step.state is not StepState.DONE or step.name is StepName.CHECK:
                yield step.name

    def do(self, step: StepName) -> Result:
        """Do one step. Raises Stopped, StoreError, PurgeRefused."""
        context = self._context
        assert context is not None  # noqa: S101  it was begun
        result = DOES[step](context)
        context.results[step] = result
        return result

    def end(self, lease: int) -> None:
        """End the job by its journal."""
        job = self._tools.jobs.job(self._job.id)
        if job is not None:
            end_job(self._tools, job, lease=lease)

    def _stale(self) -> bool:
        """Whether a dead process' job was found so late that nobody would expect it to go on."""
        known = self._job.leased_until
        limit = timedelta(seconds=self._tools.plan_seconds)
        return known is not None and _now() - known > limit


def purge_run(tools: Tools, job: Job, *, owner: str) -> Run[StepName]:
    """Return one process' run of one purge. `owner` names this process in the lease."""
    return Run(tools.jobs, job.id, PurgeWork(tools, job), owner=owner)


def end_job(tools: Tools, job: Job, *, lease: int) -> None:
    """End a job by what its journal says: receipt, tombstones, and what is to be forgotten."""
    at = _now()
    receipt = receipt_of(job, at=at, versions=tools.versions())
    erased = receipt.outcome is Outcome.ERASED
    tools.jobs.end(
        job.id, receipt.outcome, receipt_json(receipt), at, tombstones_of(job, receipt),
        lease=lease, forget=sorted(job.plan.surface.nodes | _nodes(job)) if erased else (),
    )  # fmt: skip


def _nodes(job: Job) -> frozenset[str]:
    """Return the node_ids of the sessions that a job ended."""
    check = job.step(StepName.CHECK)
    found = check.result.get("sessions") if check is not None else None
    return frozenset(found.values()) if isinstance(found, Mapping) else frozenset()


def _now() -> datetime:
    return datetime.now(UTC)


DOES: dict[StepName, Callable[[Context], Result]] = {
    StepName.CHECK: check,
    StepName.ARCHIVE: archive,
    StepName.SESSIONS: end_sessions,
    StepName.FLUSH: flush,
    StepName.KEYS: erase_keys,
    StepName.PATTERNS: erase_patterns,
    StepName.VECTORS: erase_vectors,
    StepName.CACHES: invalidate,
    StepName.VERIFY: verify,
    StepName.SETTLE: settle,
}
