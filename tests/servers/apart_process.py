"""A job that takes a kb_id apart in a process of its own, which kills itself after a step."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from contextlib import closing
from unittest import mock

from sqlalchemy import text

from services import bootstrap
from services.apart import work
from services.apart.work import ApartWork, StepName
from services.jobs import lease as leasing
from services.jobs.models import Result
from services.settings.environment import load_settings
from services.stores.records.database import writing
from tests.servers.forked import forked
from tests.servers.parking_process import SHORT


def go_on(environment: Mapping[str, str], job: str, step: str = "") -> int:
    """Go on with a job in a process of its own, and return how that ended.

    With a `step` it dies when that has done its deeds, and nothing of it is journaled.
    """
    return forked(_run, job, step, **environment)


def _run(job: str, step: str) -> None:
    shorter = mock.patch.object(leasing, "LEASE", SHORT)
    with shorter, closing(bootstrap.build(load_settings())) as services:
        with writing(services.database, "a test") as connection:
            connection.execute(text("UPDATE job SET leased_until = NULL, owner = ''"))
        if step:
            name = StepName(step)
            mock.patch.dict(work.DOES, {name: _deadly(work.DOES[name])}).start()
        services.apart.run_here(job)


def _deadly(real: Callable[[ApartWork], Result]) -> Callable[[ApartWork], Result]:
    def dies(of: ApartWork) -> Result:
        found = real(of)
        os.kill(os.getpid(), signal.SIGKILL)
        return found

    return dies
