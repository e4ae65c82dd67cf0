"""When something runs by itself: cron expressions in a time zone. Pure.

Where clocks change, cronsim does as Debian's cron: what falls into the hour that is left out runs
right after it, and what falls into the hour that comes twice runs once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from services.errors import KatoTenantsError

_FIELDS = 5
_ANY = datetime(2026, 1, 1, tzinfo=UTC)


class ScheduleError(KatoTenantsError):
    """A schedule that cannot be read, or never comes."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron expression of five fields, in a time zone by its IANA name."""

    expression: str
    zone: str = "UTC"

    def __str__(self) -> str:
        return f"{self.expression} {self.zone}"


def schedule_of(expression: str, zone: str = "UTC") -> Schedule:
    """Read a schedule. Raises ScheduleError."""
    fields = expression.split()
    if len(fields) != _FIELDS:
        raise ScheduleError("a schedule has five fields: minute, hour, day, month, day of week")
    schedule = Schedule(" ".join(fields), zone.strip() or "UTC")
    try:
        next_after(schedule, _ANY)
    except (KeyError, ValueError, OSError):
        raise ScheduleError("there is no such time zone: UTC, Europe/Berlin and so on") from None
    except (CronSimError, StopIteration):
        raise ScheduleError("this schedule cannot be read, or never comes: 30 3 * * *") from None
    return schedule


def next_after(schedule: Schedule, at: datetime) -> datetime:
    """Return the first moment of a schedule after another, in UTC."""
    found: datetime = next(CronSim(schedule.expression, at.astimezone(ZoneInfo(schedule.zone))))
    return found.astimezone(UTC)


def jitter(name: str, most: timedelta) -> timedelta:
    """Return how much later than its schedule one of many runs: less than `most`.

    It is always the same for one name, and spread evenly over many.
    """
    share = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8])
    return most * (share / 2**64)
