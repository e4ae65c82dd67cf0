"""Planning to take shared kb_ids apart in the background: every pattern of one is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.apart.formats import plan_json, plan_of, words_json, words_read
from services.apart.models import Plan, Words
from services.apart.service import ApartService
from services.jobs.looks import About, LookBook, LookWork, Tells, planning
from services.jobs.models import Job, Result
from services.jobs.ports import Jobs
from services.jobs.service import JobsService

KIND = "plan apart"

Planned = tuple[Plan, Words]
"""A plan, and what was said for it."""


def about(kb_id: str) -> About:
    """Say what a plan is of; whatever was said for it, it is the newest that is shown."""
    return {"kb_id": kb_id}


def book(work: JobsService) -> LookBook[Planned]:
    """Return the plans that were asked for."""
    return LookBook(KIND, work, lambda found: (plan_of(found["plan"]), words_read(found["words"])))


def said(words: Words) -> Mapping[str, Any]:
    """Return what was said, as a look is asked for by it."""
    return {"words": words_json(words)}


def work(service: ApartService, jobs: Jobs, job: Job) -> LookWork:
    """Return what such a job does."""
    kb_id, words = str(job.plan["kb_id"]), job.plan["words"]

    def plan(tells: Tells) -> Result:
        found = service.plan(kb_id, words_read(words), tells=tells)
        return {"plan": plan_json(found), "words": words}

    return planning(jobs, job, plan)
