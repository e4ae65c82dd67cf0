"""A job that takes a kb_id apart in a process of its own, which kills itself after a step."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any
from unittest import mock

from sqlalchemy import text

from services import bootstrap
from services.apart import work
from services.apart.work import StepName
from services.jobs import lease as leasing
from services.settings.environment import load_settings
from services.stores.clickhouse.apart import RowsApart
from services.stores.qdrant.apart import PointsApart
from services.stores.records.database import writing
from services.stores.redis.apart import KeysApart
from tests.servers.forked import forked
from tests.servers.parking_process import SHORT

DEEDS = {
    "erase rows": (RowsApart, "erase"), "erase points": (PointsApart, "erase"),
    "cut keys": (KeysApart, "cut"), "attach": (RowsApart, "attach"),
    "move sessions": (KeysApart, "move_sessions"), "drop": (RowsApart, "drop"),
}  # fmt: skip
"""What a process can die within a step: right after this was done."""


def go_on(environment: Mapping[str, str], job: str, step: str = "") -> int:
    """Go on with a job in a process of its own, and return how that ended.

    With a `step` it dies when that has done its deeds, and nothing of it is journaled; with one
    of `DEEDS` within a step.
    """
    return forked(_run, job, step, **environment)


def _run(job: str, step: str) -> None:
    shorter = mock.patch.object(leasing, "LEASE", SHORT)
    with shorter, closing(bootstrap.build(load_settings())) as services:
        with writing(services.database, "a test") as connection:
            connection.execute(text("UPDATE job SET leased_until = NULL, owner = ''"))
        if step in DEEDS:
            of, name = DEEDS[step]
            mock.patch.object(of, name, _deadly(getattr(of, name))).start()
        elif step:
            at = StepName(step)
            mock.patch.dict(work.DOES, {at: _deadly(work.DOES[at])}).start()
        services.apart.run_here(job)


def _deadly(real: Callable[..., Any]) -> Callable[..., Any]:
    def dies(*given: object, **named: object) -> object:
        found = real(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        return found

    return dies
