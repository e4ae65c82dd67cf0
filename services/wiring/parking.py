"""Wires parking over archives, purges and restores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from services.parking import park, unpark
from services.parking.tools import Tools
from services.wiring.archiving import identities, recipients

if TYPE_CHECKING:
    from services.jobs.models import Job
    from services.jobs.run import Work
    from services.wiring.working import Working


def parking_tools(services: Working) -> Tools:
    """Return what parking needs of these services."""
    settings = services.settings
    return Tools(
        archives=lambda: services.archive, purges=lambda: services.purge,
        restores=lambda: services.restore, book=services.parking_book, jobs=services.job_book,
        holds=services.card_book.holds, place=services.before_purge.obstacle,
        opens=lambda: bool(identities(settings)) or not recipients(settings),
        unbury=services.jobs.unbury, now=services.now,
    )  # fmt: skip


def kinds(tools: Callable[[], Tools]) -> Mapping[str, Callable[[Job], Work[Any]]]:
    """Return what parking's jobs do, by the kind."""
    return {
        park.KIND: lambda job: park.ParkWork(tools(), job),
        unpark.KIND: lambda job: unpark.UnparkWork(tools(), job),
    }
