"""Runs one purge job, step by step, each journaled before and after.

Every step is idempotent: after a crash the one that was under way is done again. What was there
is journaled before anything is erased, so that the receipt is the same however often the
process was killed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from services.attribution import Ownership
from services.errors import (
    KatoTenantsError,
    SessionGone,
    StoreError,
    StoreNotConfigured,
    StoreRejected,
)
from services.figures import Measure
from services.purging.looking import Erasers
from services.purging.models import (
    Job,
    JobState,
    Request,
    Step,
    StepName,
    StepState,
    Surface,
)
from services.purging.planning import Looks, moved_on, unread
from services.purging.receipts import found_of, receipt_of, tombstones_of
from services.purging.records import receipt_json
from services.purging.sources import Jobs, SessionEnder
from services.purging.targeting import select, wants
from services.snapshot import Snapshot

LEASE = timedelta(seconds=30)
"""A job whose process says nothing for so long is taken over by another."""

_POLL_SECONDS = 0.2

logger = logging.getLogger(__name__)

Result = Mapping[str, object]


class _Halted(KatoTenantsError):
    """A job cannot go on as planned."""


class _Stopped(Exception):
    """Someone asked for an end, or another process has the job now."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a run needs.

    `observe` collects the fleet anew, `ownership` only reads who owns what; `versions` names the
    stores' versions for the receipt. Times are in seconds.
    """

    erasers: Erasers
    kato: SessionEnder
    jobs: Jobs
    observe: Callable[[], Snapshot]
    ownership: Callable[[], Ownership]
    versions: Callable[[], Mapping[str, str]]
    settle_seconds: float


def steps_of(stores: frozenset[Measure]) -> tuple[StepName, ...]:
    """Return the steps of a purge of these stores, in order.

    Sessions end first wherever something is erased: a live one would write it again.
    """
    steps = [StepName.CHECK, StepName.SESSIONS]
    if Measure.PATTERNS in stores:
        steps.append(StepName.FLUSH)
    if Measure.KEYS in stores:
        steps.append(StepName.KEYS)
    if Measure.PATTERNS in stores:
        steps.append(StepName.PATTERNS)
    if Measure.VECTORS in stores:
        steps.append(StepName.VECTORS)
    return (*steps, StepName.CACHES, StepName.VERIFY, StepName.SETTLE)


class PurgeRun:
    """One process' run of one job. `owner` names this process in the lease."""

    def __init__(self, tools: Tools, job: Job, *, owner: str) -> None:
        self._tools = tools
        self._jobs = tools.jobs
        self._job = job
        self._owner = owner
        self._lost = threading.Event()
        self._ownership = tools.ownership()
        self._said_at = 0.0
        self._done: dict[StepName, Result] = {
            step.name: step.result for step in job.steps if step.state is StepState.DONE
        }

    def run(self) -> bool:
        """Run every step that is left. Ends the job, or leaves it stopped or failed.

        False when another process has the job, or it does not run.
        """
        with self._leased() as leased:
            if leased and all(map(self._take, self._left())):
                self._end()
            return leased

    def _left(self) -> Iterator[Step]:
        return (step for step in self._job.steps if step.state is not StepState.DONE)

    def _take(self, step: Step) -> bool:
        """Do one step; False when the job goes no further now."""
        if self._halts():
            return self._stopped()
        self._jobs.start_step(self._job.id, step.name, _now())
        try:
            self._ownership = self._tools.ownership()
            result = self._does[step.name](self)
        except _Stopped:
            return self._stopped()
        except KatoTenantsError as exc:
            return self._failed(step, str(exc))
        except Exception as exc:  # a fault of ours must not leave a job that looks alive
            logger.exception("a purge step failed")
            return self._failed(step, f"this product failed ({type(exc).__name__})")
        self._jobs.end_step(self._job.id, step.name, _now(), result=dict(result))
        self._done[step.name] = result
        return True

    def _stopped(self) -> bool:
        if not self._lost.is_set():
            self._jobs.pause(self._job.id, JobState.STOPPED, "")
        return False

    def _failed(self, step: Step, why: str) -> bool:
        if not self._lost.is_set():
            self._jobs.end_step(self._job.id, step.name, _now(), error=why)
            self._jobs.pause(self._job.id, JobState.FAILED, f"{step.name.value}: {why}")
        return False

    def _end(self) -> None:
        job = self._jobs.job(self._job.id)
        if job is None or self._lost.is_set():
            return
        at = _now()
        receipt = receipt_of(job, at=at, versions=self._tools.versions())
        stones = tombstones_of(job, receipt)
        self._jobs.end(job.id, receipt.outcome, receipt_json(receipt), at, stones)

    # --- the steps ---

    def _check(self) -> Result:
        snapshot = self._tools.observe()
        self._ownership = self._tools.ownership()
        selection = select(self._request, snapshot, self._ownership)
        looks, unseen = self._look(), unread(snapshot, self._request.stores)
        looks = replace(looks, problems={**unseen, **looks.problems})
        changed = moved_on(self._job.plan, selection, looks)
        if changed:
            reason = "; ".join(changed[:3])
            raise _Halted(f"the stores are no longer as planned: {reason}; plan again")
        return {**found_of(looks), "sessions": dict(self._sessions())}

    def _end_sessions(self) -> Result:
        found, ended = self._sessions(), 0
        for number, session_id in enumerate(found, start=1):
            try:
                self._tools.kato.delete(session_id)
                ended += 1
            except StoreNotConfigured:
                break  # then no KATO holds them in memory that we could ask
            except (SessionGone, StoreRejected):
                pass  # gone, or with an id that no call can name: its record goes below
            self._said(f"ended {number} of {len(found)} sessions")
        surface = self._surface
        surface = replace(surface, sessions=(*surface.sessions, *found.items()))
        with suppress(StoreNotConfigured):
            self._tools.erasers.keys.erase_sessions(surface, self._wants)
        return {"ended": ended}

    def _flush(self) -> Result:
        with suppress(StoreNotConfigured):
            self._tools.erasers.patterns.flush()
        return {}

    def _erase_keys(self) -> Result:
        keys = self._tools.erasers.keys
        with suppress(StoreNotConfigured):
            keys.erase(self._surface, self._wants, self._said)
            return {"trimmed": keys.trim_streams()} if self._request.trim_streams else {}
        return {}

    def _erase_patterns(self) -> Result:
        with suppress(StoreNotConfigured):
            self._tools.erasers.patterns.erase(self._surface, self._said)
        return {}

    def _erase_vectors(self) -> Result:
        with suppress(StoreNotConfigured):
            self._tools.erasers.vectors.erase(self._surface, self._said)
        return {}

    def _invalidate(self) -> Result:
        asked = 0
        for session_id, _ in self._surface.sessions:
            try:
                if not self._tools.kato.invalidate_caches(session_id):
                    break
            except (StoreNotConfigured, StoreRejected):
                break
            asked += 1
        return {"asked": asked}

    def _verify(self) -> Result:
        """Look again; what came meanwhile is erased once more, and looked for once more."""
        with suppress(StoreError):  # the look will tell
            self._flush()
        looks = self._look()
        if not looks.items or looks.problems:
            return found_of(looks)
        late = sum(item.count for item in looks.items)
        self._said(f"erasing {late} that came meanwhile")
        for name in (StepName.SESSIONS, StepName.KEYS, StepName.PATTERNS, StepName.VECTORS):
            if name in {step.name for step in self._job.steps}:
                self._does[name](self)
        return {**found_of(self._look()), "late": late}

    def _settle(self) -> Result:
        ends = time.monotonic() + self._tools.settle_seconds
        while (left := ends - time.monotonic()) > 0:
            if self._halts():
                raise _Stopped
            self._said(f"looking again in {left:.0f} s")
            time.sleep(min(left, _POLL_SECONDS))
        return self._verify()

    _does: Mapping[StepName, Callable[[PurgeRun], Result]] = {
        StepName.CHECK: _check,
        StepName.SESSIONS: _end_sessions,
        StepName.FLUSH: _flush,
        StepName.KEYS: _erase_keys,
        StepName.PATTERNS: _erase_patterns,
        StepName.VECTORS: _erase_vectors,
        StepName.CACHES: _invalidate,
        StepName.VERIFY: _verify,
        StepName.SETTLE: _settle,
    }

    # --- what the steps go by ---

    @property
    def _request(self) -> Request:
        return self._job.plan.request

    @property
    def _surface(self) -> Surface:
        """The plan's, with the sessions that the check found."""
        found = self._done.get(StepName.CHECK, {}).get("sessions")
        sessions = found.items() if isinstance(found, Mapping) else ()
        return replace(self._job.plan.surface, sessions=tuple(sessions))

    def _wants(self, node_id: str) -> bool:
        return wants(self._request.target, node_id, self._ownership)

    def _look(self) -> Looks:
        looks = self._tools.erasers.look(self._request, self._surface, self._wants)
        gone = set(looks.absent) - set(self._job.plan.absent)
        lost = dict.fromkeys(gone, "it was configured when the plan was made, and is not now")
        return replace(looks, problems={**looks.problems, **lost})

    def _sessions(self) -> Mapping[str, str]:
        try:
            return self._tools.erasers.keys.sessions(self._surface, self._wants)
        except StoreNotConfigured:
            return {}

    def _said(self, progress: str) -> None:
        now = time.monotonic()
        if now - self._said_at >= _POLL_SECONDS:
            self._said_at = now
            self._jobs.say(self._job.id, progress)

    def _halts(self) -> bool:
        job = self._jobs.job(self._job.id)
        return self._lost.is_set() or job is None or job.stop_asked

    # --- the lease ---

    @contextmanager
    def _leased(self) -> Iterator[bool]:
        """Hold the lease while the block runs, prolonging it from a thread of its own."""
        if not self._prolong():
            yield False
            return
        over = threading.Event()
        thread = threading.Thread(target=self._keep, args=(over,), daemon=True)
        thread.start()
        try:
            yield True
        finally:
            over.set()
            thread.join()

    def _keep(self, over: threading.Event) -> None:
        ends = time.monotonic() + LEASE.total_seconds()
        while not over.wait(LEASE.total_seconds() / 3):
            with suppress(StoreError):
                if not self._prolong():
                    self._lost.set()
                ends = time.monotonic() + LEASE.total_seconds()
            if time.monotonic() > ends:
                self._lost.set()  # the state store stays away, and the lease is over

    def _prolong(self) -> bool:
        now = _now()
        return self._jobs.lease(self._job.id, self._owner, at=now, until=now + LEASE)


def _now() -> datetime:
    return datetime.now(UTC)
