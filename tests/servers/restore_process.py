"""A restore in a process of its own, which kills itself at a point of one step."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any
from unittest import mock

from sqlalchemy import text

from services import bootstrap
from services.jobs.models import Result
from services.restore import run
from services.restore.run import RestoreWork, StepName
from services.settings.environment import load_settings
from services.stores.clickhouse.staging import RowWriting
from services.stores.qdrant.restore import VectorWriting
from services.stores.records.database import writing
from services.stores.redis.typed_write import KeyWriting
from tests.servers.forked import forked

HALF_WAY: Mapping[str, tuple[type, str]] = {
    StepName.ROWS: (RowWriting, "attach"),
    StepName.POINTS: (VectorWriting, "write"),
    StepName.KEYS: (KeyWriting, "write"),
    StepName.SESSIONS: (KeyWriting, "index"),
}
"""The call within a step after which it is half done."""


def die() -> None:
    """End as a machine ends that loses its power."""
    os.kill(os.getpid(), signal.SIGKILL)


def go_on(environment: Mapping[str, str], job: str, step: str = "", when: str = "") -> int:
    """Go on with a restore in a process of its own, and return how that ended.

    It dies `half` way through a step, or at its `end`, of which nothing is journaled.
    """
    return forked(_run, job, step, when, **environment)


def _run(job: str, step: str, when: str) -> None:
    with closing(bootstrap.build(load_settings())) as services:
        with writing(services.job_book._engine, "a test") as connection:
            connection.execute(text("UPDATE job SET leased_until = NULL, owner = ''"))
        if when == "half":
            kind, name = HALF_WAY[step]
            _dying(kind, name)
        elif step:
            mock.patch.dict(run._DOES, {StepName(step): _deadly(run._DOES[StepName(step)])}).start()
        services.restore.run_here(job)


def _deadly(real: Callable[[RestoreWork], Result]) -> Callable[[RestoreWork], Result]:
    def deadly(work: RestoreWork) -> Result:
        real(work)
        die()
        raise AssertionError

    return deadly


def _dying(kind: type, name: str) -> None:
    real = getattr(kind, name)

    def deadly(*arguments: Any, **options: Any) -> Any:
        real(*arguments, **options)
        die()

    mock.patch.object(kind, name, deadly).start()
