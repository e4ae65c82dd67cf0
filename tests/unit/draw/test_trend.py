"""How a figure has gone: what its bars show, and what is said of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st

from dashboard.draw.trend import BARS, trend_of

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def past(*samples: tuple[float, int]) -> list[tuple[datetime, int]]:
    """Samples by how many hours ago they were."""
    return [(NOW - timedelta(hours=hours), count) for hours, count in samples]


def test_a_change_is_a_number_with_its_period() -> None:
    """With its sign, its share where there was something, and since when."""
    for samples, change, period in (
        (past((24, 7416), (0, 6477)), "-939 (-12.7 %)", "in 24 h"),
        (past((72, 10), (0, 12_010)), "+12,000 (+120,000.0 %)", "in 3 days"),
        (past((0.05, 0), (0, 5)), "+5", "in 3 min"),
        (past((5, 7), (2, 3), (0, 7)), "no change", "in 5 h"),
    ):
        found = trend_of(samples)
        assert found is not None
        assert (found.change, found.period) == (change, period)
    assert trend_of(past((1, 5))) is None
    assert trend_of([]) is None
    assert found.words == "in 5 h: from 7 to 7, between 3 and 7"


def test_a_gap_is_as_wide_as_it_lasted() -> None:
    """A figure that stood for long has many bars, however seldom it was written down."""
    found = trend_of(past((10, 1), *((1 - minute / 60, 2) for minute in range(60)), (0, 3)))
    assert found is not None
    assert 52 <= found.points.count(1) <= 55
    assert found.points[-1] == 3


@given(st.lists(st.tuples(st.floats(0, 1e4), st.integers(0, 10**12)), max_size=200))
def test_bars_show_what_was(samples: list[tuple[float, int]]) -> None:
    """No value that was none, and the first and the last as they were."""
    history = past(*sorted(samples, reverse=True))
    found = trend_of(history)
    if found is None:
        assert len(history) < 2 or history[0][0] == history[-1][0]
        return
    assert found.points[-1] == history[-1][1]
    assert found.points[0] in {count for at, count in history if at == history[0][0]}
    assert set(found.points) <= {count for _, count in history}
    assert len(found.points) == BARS
