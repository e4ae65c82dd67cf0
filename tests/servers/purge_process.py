"""A purge in a process of its own, which kills itself at a point of one step."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import timedelta
from typing import Any
from unittest import mock

from sqlalchemy import text

from services import bootstrap
from services.jobs import lease as leasing
from services.jobs.models import Result
from services.purge.context import Context
from services.purge.run import DOES
from services.purge.steps import StepName
from services.settings.environment import load_settings
from services.stores.records.database import writing
from tests.servers.forked import forked

SHORT = timedelta(seconds=3)
"""Long enough for a busy machine to prolong it in time."""


def die() -> None:
    """End as a machine ends that loses its power."""
    os.kill(os.getpid(), signal.SIGKILL)


def dying(step: StepName, when: str) -> Any:
    """Return a patch of the steps that dies at a point."""
    real = DOES[step]

    def deadly(context: Context) -> Result:
        if when == "before":
            die()
        result = real(context)
        if when == "within":
            die()
        jobs = context.tools.jobs
        journal: Callable[..., None] = jobs.end_step

        def journaled(*arguments: Any, **options: Any) -> None:
            journal(*arguments, **options)
            die()

        mock.patch.object(jobs, "end_step", journaled).start()
        return result

    return mock.patch.dict(DOES, {step: deadly})


def go_on(environment: Mapping[str, str], job: str, *point: str) -> int:
    """Go on with a job in a process of its own, and return how that ended.

    `point` is a step and `before` it is done, `within` it (its deeds done, and nothing of that
    journaled) or `after` (journaled, and nothing more). Without it the job goes on to its end.
    """
    return forked(_run, job, *point, **environment)


def _run(job: str, *point: str) -> None:
    shorter = mock.patch.object(leasing, "LEASE", SHORT)
    with shorter, closing(bootstrap.build(load_settings())) as services:
        with writing(services.purge._jobs._engine, "a test") as connection:
            connection.execute(text("UPDATE job SET leased_until = NULL, owner = ''"))
        if point:
            dying(StepName(point[0]), point[1]).start()
        services.purge.resume(job)
        services.purge.run_here(job)
