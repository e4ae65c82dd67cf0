"""When policies run by themselves: cron expressions in a time zone. Pure.

Where clocks change, cronsim does as Debian's cron: what falls into the hour that is left out runs
right after it, and what falls into the hour that comes twice runs once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from services.errors import RetentionError
from services.retention.models import Kept, Schedule

_FIELDS = 5


def check(schedule: Schedule) -> None:
    """Raise RetentionError for an expression or a zone that there is not."""
    if len(schedule.expression.split()) != _FIELDS:
        raise RetentionError("a schedule has five fields: minute, hour, day, month, day of week")
    try:
        zone = ZoneInfo(schedule.zone)
    except (KeyError, ValueError, OSError):
        raise RetentionError("there is no such time zone: UTC, Europe/Berlin and so on") from None
    try:
        next(CronSim(schedule.expression, datetime(2026, 1, 1, tzinfo=zone)))
    except (CronSimError, StopIteration):
        raise RetentionError("this schedule cannot be read, or never comes: 30 3 * * *") from None


def next_after(schedule: Schedule, at: datetime) -> datetime:
    """Return the first moment of a schedule after another, in UTC."""
    found: datetime = next(CronSim(schedule.expression, at.astimezone(ZoneInfo(schedule.zone))))
    return found.astimezone(UTC)


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
