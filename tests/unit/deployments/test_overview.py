"""How deployments stand, and what all have together: what is not known is never a smaller sum."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, strategies as st

from dashboard.deployments import words
from services.deployments.formats import is_whole, rows, standings_json
from services.deployments.models import (
    Figure,
    Standing,
    State,
    firing_of,
    sum_of,
    tenants_of,
)
from services.deployments.overview import with_figures
from services.errors import Problem
from services.figures import Amount, Measure, Precision, StoreState
from services.usage.refresh import CollectorState
from services.usage.snapshot import StoreFigures
from tests.unit.metrics.made import NOW, snapshot, usage

NEW = Standing("a", "red")

amounts = st.builds(Amount, st.integers(0, 99), st.none() | st.integers(0, 999))
figures = st.one_of(
    amounts.map(Figure), st.just(Figure(None, Problem("down"))), st.just(Figure(None, absent=True))
)
standings = st.lists(
    st.builds(
        Standing, st.text(min_size=1, max_size=5), st.just("red"),
        figures=st.fixed_dictionaries({Measure.KEYS: figures}),
        tenants=st.none() | st.integers(0, 9), firing=st.none() | st.integers(0, 9),
    ),
    max_size=5,
)  # fmt: skip


@given(standings)
def test_a_sum_is_of_all_or_unknown(found: list[Standing]) -> None:
    keys = [each.figures[Measure.KEYS] for each in found if not each.figures[Measure.KEYS].absent]
    counts = [each.amount.count for each in keys if each.amount is not None]
    total = sum_of(found, Measure.KEYS)
    assert total.value == (sum(counts) if len(counts) == len(keys) else None)
    assert len(total.unknown) == len(keys) - len(counts)
    sizes = [each.amount.bytes for each in keys if each.amount and each.amount.bytes is not None]
    held = sum_of(found, Measure.KEYS, size=True)
    assert held.value == (sum(sizes) if len(sizes) == len(keys) else None)
    for total, values in ((tenants_of(found), [each.tenants for each in found]),
                          (firing_of(found), [each.firing for each in found])):  # fmt: skip
        known = [each for each in values if each is not None]
        assert total.value == (sum(known) if len(known) == len(values) else None)
        assert words.sum_words(total)[0] == (
            "unknown" if total.value is None else f"{total.value:,}"
        )


def test_figures_of_a_deployment() -> None:
    assert with_figures(NEW, CollectorState()).state is State.READING
    down = StoreFigures(Measure.KEYS, StoreState.UNKNOWN, reason=Problem("redis is down"))
    found = with_figures(NEW, CollectorState(snapshot({"x": usage(3, 30)}, keys=down)))
    assert (found.state, found.tenants, found.at) == (State.RUNNING, None, NOW)
    assert found.down == ("redis",)
    assert found.figures[Measure.KEYS].amount is None
    assert found.figures[Measure.PATTERNS].amount is not None
    assert words.badge_of(found) == ("Partly down", "orange")
    assert "Redis keys unknown" in words.line_of(found, NOW)
    assert "tenants unknown" in words.line_of(found, NOW)
    assert not is_whole(found)
    whole = with_figures(NEW, CollectorState(snapshot({"x": usage(3, 30)})))
    assert (whole.tenants, is_whole(whole), whole.down) == (1, True, ())
    assert words.badge_of(whole) == ("Running", "green")


def test_a_part_of_a_pass_is_no_figure() -> None:
    """What was read so far is less than there is."""
    part = StoreFigures(Measure.KEYS, StoreState.OK, total=Amount(3, 30), share=0.5)
    running = StoreFigures(
        Measure.VECTORS, StoreState.OK, total=Amount(3, 30), precision=Precision.RUNNING
    )  # fmt: skip
    found = with_figures(
        NEW, CollectorState(snapshot({"x": usage(3, 30)}, keys=part, vectors=running))
    )
    assert found.figures[Measure.KEYS].amount is None
    assert found.figures[Measure.VECTORS].amount is None
    assert found.tenants is None


def test_as_json_and_as_a_table_unknown_is_not_0() -> None:
    at = datetime(2026, 11, 30, tzinfo=UTC)
    known = Standing(
        "a", "red", {"region": "eu"}, State.RUNNING, tenants=0, at=at,
        figures={Measure.PATTERNS: Figure(Amount(0, 0)), Measure.KEYS: Figure(None),
                 Measure.VECTORS: Figure(None, absent=True)},
    )  # fmt: skip
    (found,) = standings_json([known])["deployments"]
    assert found["tenants"] == 0
    assert found["figures"] == {
        "patterns": {"count": 0, "bytes": 0}, "keys": None, "vectors": None, "sessions": None,
    }  # fmt: skip
    assert rows([known])[1] == ("a", "running", "0", "0", "unknown", "-", "unknown")
