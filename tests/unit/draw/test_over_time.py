"""A figure over time as a chart, and how far a choice of time goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from dashboard.draw import ahead, charts, marks
from dashboard.draw.marks import Mark
from dashboard.draw.over_time import OWN, RANGES, Choice, zoom_of
from services.figures import Measure
from services.history.forecast import Forecast, Line, Span, Unsaid
from services.history.models import Cell
from services.history.rollup import Look, Rollup, rolled_up

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def cell(hour: int, *patterns: int) -> Cell:
    """Return an hour in which a figure changed each minute; without one it was not known."""
    began = NOON + timedelta(hours=hour)
    ended = began + timedelta(hours=1)
    if not patterns:
        return Cell(began, ended, None, reason="Redis did not answer")
    start, end = int(began.timestamp()), int(ended.timestamp())
    changes = [(start + 60 * at, figure) for at, figure in enumerate(patterns)]
    did = rolled_up(changes, [Look(start, end)], start, end, before=patterns[0])
    assert isinstance(did, Rollup)
    return Cell(began, ended, did)


def test_nothing_is_drawn_where_nothing_was_known() -> None:
    """Neither line nor band runs across a gap; the band is from least to most of each span."""
    cells = [cell(0, 5, 9, 7), cell(1), cell(2, 7, 7), cell(3, 8, 6)]
    band, line = charts.over_time(Measure.PATTERNS, cells, is_size=False).data
    assert line.y == (7, None, 7, 6)
    first, last = cells[0], cells[3]
    assert [each for each in band.x if each] == [
        *(first.began, first.ended, first.ended, first.began),
        *(last.began, last.ended, last.ended, last.began),
    ]
    assert band.y == (9, 9, 5, 5, None, 8, 8, 6, 6, None)


def test_what_happened_is_marked_and_no_markup() -> None:
    """Of one span as one mark; names are anybody's, and plotly would read tags in them."""
    cells = [cell(0, 5, 9), cell(1), cell(2), cell(3, 8)]
    minutes = (3, 50, *(130 + at for at in range(7)))
    happened = [Mark(NOON + timedelta(minutes=at), "Purge of <b>you</b>") for at in minutes]
    _, stems, found, _ = charts.over_time(
        Measure.PATTERNS, cells, is_size=False, marks=happened
    ).data
    assert found.x == (happened[0].at, happened[2].at)
    assert stems.x == (found.x[0], found.x[0], None, found.x[1], found.x[1], None)
    assert "&lt;b&gt;you" in found.customdata[0]
    assert found.customdata[1].endswith("and 2 more")


def test_why_it_was_not_known_is_told() -> None:
    """Once for each time; not what was before anybody looked."""
    cells = [cell(0), cell(1, 5), cell(2), cell(3), cell(4, 6)]
    (gap,) = marks.gaps(cells)
    assert gap == Mark(cells[2].began, "Unknown for 2 h: Redis did not answer")
    (nobody,) = marks.gaps([cell(0, 5), replace(cell(1), reason="")])
    assert nobody.words == "Unknown for 60 min: nobody looked"
    did = Rollup.constant(5, 2700)
    (part,) = marks.gaps([replace(cell(0, 5), rollup=did, reason="Redis did not answer")])
    assert part.words == "Unknown for 15 min: Redis did not answer"


def coming(growth: float) -> Forecast:
    """Return what is coming of a figure that was 90, after ten days."""
    line = Line(Span(growth - 1, growth, growth + 1), 0.0, 1.0, 0.0, 1.3)
    return Forecast(NOON, 90, 10, NOON - timedelta(days=10), line)


def test_what_is_coming_is_drawn_after_what_was() -> None:
    """From the last known figure on, as a third of what is shown, and with its range."""
    points = ahead.points(coming(3.0), timedelta(days=4))
    assert points[0] == (NOON, Span(90, 90, 90))
    assert points[-1] == (NOON + timedelta(days=2), Span(94, 96, 98))
    drawn = charts.over_time(
        Measure.PATTERNS, [cell(0, 5, 9, 7), cell(1, 90)], is_size=False, ahead=points
    )
    *_, line, was = drawn.data
    assert was.y[-1] == 90
    assert line.y[-1] == 96
    assert "94 to 98 in 8 of 10 cases" in line.customdata[-1]
    assert list(drawn.layout.xaxis.range)[-1] == NOON + timedelta(days=2)
    assert ahead.points(None, timedelta(days=4)) == ()


def test_what_is_coming_is_said_or_why_not() -> None:
    """Of counts, of bytes, and of what nobody can tell."""
    assert ahead.sentence(coming(30.0), is_size=False) == (
        "Growth: +30 a day (+29 to +31 in 8 of 10 cases), by 10 known days. In a week: 293 to 307."
    )
    assert "−2.5 a day" in ahead.sentence(coming(-2.5), is_size=False)
    assert "+1.5KB a day (" in ahead.sentence(coming(1500.0), is_size=True)
    few = Forecast(NOON, 90, 3, NOON, unsaid=Unsaid.FEW_DAYS)
    assert "cannot be said: 3 days known" in ahead.sentence(few, is_size=False)
    assert "not in your scope" in ahead.sentence(None, is_size=False)


@pytest.mark.parametrize("span", RANGES)
def test_a_range_ends_with_this_second(span: str) -> None:
    since, until = Choice("Patterns", span).bounds(NOON)
    assert until == NOON + timedelta(seconds=1)
    assert (until - since, Choice("Patterns", span).step) == RANGES[span]


def test_both_days_are_in_a_range_of_ones_own() -> None:
    """To the last one's end or to now; points are as far apart as in a range of that length."""
    one = Choice("Disk", OWN, (date(2026, 11, 3), date(2026, 11, 9)))
    assert one.quantity == "patterns_bytes"
    assert one.bounds(NOON) == (
        datetime(2026, 11, 3, tzinfo=UTC),
        datetime(2026, 11, 10, tzinfo=UTC),
    )
    assert one.step == RANGES["7 d"][1]
    today = Choice("Disk", OWN, (date(2026, 11, 29), date(2026, 11, 29)))
    assert today.bounds(NOON)[1] == NOON + timedelta(seconds=1)
    assert Choice("Disk", OWN, (date(2020, 1, 1), date(2026, 1, 1))).step == 86_400


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("2026-11-29T10:00:00Z/2026-11-29T11:00:00Z", 60),
        ("2026-11-29 04:00/2026-11-29 11:00:30.5", 300),
        ("2026-11-29T04:00+02:00/2026-11-30", 900),
        ("2026-01-01/2026-11-30", 86_400),
    ],
)
def test_what_is_selected_is_looked_at(text: str, step: int) -> None:
    """In the address and out of it, in steps that fit."""
    zoom = zoom_of(text)
    assert zoom is not None
    assert zoom_of("/".join(map(str, zoom))) == zoom
    one = Choice("Patterns", "7 d", zoom=zoom)
    assert (one.bounds(NOON), one.step) == (zoom, step)


@pytest.mark.parametrize("text", ["", "now", "2026-11-29/2026-11-28", "0001-01-01/2026-11-28",
                                  "2026-11-28", "1/2/3", "2026-11-28/9000-01-01",
                                  "9999-12-31T23:58Z/9999-12-31T23:59Z"])  # fmt: skip
def test_an_address_that_names_no_time_is_none(text: str) -> None:
    assert zoom_of(text) is None


def test_what_is_zoomed_into_is_long_enough_to_be_seen() -> None:
    since, until = zoom_of("2026-11-29T10:00:00Z/2026-11-29T10:00:01Z") or (NOON, NOON)
    assert until - since == timedelta(minutes=5)
