"""Runs one purge job, step by step, each journaled before and after.

Every step is idempotent: after a crash the one that was under way is done again, and what may go
is judged anew first. What was there is journaled before anything is erased, so that the receipt
is the same however often the process was killed. What a process writes carries the number of its
lease: one that was paused, and whose job another has taken over, writes nothing any more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.errors import KatoTenantsError, LeaseLost, Problem, StoreError
from services.purge.check import check
from services.purge.context import Context, Result
from services.purge.erase import (
    end_sessions,
    erase_keys,
    erase_patterns,
    erase_vectors,
    flush,
    invalidate,
)
from services.purge.formats import receipt_json
from services.purge.job import Job, JobState, Outcome
from services.purge.judge import Stopped
from services.purge.models import Progress
from services.purge.receipt import receipt_of, tombstones_of
from services.purge.steps import StepName, StepState
from services.purge.tools import Tools
from services.purge.verify import settle, verify

LEASE = timedelta(seconds=30)
"""A job whose process says nothing for so long is taken over by another."""

_SAY_SECONDS = 0.2

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Lease:
    """The lease of one run: its number is a fencing token in every write of the journal."""

    tools: Tools
    job_id: str
    owner: str
    number: int = 0
    lost: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Hold the lease while the block runs, prolonging it from a thread of its own."""
        number = self._prolong()
        if number is None:
            yield False
            return
        self.number = number
        over = threading.Event()
        thread = threading.Thread(target=self._keep, args=(over,), daemon=True)
        thread.start()
        try:
            yield True
        finally:
            over.set()
            thread.join()

    def check(self) -> None:
        """Raise LeaseLost where another process has the job, asking the records."""
        if self.lost.is_set() or not self.tools.jobs.leased(self.job_id, self.number):
            self.lost.set()
            raise LeaseLost(self.job_id)

    def _keep(self, over: threading.Event) -> None:
        ends = time.monotonic() + LEASE.total_seconds()
        while not over.wait(LEASE.total_seconds() / 3):
            with suppress(StoreError):
                if self._prolong() != self.number:
                    self.lost.set()
                ends = time.monotonic() + LEASE.total_seconds()
            if time.monotonic() > ends:
                self.lost.set()  # the records stay away, and the lease is over

    def _prolong(self) -> int | None:
        now = _now()
        return self.tools.jobs.lease(self.job_id, self.owner, at=now, until=now + LEASE)


class PurgeRun:
    """One process' run of one job. `owner` names this process in the lease."""

    def __init__(self, tools: Tools, job: Job, *, owner: str) -> None:
        self._tools = tools
        self._jobs = tools.jobs
        self._job = job
        self._lease = Lease(tools, job.id, owner)
        self._said_at = 0.0

    def run(self) -> bool:
        """Run every step that is left. Ends the job, or leaves it stopped or failed.

        False when another process has the job, or it does not run.
        """
        with self._lease.held() as leased, suppress(LeaseLost):
            if not leased:
                return False
            if self._stale():
                why = "it stood still for too long: look anew, and resume it with the new plan"
                self._pause(JobState.FAILED, why)
                return True
            context = Context(self._tools, self._job, said=self._said, stops=self._stops)
            if all(self._take(name, context) for name in self._left()):
                self._end()
        return True

    def _stale(self) -> bool:
        """Whether a dead process' job was found so late that nobody would expect it to go on."""
        known = self._job.leased_until
        limit = timedelta(seconds=self._tools.plan_seconds)
        return known is not None and _now() - known > limit

    def _left(self) -> Iterator[StepName]:
        """Yield what is left to do; the check comes first in every run."""
        for step in self._job.steps:
            if step.state is not StepState.DONE or step.name is StepName.CHECK:
                yield step.name

    def _take(self, name: StepName, context: Context) -> bool:
        """Do one step; False when the job goes no further now."""
        if self._stops():
            return self._pause(JobState.STOPPED, "")
        self._jobs.start_step(self._job.id, name, _now(), lease=self._lease.number)
        try:
            self._lease.check()
            result = DOES[name](context)
            self._lease.check()
        except LeaseLost:
            raise
        except Stopped:
            return self._pause(JobState.STOPPED, "")
        except KatoTenantsError as exc:
            return self._failed(name, exc.problem)
        except Exception as exc:  # a fault of ours must not leave a job that looks alive
            logger.exception("a purge step failed")
            return self._failed(name, Problem(f"this product failed ({type(exc).__name__})"))
        self._done(name, result)
        context.results[name] = result
        return True

    def _done(self, name: StepName, result: Result) -> None:
        lease = self._lease.number
        self._jobs.end_step(self._job.id, name, _now(), result=dict(result), lease=lease)

    def _failed(self, name: StepName, why: Problem) -> bool:
        lease = self._lease.number
        self._jobs.end_step(self._job.id, name, _now(), error=why, lease=lease)
        return self._pause(JobState.FAILED, f"{name.value}: {why}")

    def _pause(self, state: JobState, problem: str) -> bool:
        self._jobs.pause(self._job.id, state, problem, lease=self._lease.number)
        return False

    def _end(self) -> None:
        job = self._jobs.job(self._job.id)
        if job is not None:
            end_job(self._tools, job, lease=self._lease.number)

    def _said(self, progress: Progress) -> None:
        """Note progress now and then, and find out so that the job is another's."""
        now = time.monotonic()
        if now - self._said_at >= _SAY_SECONDS:
            self._said_at = now
            self._jobs.say(self._job.id, progress, lease=self._lease.number)

    def _stops(self) -> bool:
        is_to_stop = self._jobs.is_to_stop(self._job.id)
        if self._lease.lost.is_set():
            raise LeaseLost(self._job.id)
        return is_to_stop


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
    StepName.SESSIONS: end_sessions,
    StepName.FLUSH: flush,
    StepName.KEYS: erase_keys,
    StepName.PATTERNS: erase_patterns,
    StepName.VECTORS: erase_vectors,
    StepName.CACHES: invalidate,
    StepName.VERIFY: verify,
    StepName.SETTLE: settle,
}
