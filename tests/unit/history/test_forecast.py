"""What is coming: exact where the past is, silent where it does not bear it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from services.history.forecast import Forecast, Reach, Unsaid, forecast_of, reached
from services.history.models import Cell, Grain
from services.history.rollup import Rollup

START, DAY = datetime(2026, 3, 1, tzinfo=UTC), timedelta(days=1)
FIGURES = st.lists(st.integers(0, 10**6), min_size=7, max_size=30)


def days(values: Sequence[int | None]) -> list[Cell]:
    """Return days that ended with these figures each; None is not known."""
    return [
        Cell(
            START + DAY * at, START + DAY * (at + 1),
            None if value is None else Rollup.constant(value, Grain.DAY.seconds),
        )
        for at, value in enumerate(values)
    ]  # fmt: skip


def after(values: Sequence[int | None]) -> Forecast:
    """Return what is coming after these days."""
    cells = days(values)
    return forecast_of(cells, now=cells[-1].ended)


@settings(max_examples=30)
@given(st.integers(0, 10**17), st.integers(1, 10**6), st.integers(7, 40), st.data())
def test_a_line_goes_on(first: int, growth: int, count: int, data: st.DataObject) -> None:
    """To the day, however large the figure, and whichever days were not known."""
    values: list[int | None] = [first + growth * at for at in range(count)]
    for at in data.draw(st.sets(st.integers(1, count - 2), max_size=(count - 7) // 3)):
        values[at] = None
    found = after(values)
    assert found.line is not None
    assert found.line.growth.low == pytest.approx(growth)
    assert found.line.growth.high == pytest.approx(growth)
    assert (found.days, found.since) == (sum(each is not None for each in values), START + DAY)
    ahead = data.draw(st.integers(1, count - 1))
    limit = found.value + growth * ahead - growth // 2
    came = found.at and found.at + DAY * ahead
    assert reached(found, limit).state is Reach.WITHIN
    assert (reached(found, limit).likely, reached(found, limit).latest) == (came, came)


@settings(max_examples=30)
@given(FIGURES, st.integers(1, 10**6), st.integers(0, 10**6))
def test_a_range_is_one_and_a_higher_limit_is_never_sooner(
    values: list[int], limit: int, more: int
) -> None:
    found = after(values)
    assert (found.line is None) != (found.unsaid is None)
    soon, late = reached(found, limit), reached(found, limit + more)
    never = START + 1000 * DAY
    for each in (soon, late):
        assert (each.state is Reach.UNKNOWN) == (found.line is None)
        times = [time or never for time in (each.earliest, each.likely, each.latest)]
        assert times == sorted(times)
    for time, later in zip((soon.earliest, soon.likely, soon.latest),
                           (late.earliest, late.likely, late.latest), strict=True):  # fmt: skip
        assert (time or never) <= (later or never)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_too_few_days_say_nothing(values: list[int]) -> None:
    found = after([*values, None])
    assert 0 < found.days <= len(values)
    assert (found.line, found.unsaid) == (None, Unsaid.FEW_DAYS)
    assert found.when(START + 9 * DAY) is None
    assert reached(found, 0).state is Reach.UNKNOWN
    nothing = after([None] * 9)
    assert (nothing.at, nothing.days, nothing.unsaid) == (None, 0, Unsaid.FEW_DAYS)


def test_what_was_last_known_days_ago_says_nothing() -> None:
    """Nobody knows what has been since."""
    assert after([*range(100, 120), None, None]).line is not None
    assert after([*range(100, 120), None, None, None]).unsaid is Unsaid.OLD


def test_a_sudden_change_begins_a_new_past() -> None:
    """A purge or an import says nothing of growth; one odd day is neither."""
    before = [1000 + 10 * at for at in range(20)]
    purged = after([*before, *(50 + 5 * at for at in range(9))])
    assert (purged.days, purged.since) == (9, START + 21 * DAY)
    assert purged.line is not None
    assert purged.line.growth.mid == pytest.approx(5)
    assert after([*before, 50, 55]).unsaid is Unsaid.FEW_DAYS
    assert after([*before, 2000]).unsaid is Unsaid.FEW_DAYS
    for value in (50, 2000):
        odd = after([*before[:10], value, *before[11:]])
        assert odd.days == 20
        assert odd.line is not None
        assert odd.line.growth.mid == pytest.approx(10)


def test_a_figure_that_jumps_about_says_nothing() -> None:
    assert after([0, 900, 10, 700, 3, 999, 1, 800]).unsaid is Unsaid.WIDE


def test_what_is_there_is_reached_and_what_shrinks_never_is() -> None:
    """And nothing is said of later than as far ahead as the past goes back."""
    shrinking = after([1000 - 9 * at for at in range(12)])
    assert reached(shrinking, shrinking.value).state is Reach.REACHED
    assert reached(shrinking, shrinking.value + 1).state is Reach.NOT_WITHIN
    assert shrinking.until == START + DAY * (12 + 11)
    assert shrinking.when(START + DAY * 24) is None
    ends = shrinking.when(START + DAY * 23)
    assert ends is not None
    assert ends.mid == pytest.approx(shrinking.value - 9 * 11)
    assert ends.low >= 0
