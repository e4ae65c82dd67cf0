"""Which limit holds, and which state a figure is in: never over by chance, and never to and fro."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from services.access.viewer import TenantPattern
from services.cards.models import Label
from services.cards.scope import LabelScope
from services.history.models import Figure
from services.limits.judge import Reading, Rules, judge
from services.limits.models import Rule, State, Thresholds
from services.tenancy.kb_ids import TenantKey

UP = {State.UNDER: 0, State.NEAR: 1, State.OVER: 2}
THRESHOLDS = st.integers(1, 100).flatmap(
    lambda near: st.builds(Thresholds, st.just(near), st.integers(0, near - 1))
)
LIMITS = st.integers(0, 10**18)


def exact(value: int) -> Reading:
    return Reading(Figure(value))


@pytest.mark.parametrize(
    ("value", "state"),
    [(0, State.UNDER), (799, State.UNDER), (800, State.NEAR), (1000, State.NEAR),
     (1001, State.OVER)],
)  # fmt: skip
def test_a_state_begins_where_it_says(value: int, state: State) -> None:
    """All of a limit may be used; more is over."""
    assert judge(exact(value), 1000, Thresholds()) is state


def test_nothing_at_all_is_near_no_limit() -> None:
    """Not one of 0 either, which anything is over."""
    assert judge(exact(0), 0, Thresholds()) is State.UNDER
    assert judge(exact(1), 0, Thresholds()) is State.OVER


@given(st.integers(0, 2000), st.integers(0, 2000), LIMITS, THRESHOLDS, st.sampled_from(State))
def test_it_is_over_only_where_it_surely_is(
    value: int, margin: int, most: int, thresholds: Thresholds, before: State
) -> None:
    """Anew: by the lower end of a figure with a margin, and by a lower bound where there is one."""
    for at_least in (False, True):
        reading = Reading(Figure(value, margin), at_least)
        over = judge(reading, most, thresholds) is State.OVER
        assert over is (max(0, value - margin) > most)
        if at_least and not over:
            assert judge(reading, most, thresholds, before) is State.UNKNOWN


@given(LIMITS, THRESHOLDS, st.sampled_from(State))
def test_what_is_not_known_is_neither(most: int, thresholds: Thresholds, before: State) -> None:
    """Whatever it was before."""
    assert judge(None, most, thresholds, before) is State.UNKNOWN


@given(
    st.lists(st.tuples(st.integers(0, 130), st.integers(0, 9)), min_size=2),
    st.integers(1, 10**6), THRESHOLDS,
)  # fmt: skip
def test_it_never_flaps(
    figures: list[tuple[int, int]], factor: int, thresholds: Thresholds
) -> None:
    """From any state down to another, a figure has come back all the way from where it began."""
    most, states, before = 100 * factor, list[State](), None
    for value, margin in figures:
        before = judge(Reading(Figure(value * factor, margin * factor)), most, thresholds, before)
        states.append(before)
    for at, (earlier, later) in enumerate(pairwise(states), start=1):
        if UP[later] < UP[earlier]:
            began = 100 if earlier is State.OVER else thresholds.near
            assert figures[at][0] <= began - thresholds.back
    if max(v for v, _ in figures) - min(v for v, _ in figures) < thresholds.back:
        steps = [UP[each] for each in states]
        assert steps == sorted(steps)


@given(st.integers(0, 10**18), LIMITS, THRESHOLDS)
def test_it_stays_as_it_is_while_nothing_changes(
    value: int, most: int, thresholds: Thresholds
) -> None:
    """Looking again says the same."""
    first = judge(exact(value), most, thresholds)
    assert judge(exact(value), most, thresholds, first) is first


ACME = TenantKey("tenant", "acme")
SCOPES = [
    TenantPattern.parse(text) for text in ("*", "tenant/*", "org/*", "tenant/acme", "tenant/x")
]
RULES = st.lists(
    st.builds(
        Rule, st.sampled_from(SCOPES), st.sampled_from(["patterns", "keys"]),
        st.none() | st.integers(0, 9),
    ),
    unique_by=lambda rule: rule.key,
)  # fmt: skip


LABELLED = st.lists(
    st.builds(
        Rule, st.sampled_from([LabelScope(Label("plan", v)) for v in ("gold", "free")]
                              + [LabelScope(Label("eu", "1"))]),
        st.sampled_from(["patterns", "keys"]), st.none() | st.integers(0, 9),
    ),
    unique_by=lambda rule: rule.key,
)  # fmt: skip


@settings(max_examples=min(50, settings().max_examples))
@given(RULES, LABELLED)
def test_the_most_specific_holds(rules: list[Rule], labelled: list[Rule]) -> None:
    """Its own, a label's, its kind's, everybody's; also one that says there is none.

    Of two labels' the lower one, in whatever order they are read.
    """
    labels = {ACME: {"plan": "gold", "eu": "1"}}.get
    for quantity in ("patterns", "keys"):
        by_scope = {str(r.scope): r for r in (*rules, *labelled) if r.quantity == quantity}
        mine = [by_scope[s] for s in ("label:eu=1", "label:plan=gold") if s in by_scope]
        mine.sort(key=lambda rule: math.inf if rule.most is None else rule.most)
        wanted = (by_scope.get("tenant/acme") or next(iter(mine), None)
                  or by_scope.get("tenant/*") or by_scope.get("*"))  # fmt: skip
        found = Rules((*reversed(labelled), *rules), lambda tenant: labels(tenant, {}))
        assert found.of(ACME, quantity) == wanted
        if not labelled:
            assert Rules(rules).of(ACME, quantity) == wanted
