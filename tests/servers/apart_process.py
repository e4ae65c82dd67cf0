"""A job that takes a kb_id apart in a process of its own, which kills itself within a step."""

from __future__ import annotations

from collections.abc import Mapping
from unittest import mock

from services.stores.clickhouse.apart import RowsApart
from services.stores.qdrant.apart import PointsApart
from services.stores.redis.apart import KeysApart
from tests.servers import jobs_process
from tests.servers.forked import forked

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
    if step in DEEDS:
        return forked(_dying, job, step, **environment)
    return jobs_process.go_on(environment, job, "apart", step)


def _dying(job: str, deed: str) -> None:
    of, name = DEEDS[deed]
    with mock.patch.object(of, name, jobs_process.deadly(getattr(of, name))):
        jobs_process.run(job)
