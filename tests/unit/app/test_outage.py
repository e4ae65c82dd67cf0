"""What is down, since when, what works without it, and which buttons are off for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, combinations

import pytest

from dashboard.app import outage
from services.access.viewer import Action
from services.errors import Fault, Problem
from services.figures import Amount, Measure, StoreState, Usage
from services.usage.snapshot import Snapshot, StoreFigures, Unattributed

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DOWN = Problem(store="redis", fault=Fault.UNAVAILABLE)
STORES = (outage.CLICKHOUSE, outage.REDIS, outage.QDRANT, outage.KATO)


def snapshot(*dead: Measure, absent: tuple[Measure, ...] = (), kato: bool = False) -> Snapshot:
    def figures(measure: Measure) -> StoreFigures:
        if measure in absent:
            return StoreFigures(measure, StoreState.NOT_CONFIGURED)
        if measure not in dead:
            return StoreFigures(measure, StoreState.OK, Amount())
        since = NOW - timedelta(minutes=12)
        return StoreFigures(
            measure, StoreState.UNKNOWN, None, DOWN, NOW - timedelta(minutes=13),
            failing_since=since,
        )  # fmt: skip

    nobody = Unattributed(Usage(None, None, None, None))
    return Snapshot(
        NOW, {m: figures(m) for m in Measure}, (), (), nobody,
        kato_problem=DOWN if kato else None,
        kato_failing_since=NOW - timedelta(hours=30) if kato else None,
    )  # fmt: skip


def test_a_store_is_down_once_since_its_first_failure() -> None:
    """Redis has two measures; what was long ago has its date."""
    found = outage.outages(snapshot(Measure.KEYS, Measure.SESSIONS, kato=True))
    assert [out.headline(NOW) for out in found] == [
        "Redis is down since 11:48 UTC (12 min)",
        "KATO is down since 2026-01-30 06:00 UTC (30 h)",
    ]
    assert outage.outages(snapshot()) == ()


def test_stores_that_are_down_stand_in_the_order_of_their_figures() -> None:
    """As everywhere on the page, though Redis has the last of the measures too."""
    found = outage.outages(snapshot(*Measure, kato=True))
    assert tuple(out.store for out in found) == STORES


def test_what_refuses_us_is_not_said_to_be_down() -> None:
    refusing = snapshot(Measure.PATTERNS)
    figures = refusing.stores[Measure.PATTERNS]
    denied = replace(figures, reason=Problem(fault=Fault.DENIED), failing_since=None)
    (out,) = outage.outages(replace(refusing, stores={Measure.PATTERNS: denied}))
    assert out.headline(NOW) == "ClickHouse refuses access"


def test_everything_either_works_or_does_not() -> None:
    """In every mixture; what Find reads of the last figures always does."""
    every = [words for words, _ in outage._WORK]
    for down in chain.from_iterable(combinations(STORES, n) for n in range(len(STORES) + 1)):
        going, stopped = outage.works(frozenset(down))
        assert sorted(going + stopped) == sorted(every)
        assert "Find by user, tenant or kb_id" in going
        assert bool(stopped) == bool(down)


@pytest.mark.parametrize(
    ("action", "dead", "kato", "off"),
    [
        (Action.CREATE_SESSION, (Measure.KEYS,), False, "Redis is down since"),
        (Action.CREATE_SESSION, (), True, "KATO is down since"),
        (Action.CREATE_SESSION, (Measure.VECTORS, Measure.PATTERNS), False, ""),
        (Action.PLAN_PURGE, (), True, ""),
        (Action.PLAN_PURGE, (Measure.SESSIONS,), False, "Redis is down since"),
        (Action.EXPORT, tuple(Measure), True, ""),
    ],
)
def test_an_action_that_cannot_work_is_off_and_says_why(
    action: Action, dead: tuple[Measure, ...], kato: bool, off: str
) -> None:
    why = outage.why_off(snapshot(*dead, kato=kato), action)
    assert why.startswith(off)
    assert bool(why) == bool(off)
    assert outage.why_off(None, action) == ""


def test_what_is_chosen_to_be_erased_has_to_answer_too() -> None:
    takes = frozenset({outage.QDRANT})
    assert outage.why_off(snapshot(Measure.VECTORS), Action.PLAN_PURGE) == ""
    assert "Qdrant is down" in outage.why_off(snapshot(Measure.VECTORS), Action.PLAN_PURGE, takes)
    unset = snapshot(absent=(Measure.VECTORS,))  # it holds nothing that would have to go
    assert outage.why_off(unset, Action.PLAN_PURGE, takes) == ""
    absent = snapshot(absent=(Measure.KEYS, Measure.SESSIONS))
    assert (
        outage.why_off(absent, Action.CLEAN_INDEX) == "Redis is not configured, and this takes it."
    )
