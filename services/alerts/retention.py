"""The condition of retention: a run that failed, or did less than it was to. Pure."""

from __future__ import annotations

from datetime import timedelta

from services.alerts.look import Look
from services.alerts.models import Sighting, Value, Verdict
from services.errors import Problem
from services.isolation.severity import Severity
from services.jobs.models import Job, JobState

ENDED_FOR = timedelta(days=7)
"""So long a run that left something asks for somebody, unless a later one did not."""


def retention_failed(look: Look) -> Verdict:
    """See the newest run where it failed, or ended with something left or not known."""
    if isinstance(look.retention, Problem):
        return Verdict(unknown=look.retention)
    newest = max(look.retention, key=lambda job: job.created_at, default=None)
    why = "" if newest is None else _why(newest, look)
    if newest is None or not why:
        return Verdict()
    facts: dict[str, Value] = {"run": newest.id, "why": why}
    return Verdict((Sighting(newest.id, Severity.HIGH, (), None, facts),))


def _why(job: Job, look: Look) -> str:
    """Return in one word what is wrong; empty where nothing is."""
    if job.state is JobState.FAILED:
        return "failed"
    if job.outcome in ("partial", "unknown") and job.ended_at is not None:
        return job.outcome if look.now - job.ended_at < ENDED_FOR else ""
    return ""
