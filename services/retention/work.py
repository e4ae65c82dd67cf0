"""What each step of a retention job does. Every step may be done again.

Whose something is, who is on hold and which policies are set is read anew before each step that
erases; each key and session is judged once more in the moment before it goes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from services.errors import KatoTenantsError, SessionGone
from services.jobs.models import Job, Progress, Result, StepState
from services.jobs.ports import Jobs, Said
from services.jobs.run import Stopped, Stops
from services.retention.formats import line_kept, looked_json, policy_kept
from services.retention.judge import Holding, Judge
from services.retention.look import Looked, cutoffs_of, is_idle, look, predictions_of
from services.retention.models import Bounds, Line, Matter, Policy
from services.retention.receipt import receipt_of
from services.retention.steps import StepName, steps_of
from services.retention.tools import Tools
from services.tenancy.layout import OwnerKind

_DONE = "done"
_AGAIN = 2


class NotRead(KatoTenantsError):
    """A store that a job is about could not be looked at."""


@dataclass
class RetentionWork:
    """One run of one job."""

    tools: Tools
    jobs: Jobs
    job: Job
    said: Said = field(init=False)
    stops: Stops = field(init=False)
    counts: Counter[str] = field(default_factory=Counter)

    def begin(self, said: Said, stops: Stops) -> str:
        """Make ready; a job of this kind may always go on: all is judged anew."""
        self.said, self.stops = said, stops
        return ""

    def left(self) -> Iterable[StepName]:
        """Return the steps that are to be done; the check comes first in every run."""
        done = {step.name for step in self.job.steps if step.state is StepState.DONE}
        names = steps_of(policies_of(self.job))
        return [name for name in names if name not in done or name is StepName.CHECK]

    def do(self, step: StepName) -> Result:
        """Do one step."""
        self.counts = Counter()
        result = _DOES[step](self)
        before = self.job.result(step).get(_DONE, {})
        return {**result, _DONE: dict(Counter(before) + self.counts)}

    def end(self, lease: int) -> None:
        """End the job by what its journal says."""
        job = self.jobs.job(self.job.id)
        if job is not None:
            at = self.tools.now()
            outcome, receipt = receipt_of(job, at=at, versions=self.tools.versions())
            self.jobs.end(job.id, outcome.value, receipt, at, lease=lease)

    @property
    def at(self) -> datetime:
        """The moment from which spans are counted back: the same in every run of the job."""
        return datetime.fromisoformat(self.job.plan["at"])

    def policies(self) -> tuple[tuple[Policy, ...], tuple[Policy, ...]]:
        """Return those to run that are set still as they were, and every one that is set."""
        every = self.tools.policies()
        there = frozenset(every)
        return tuple(each for each in policies_of(self.job) if each in there), every

    def judge(self) -> Judge:
        """Return what says what may go by now."""
        only, every = self.policies()
        return self.tools.judge(only, every=every)

    def looked(self, before: Iterable[Line] = ()) -> Looked:
        """Look at every store that the job is about, and what was there before. Raises NotRead."""
        only, every = self.policies()
        judge = self.tools.judge(only, every=every)
        watched = frozenset((each.matter, each.owner) for each in before)
        found = look(self.tools, judge, only, at=self.at, watched=watched)
        if found.unread:
            raise NotRead("; ".join(map(str, found.unread.values())))
        return found

    def note(self, owner: str, number: int) -> None:
        """Take note that so many of somebody's were done, and end early where that is asked for."""
        self.counts[owner] += number
        self.said(Progress(f"{self.counts.total():,} so far", self.counts.total()))
        if self.stops():
            raise Stopped


def policies_of(job: Job) -> tuple[Policy, ...]:
    """Return the policies that a job is to run."""
    return tuple(map(policy_kept, job.plan["policies"]))


def check(work: RetentionWork) -> Result:
    """Look at what there is; what was there at the first look stays known as that."""
    found = work.looked()
    before = work.job.result(StepName.CHECK)
    if "lines" in before:
        return before
    return looked_json(found.lines, found.left_out, found.parts, found.cloned)


def bound_predictions(work: RetentionWork) -> Result:
    """Erase predictions, and give them TTLs: twice, since what came meanwhile counts too."""
    for _ in range(_AGAIN):
        bounds_of = predictions_of(work.judge())
        work.tools.keys.bound_predictions(bounds_of, at=work.at, done=work.note)
    return {}


def end_sessions(work: RetentionWork) -> Result:
    """End idle sessions through KATO, each read anew in the moment before."""
    judge, keys = work.judge(), work.tools.keys
    found = keys.look(lambda _: None, at=work.at, streams=None, caches=None, sessions=True)
    for each in found.sessions:
        if each.owner.kind is not OwnerKind.NODE or not is_idle(judge, each, at=work.at):
            continue
        now = keys.session(each.key)
        if now is not None and now.owner == each.owner and is_idle(judge, now, at=work.at):
            with suppress(SessionGone):
                work.tools.kato.delete(each.session_id)
            work.note(each.owner.name, 1)
    return {}


def erase_patterns(work: RetentionWork) -> Result:
    """Erase old patterns: what Redis has of them first, then their rows.

    The other way round a death between the two would leave counts in Redis by which KATO takes
    them for known, and never learns them again.
    """
    judge, tools = work.judge(), work.tools
    cutoff_of = cutoffs_of(judge, work.at)
    by_cutoff = defaultdict[datetime, list[str]](list)
    for kb_id, there in tools.patterns.look(cutoff_of, lambda _: False).by_kb.items():
        cutoff = cutoff_of(kb_id)
        if there.due and cutoff is not None:
            by_cutoff[cutoff].append(kb_id)
            for names in tools.patterns.old(kb_id, cutoff):
                tools.keys.forget_patterns(kb_id, names)
                work.note(kb_id, len(names))
    for cutoff, kb_ids in by_cutoff.items():
        work.said(Progress(f"a mutation for {len(kb_ids):,} kb_ids"))
        tools.patterns.erase(kb_ids, cutoff)
    return {}


def trim_streams(work: RetentionWork) -> Result:
    """Trim KATO's streams."""
    bounds = _everybodys(work, Matter.STREAMS)
    if bounds is not None:
        work.tools.keys.trim_streams(bounds, at=work.at, done=work.note)
    return {}


def expire_caches(work: RetentionWork) -> Result:
    """Give caches a TTL."""
    bounds = _everybodys(work, Matter.CACHES)
    if bounds is not None:
        work.tools.keys.expire_caches(bounds, done=work.note)
    return {}


def _everybodys(work: RetentionWork, matter: Matter) -> Bounds | None:
    judged = work.judge().everybodys(matter)
    return judged.bounds if isinstance(judged, Holding) else None


def verify(work: RetentionWork) -> Result:
    """Look at everything once more."""
    before = work.jobs.job(work.job.id) or work.job
    found = work.looked(lines_of(before.result(StepName.CHECK)))
    return looked_json(found.lines, found.left_out, found.parts, found.cloned)


_DOES: Mapping[StepName, Callable[[RetentionWork], Result]] = {
    StepName.CHECK: check,
    StepName.PREDICTIONS: bound_predictions,
    StepName.SESSIONS: end_sessions,
    StepName.PATTERNS: erase_patterns,
    StepName.STREAMS: trim_streams,
    StepName.CACHES: expire_caches,
    StepName.VERIFY: verify,
}


def lines_of(result: Result) -> tuple[Line, ...]:
    """Return the lines that a step's look came to."""
    return tuple(map(line_kept, result.get("lines", ())))
