"""Metrics of purge jobs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.metrics_core import Metric

from services.jobs.models import JobState
from services.metrics.catalogue import gauge, single
from services.metrics.models import Moment, Running, Tally
from services.purge.job import Outcome


def purges(moment: Moment) -> Iterator[Metric]:
    """Yield how many jobs there are, and how those go that run; nothing where it is not known."""
    tally = moment.books.tally
    if tally is None:
        return
    yield from _counts(tally)
    yield single("purge_unattended", sum(not job.is_held(moment.now) for job in tally.running))
    if tally.running:
        longest = max(_runs_for(job, moment.now) for job in tally.running)
        yield single("purge_longest_running_seconds", longest)


def _counts(tally: Tally) -> Iterator[Metric]:
    jobs, outcomes = gauge("purge_jobs"), gauge("purge_outcomes")
    for state in JobState:
        jobs.add_metric((state.value,), tally.states.get(state, 0))
    for outcome in Outcome:
        outcomes.add_metric((outcome.value,), tally.ended.get(outcome, 0))
    yield from (jobs, outcomes)


def _runs_for(job: Running, now: datetime) -> float:
    return max((now - job.created_at).total_seconds(), 0)
