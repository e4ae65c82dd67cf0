"""What policies would have come to: a bound, and unknown where there is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st

from services.access.viewer import TenantPattern
from services.history.models import Cell
from services.history.rollup import Rollup
from services.retention.judge import Policies
from services.retention.models import Policy
from services.retention.simulate import DAYS, NO_KBS, NO_PAST, Day, Sense, simulate
from services.tenancy.kb_ids import TenantKey

ACME = TenantKey("tenant", "acme")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 86_400


def cells(counts: list[int | None]) -> list[Cell]:
    return [
        Cell(FIRST + timedelta(days=at), FIRST + timedelta(days=at + 1),
             None if count is None else Rollup.constant(count, DAY))
        for at, count in enumerate(counts)
    ]  # fmt: skip


def simulated(quantity: str, most: int, counts: list[int | None], kb_ids: int | None = 1):  # type: ignore[no-untyped-def]
    policies = Policies((Policy(TenantPattern("*", "*"), quantity, most),))
    known = {} if kb_ids is None else {ACME: kb_ids}
    (found,) = simulate([ACME], policies, known, lambda *_: cells(counts))
    return found


@given(st.lists(st.none() | st.integers(0, 50), min_size=1, max_size=20), st.integers(0, 60))
def test_by_number_at_least_what_all_kb_ids_together_may_not_have(
    counts: list[int | None], most: int
) -> None:
    found = simulated("predictions:count", most, counts, kb_ids=2)
    if found.sense is Sense.UNKNOWN:
        assert found.reason == NO_PAST
        assert not any(count is not None for count in counts)
        return
    assert found.sense is Sense.AT_LEAST
    gone = [None if count is None else max(0, count - 2 * most) for count in counts]
    assert [day.gone for day in found.days] == gone


@given(st.lists(st.none() | st.integers(0, 50), min_size=4, max_size=20))
def test_by_time_at_most_what_was_there_all_through(counts: list[int | None]) -> None:
    """A day of which something in between is not known is not known."""
    found = simulated("patterns:age", 3 * DAY, counts)
    gone = []
    for at in range(len(counts)):
        window = counts[at - 3 : at + 1] if at >= 3 else [None]
        known = [each for each in window if each is not None]
        gone.append(min(known) if len(known) == len(window) else None)
    if found.sense is Sense.UNKNOWN:
        assert set(gone) == {None}
        return
    assert found.sense is Sense.AT_MOST
    assert [day.gone for day in found.days] == gone[-DAYS:]


def test_by_bytes_at_least_what_surely_was_there() -> None:
    """By the memory of predictions, less how far a sample of it may be off."""
    policies = Policies((Policy(TenantPattern("*", "*"), "predictions:bytes", 100),))
    past = [replace(cell, margin=20) for cell in cells([350, None])]
    asked = []

    def series(tenant: TenantKey, quantity: str, days: int) -> list[Cell]:
        asked.append((tenant, quantity, days))
        return past

    (found,) = simulate([ACME], policies, {ACME: 2}, series)
    assert asked == [(ACME, "keys:prediction_bytes", DAYS)]
    assert found.sense is Sense.AT_LEAST
    assert found.days == (Day(FIRST, 350, 130), Day(FIRST + timedelta(days=1), None, None))


def test_what_the_past_does_not_tell_says_why() -> None:
    assert simulated("predictions:count", 9, [1], kb_ids=None).reason == NO_KBS
    assert simulated("sessions:idle", DAY, [1]).reason == NO_PAST
