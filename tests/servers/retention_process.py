"""A run of retention in a process of its own, which kills itself within a step."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta
from unittest import mock

from sqlalchemy import text

from services import bootstrap
from services.bootstrap import Services
from services.jobs import lease
from services.jobs.models import Result
from services.retention import work
from services.retention.steps import StepName
from services.retention.work import RetentionWork
from services.settings.environment import load_settings
from services.stores.records.database import writing
from tests.servers.forked import forked

SHORT = timedelta(seconds=3)
"""Long enough for a busy machine to prolong it in time."""


def dying(step: StepName) -> None:
    """Have a step end as with the power: its deeds are done, and none of it is journaled."""
    real = work._DOES[step]

    def deadly(running: RetentionWork) -> Result:
        real(running)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    mock.patch.dict(work._DOES, {step: deadly}).start()


def free(services: Services) -> None:
    """Take the leases of dead processes away, as time does."""
    with writing(services.database, "a test") as connection:
        connection.execute(text("UPDATE job SET leased_until = NULL, owner = ''"))


def go_on(environment: Mapping[str, str], job: str, *point: str) -> int:
    """Go on with a job in a process of its own, and return how that ended."""
    return forked(_run, job, *point, **environment)


def _run(job: str, *point: str) -> None:
    shorter = mock.patch.object(lease, "LEASE", SHORT)
    with shorter, closing(bootstrap.build(load_settings())) as services:
        free(services)
        if point:
            dying(StepName(point[0]))
        services.retaining.service.run_here(job)
