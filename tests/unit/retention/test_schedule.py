"""When policies run by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.access.viewer import TenantPattern
from services.jobs.schedule import Schedule, next_after
from services.retention.models import Kept, Policy
from services.retention.schedule import due, next_run

SET = datetime(2026, 11, 1, 12, tzinfo=UTC)


def kept(cron: str = "30 3 * * *", zone: str = "UTC", *, begun: datetime | None = None,
         most: int | None = 1) -> Kept:  # fmt: skip
    schedule = Schedule(cron, zone) if cron else None
    return Kept(Policy(TenantPattern("*", "*"), "predictions:count", most, schedule), "ann", SET,
                begun=begun)  # fmt: skip


def test_the_first_run_is_the_first_after_it_was_set() -> None:
    assert next_run(kept()) == datetime(2026, 11, 2, 3, 30, tzinfo=UTC)


def test_runs_that_were_missed_are_due_once() -> None:
    """Three days late it is due; once it began it is due the next morning."""
    now = SET + timedelta(days=3)
    assert list(due([kept()], now)) == [kept()]
    assert list(due([kept(begun=now)], now)) == []
    assert next_run(kept(begun=now)) == datetime(2026, 11, 5, 3, 30, tzinfo=UTC)


def test_nothing_is_due_without_a_schedule_or_where_all_is_kept() -> None:
    late = SET + timedelta(days=300)
    assert next_run(kept("")) is None
    assert list(due([kept(""), kept(most=None)], late)) == []


@pytest.mark.parametrize(
    ("after", "runs"),
    [
        # 02:30 is left out when clocks go forward: it runs right after
        (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC)),
        # and comes twice when they go back: it runs once
        (datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 26, 1, 30, tzinfo=UTC)),
    ],
)
def test_it_goes_by_the_zones_clocks(after: datetime, runs: datetime) -> None:
    assert next_after(Schedule("30 2 * * *", "Europe/Berlin"), after) == runs
