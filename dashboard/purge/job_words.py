"""What the Purge page says of jobs: their steps, how far they are, and the list. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from dashboard.draw.formatting import plural, span, visible
from dashboard.purge.plan_tables import OUTCOME_WORDS
from services.jobs.models import JobState, Progress, StepState
from services.purge.job import Job
from services.purge.models import Plan
from services.purge.steps import STEPS, Step, StepName

STATE_WORDS = {
    JobState.RUNNING: "running", JobState.STOPPED: "stopped", JobState.FAILED: "failed",
    JobState.ENDED: "ended",
}  # fmt: skip
STEP_ICONS = {
    StepState.WAITING: ":gray[:material/radio_button_unchecked:]",
    StepState.STARTED: ":blue[:material/pending:]",
    StepState.DONE: ":green[:material/check_circle:]",
    StepState.FAILED: ":red[:material/error:]",
}


def share(progress: Progress) -> float | None:
    """Return how far a step is; None when it does not count."""
    if not progress.whole or progress.done is None:
        return None
    return min(progress.done / progress.whole, 1.0)


def progress_words(progress: Progress, running: timedelta | None = None) -> str:
    """Say how far a step is: what, how much of it, how fast, and how long it will still take."""
    words = [visible(progress.words)]
    if progress.done is not None:
        whole = f" of {progress.whole:,}" if progress.whole else ""
        words.append(f"{progress.done:,}{whole}")
    if running is not None:
        words += [_pace(progress, running), time_left(progress, running)]
    return " · ".join(filter(None, words))


def _pace(progress: Progress, running: timedelta) -> str:
    seconds = running.total_seconds()
    if not progress.done or seconds < 1:
        return ""
    return f"{progress.done / seconds:,.0f} a second"


def time_left(progress: Progress, running: timedelta) -> str:
    """Say how long a step that counts will still take at its pace; empty when not known."""
    done = share(progress)
    if not done or done >= 1:
        return ""
    return f"about {span(max(running.total_seconds() * (1 - done) / done, 1))} left"


def steps_frame(job: Job, now: datetime) -> pd.DataFrame:
    """Return one row a step, its state as an icon: for a table that draws Markdown."""
    rows = [
        (STEP_ICONS[step.state], STEPS[step.name].words, step_words(step, job), _took(step, now))
        for step in job.steps
    ]
    return pd.DataFrame(rows, columns=["", "Step", "Result", "Duration"])


def _took(step: Step, now: datetime) -> str:
    if step.started_at is None:
        return ""
    if step.state is StepState.STARTED:
        return span(max((now - step.started_at).total_seconds(), 0))
    return span((step.ended_at - step.started_at).total_seconds()) if step.ended_at else ""


def step_words(step: Step, job: Job) -> str:
    """Say what a step found or did, visible."""
    if step.state is StepState.FAILED:
        return visible(str(step.error or ""))
    if step.state is StepState.STARTED:
        return progress_words(job.progress) or "under way"
    if step.state is StepState.WAITING:
        return _planned(step.name, job.plan)
    return _done(step, job)


def _planned(name: StepName, plan: Plan) -> str:
    kind = STEPS[name]
    return f"{plan.total(kind.of):,} planned" if kind.erases and kind.of is not None else ""


def _done(step: Step, job: Job) -> str:
    result = step.result
    match step.name:
        case StepName.CHECK:
            return f"{_found(result):,} found"
        case StepName.SESSIONS:
            return _sessions_words(result)
        case StepName.ARCHIVE:
            return visible(str(result.get("name", "done")))
        case StepName.CACHES:
            return f"asked for {plural(int(result.get('asked', 0)), 'session')}"
        case StepName.VERIFY | StepName.SETTLE:
            return _looked(result)
        case _:
            return _plainly_done(step, job)


def _plainly_done(step: Step, job: Job) -> str:
    if "trimmed" in step.result:
        entries = plural(int(step.result["trimmed"]), "entry", "entries")
        return f"done; {entries} of streams removed"
    planned = _planned(step.name, job.plan)
    return f"done ({planned})" if planned else "done"


def _sessions_words(result: Mapping[str, Any]) -> str:
    live, ended = int(result.get("live", 0)), int(result.get("ended", 0))
    where = "" if ended == live else f", {live - ended:,} of them in Redis alone"
    return f"{plural(live, 'session')} ended{where}"


def _found(result: Mapping[str, Any]) -> int:
    return sum(int(item[-1]) for item in result.get("items", ()))


def _looked(result: Mapping[str, Any]) -> str:
    problems = result.get("problems") or {}
    left = _found(result)
    words = [f"{left:,} left" if left else "nothing left"] if left or not problems else []
    words += [f"{name} could not be asked" for name in problems]
    if result.get("late"):
        words.append(f"{result['late']:,} came meanwhile and were erased too")
    return "; ".join(words)


def jobs_frame(jobs: Iterable[Job]) -> pd.DataFrame:
    """Return one row a job."""
    rows = [
        (
            visible(str(job.plan.request.target)), job.created_at, STATE_WORDS[job.state],
            OUTCOME_WORDS[job.outcome] if job.outcome else "", visible(job.asked_by),
            visible(job.reason),
        )
        for job in jobs
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["Target", "When", "State", "Outcome", "By", "Reason"])


def share_done(job: Job) -> float:
    """Return how much of a job is done: its steps, and what of the one under way is counted."""
    done = sum(step.state is StepState.DONE for step in job.steps)
    part = (share(job.progress) or 0.0) if _under_way(job) else 0.0
    return (done + part) / max(len(job.steps), 1)


def _under_way(job: Job) -> Step | None:
    return next((step for step in job.steps if step.state is StepState.STARTED), None)


def now_words(job: Job, now: datetime) -> str:
    """Say what a running job does now, visible."""
    step = _under_way(job)
    if step is None:
        return "Waits for its turn: one purge runs at a time"
    if job.leased_until is not None and job.leased_until < now:
        return "The process that ran it is gone; another takes over"
    running = now - step.started_at if step.started_at else None
    words = (STEPS[step.name].words, progress_words(job.progress, running))
    return " · ".join(filter(None, words))
