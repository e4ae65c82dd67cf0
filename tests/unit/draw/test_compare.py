"""Several owners in one chart: parts that make up the whole, and one beside itself before."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import given, strategies as st

from dashboard.draw import over_time
from dashboard.draw.over_time import Choice
from dashboard.usage import charts, compare, tables
from services.history.models import Cell, Figure, Holder, OwnerKind
from services.history.movers import movers
from services.history.read import Then
from services.history.rollup import Rollup
from tests.unit.draw.test_over_time import NOON, cell

FIGURES = st.integers(0, 2**60)
HOURS = st.lists(st.tuples(FIGURES, FIGURES, FIGURES, FIGURES) | st.none(), min_size=1, max_size=9)


def hours(values: list[int | None]) -> list[Cell]:
    """Return hours in which a figure was so much each; None is not known."""
    return [
        Cell(NOON + timedelta(hours=at), NOON + timedelta(hours=at + 1),
             None if value is None else Rollup.constant(value, 3600))
        for at, value in enumerate(values)
    ]  # fmt: skip


@given(HOURS)
def test_the_parts_make_up_the_whole(had: list[tuple[int, ...] | None]) -> None:
    """Exactly, whenever it was known; else each part is unknown too."""
    whole = [None if each is None else sum(each) for each in had]
    one, both, nobody = ([each and each[at] for each in had] for at in range(3))
    parts = compare.split(
        hours(whole), {"acme": hours(one)}, {"shared": hours(both), "unowned": hours(nobody)}
    )
    assert list(parts) == ["acme", "all other tenants", "shared", "unowned"]
    for at, each in enumerate(had):
        found = [values[at] for values in parts.values()]
        if each is None:
            assert found == [None] * 4
        else:
            assert found == [each[0], each[3], each[1], each[2]]


def test_what_is_read_in_other_spans_leaves_all_others_unknown() -> None:
    """The past is rolled up while a page reads: one part may have no such hour, or more of them."""
    parts = compare.split(
        hours([9, 9, 9]), {"acme": hours([4, 4, 4, 4])},
        {"shared": hours([1, 1]), "unowned": hours([0, 0, 0])},
    )  # fmt: skip
    assert parts == {
        "acme": [4, 4, 4], "all other tenants": [4, 4, None], "shared": [1, 1, None],
        "unowned": [0, 0, 0],
    }  # fmt: skip


def test_all_parts_are_of_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long they take to be read: else what is all others' would be made up."""
    asked = []

    def series(_: Holder, choice: Choice) -> list[Cell]:
        asked.append(choice.bounds(NOON + len(asked) * timedelta(minutes=5)))
        return hours([len(asked)])

    monkeypatch.setattr(over_time, "series", series)
    monkeypatch.setattr(compare, "_largest", lambda _: [Holder(OwnerKind.TENANT, "tenant/acme")])
    compare._parts.__wrapped__(Choice("Patterns", "24 h"))  # type: ignore[attr-defined]
    assert len(asked) == 4
    assert len(set(asked)) == 1


def test_nothing_is_drawn_of_what_was_not_known_and_no_name_is_markup() -> None:
    cells = [cell(0, 5, 9), cell(1), cell(2, 7)]
    drawn, *_ = charts.stacked(
        {"<b>%{x}": [4, None, 7], "shared": [5, None, 0]}, cells, 1, is_size=False
    ).data
    assert drawn.y == (4, None, 7)
    assert drawn.name == "&lt;b&gt;%{x}"
    assert drawn.hovertemplate == "%{customdata}<extra></extra>"
    assert "<b>4</b> of 9" in drawn.customdata[0]


def test_one_is_drawn_over_itself_a_month_later() -> None:
    """The hover says when it really was."""
    ago = timedelta(days=30)
    before = [Cell(each.began - ago, each.ended - ago, each.rollup) for each in [cell(0, 5, 9)]]
    now, then = charts.lines(
        {"acme": [cell(0, 7)], "acme before": before}, is_size=False, ago=ago
    ).data
    assert now.x == then.x == (NOON,)
    assert (now.line.dash, then.line.dash) == ("solid", "dot")
    assert "2026-10-30" in then.customdata[0]


def test_a_file_of_what_is_compared_is_exact() -> None:
    frame = compare.frame_of({"acme": hours([2**60 + 1, None])})
    assert frame["last"][0] == 2**60 + 1
    assert frame["last"].isna().tolist() == [False, True]
    assert frame["from"][1] == "2026-11-29T13:00:00Z"


def test_movers_are_exact_with_the_margin_of_what_was_sampled() -> None:
    """In a file and, where a browser would round, on the screen; no margin where none is."""
    one = Holder(OwnerKind.TENANT, "tenant/acme")

    def moved(margin: int) -> pd.DataFrame:
        then = (Then(NOON, {one: {"patterns": Figure(value, margin)}}, {})
                for value in (5, 2**53 + 3))  # fmt: skip
        return tables.frame(movers(*then, "patterns"))

    exactly, sampled = moved(0), moved(300)
    assert "±" not in exactly.columns
    assert exactly["After"][0] == 2**53 + 3
    assert sampled["±"][0] == 424
    drawn, config = tables.exact(sampled, tables.columns("Patterns"))
    assert drawn["After"][0] == "9,007,199,254,740,995"
    assert drawn["Before"][0] == 5
    assert config["After"]["type_config"]["type"] == "text"
    assert config["Before"]["type_config"]["type"] == "number"
