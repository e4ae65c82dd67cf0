"""A job in a process of its own, which kills itself once the deeds of one step are done."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import timedelta
from typing import Any
from unittest import mock

from sqlalchemy import text

from services import bootstrap
from services.apart import work as apart
from services.archive import run as archiving
from services.jobs import lease as leasing
from services.move import run as moving
from services.parking import park, unpark
from services.purge import run as purging
from services.restore import run as restoring
from services.settings.environment import load_settings
from services.stores.records.database import writing
from tests.servers.forked import forked

SHORT = timedelta(seconds=3)
"""Long enough for a busy machine to prolong it in time."""

DEEDS: Mapping[str, Any] = {
    "park": park.DOES, "unpark": unpark.DOES, "archive": archiving.DOES, "purge": purging.DOES,
    "restore": restoring._DOES, "move": moving.DOES,
    "apart": apart.DOES,
}  # fmt: skip
"""What the steps do, of parking, moving, taking apart, and of the jobs that are parts of them."""

FREE = "UPDATE job SET leased_until = NULL, owner = ''"


def go_on(environment: Mapping[str, str], job: str, kind: str = "", step: str = "") -> int:
    """Go on with a job in a process of its own, and return how that ended.

    With a `step` of a kind it dies when that has done its deeds, and nothing of it is journaled.
    """
    return forked(run, job, kind, step, **environment)


def run(job: str, kind: str = "", step: str = "") -> None:
    """Run it in this process, as a dashboard that came up anew would."""
    shorter = mock.patch.object(leasing, "LEASE", SHORT)
    with shorter, closing(bootstrap.build(load_settings())) as services:
        with writing(services.database, "a test") as connection:
            connection.execute(text(FREE))
        for file in services.settings.data.glob("destinations/*/state.sqlite"):
            with closing(sqlite3.connect(file)) as elsewhere:
                elsewhere.execute(FREE)
                elsewhere.commit()
        if step:
            (name,) = (each for each in DEEDS[kind] if each.value == step)
            mock.patch.dict(DEEDS[kind], {name: deadly(DEEDS[kind][name])}).start()
        services.work.run_here(job)


def deadly(real: Callable[..., object]) -> Callable[..., object]:
    """Return a deed after which its process kills itself."""

    def dies(*given: Any, **named: Any) -> object:
        found = real(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        return found

    return dies
