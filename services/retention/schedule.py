"""When policies run by themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from services.jobs.schedule import next_after
from services.retention.models import Kept


def next_run(kept: Kept) -> datetime | None:
    """Return when a policy runs next by itself; None for one without a schedule.

    It is in the past where nobody ran it then: runs that were missed are caught up by one.
    """
    policy = kept.policy
    if policy.schedule is None or policy.most is None:
        return None
    return next_after(policy.schedule, max(kept.at, kept.begun or kept.at))


def due(kept: Iterable[Kept], now: datetime) -> Iterator[Kept]:
    """Yield the policies that are to run by now."""
    for each in kept:
        at = next_run(each)
        if at is not None and at <= now:
            yield each
