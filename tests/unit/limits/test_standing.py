"""Where tenants stand: only what is known is said, and a state that is held says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from services.access.viewer import TenantPattern
from services.figures import PREDICTIONS, Amount, Measure, Precision
from services.history.models import Figure
from services.limits.judge import Rules
from services.limits.models import Crossed, Rule, Standing, Standings, State, Thresholds
from services.limits.ports import Held
from services.limits.preview import Changes, preview
from services.limits.standing import standings
from services.limits.written import state_words
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Claim, ClaimState
from services.usage.snapshot import KbUsage, Snapshot
from tests.unit.history.snapshots import snapshot

AT, SINCE = 1_700_000_000, datetime(2026, 1, 1, tzinfo=UTC)
EVERY = TenantPattern.parse("*")


def rule(quantity: str, most: int | None, scope: str = "*") -> Rule:
    return Rule(TenantPattern.parse(scope), quantity, most)


def stand(found: Snapshot, *rules: Rule, held: Held | None = None) -> dict[str, Standing]:
    """Where each tenant stands to its one limit."""
    every = standings(found, Rules(rules), Thresholds(), held or {})
    return {each.tenant.id: each for each in every}


def test_everybody_stands_where_the_figure_says() -> None:
    """With how much is used and where the limit is from; who has no limit is left out."""
    found = stand(
        snapshot(AT, {"a": 101, "b": 80, "c": 5, "d": 1000}), rule("patterns", 100),
        rule("patterns", 50, "tenant/c"), rule("patterns", None, "tenant/d"),
    )  # fmt: skip
    assert {name: (s.state, s.most, str(s.source)) for name, s in found.items()} == {
        "a": (State.OVER, 100, "*"), "b": (State.NEAR, 100, "*"),
        "c": (State.UNDER, 50, "tenant/c"),
    }  # fmt: skip
    assert found["b"].share == 0.8
    sizes = stand(snapshot(AT, {"a": 101}), rule("patterns_bytes", 1009))
    assert (sizes["a"].used, sizes["a"].state) == (Figure(1010), State.OVER)
    nothing = stand(snapshot(AT, {"a": 101}), rule("keys:prediction", 10))
    assert (nothing["a"].state, nothing["a"].used and nothing["a"].used.value) == (State.UNDER, 0)


def test_memory_of_predictions_has_a_limit_of_its_own() -> None:
    """Whatever the memory of all keys is; over only where what is sampled surely is."""
    has = {Measure.KEYS: Amount(9, 10**6), PREDICTIONS: Amount(3, 700, 0, 50.0)}
    for most, state in ((600, State.OVER), (670, State.NEAR), (10_000, State.UNDER)):
        found = stand(snapshot(AT, {"a": has}), rule("keys:prediction_bytes", most))["a"]
        assert (found.used, found.state) == (Figure(700, 50), state)
    untold = snapshot(AT, {"a": {**has, PREDICTIONS: Amount(3, None)}})
    assert stand(untold, rule("keys:prediction_bytes", 1))["a"].state is State.UNKNOWN
    assert stand(untold, rule("keys_bytes", 1))["a"].state is State.OVER


def test_what_is_not_known_says_why() -> None:
    """A store that is down, a size that is not told, a size of a part of it."""
    down = stand(snapshot(AT, {"a": 9}, down=frozenset({Measure.KEYS})), rule("keys", 1))
    assert (down["a"].state, down["a"].used) == (State.UNKNOWN, None)
    assert "Redis" in str(down["a"].reason)
    unsized = snapshot(AT, {"a": {Measure.VECTORS: Amount(5, None)}})
    assert stand(unsized, rule("vectors_bytes", 1))["a"].state is State.UNKNOWN
    assert stand(unsized, rule("vectors", 4))["a"].state is State.OVER
    part = snapshot(AT, {"a": {Measure.VECTORS: Amount(5, 100)}})
    kb = KbUsage("x", True, Claim(ClaimState.KNOWN, (), ""), unsized.tenants[0].usage)
    part = replace(part, tenants=(replace(part.tenants[0], parts=(kb,)),))
    for most, state in ((99, State.OVER), (100, State.UNKNOWN), (10_000, State.UNKNOWN)):
        found = stand(part, rule("vectors_bytes", most))["a"]
        assert (found.state, found.at_least) == (state, True)


def test_what_is_still_read_is_over_only_where_it_surely_is() -> None:
    """KATO's counters of keys are a lower bound; the catalogue counts deleted patterns too."""
    has = {Measure.KEYS: Amount(100, 0, 20), Measure.PATTERNS: Amount(100)}
    for precision, quantity, most, state in (
        (Precision.ESTIMATE, "keys", 79, State.OVER),
        (Precision.ESTIMATE, "keys", 80, State.UNKNOWN),
        (Precision.ESTIMATE, "patterns", 1, State.UNKNOWN),
        (Precision.RUNNING, "keys", 79, State.OVER), (Precision.RUNNING, "keys", 81, State.UNKNOWN),
        (Precision.RUNNING, "keys", 10**6, State.UNKNOWN),
        (Precision.SAMPLED, "keys", 90, State.NEAR), (Precision.SAMPLED, "keys", 79, State.OVER),
    ):  # fmt: skip
        whole = snapshot(AT, {"a": has})
        stores = {m: replace(f, precision=precision) for m, f in whole.stores.items()}
        found = stand(replace(whole, stores=stores), rule(quantity, most))["a"]
        assert found.state is state, (precision, quantity, most)


def test_a_state_is_held_until_the_figure_has_come_back() -> None:
    """And says what it is by the figure alone, and since when; another limit begins anew."""
    key = ("tenant/a", "patterns")
    held = {key: Crossed(State.OVER, 100, SINCE)}
    for has, state, now, since in (
        (98, State.OVER, State.NEAR, SINCE), (95, State.NEAR, State.NEAR, None),
        (76, State.NEAR, State.UNDER, None), (75, State.UNDER, State.UNDER, None),
    ):  # fmt: skip
        found = stand(snapshot(AT, {"a": has}), rule("patterns", 100), held=held)["a"]
        assert (found.state, found.now, found.since) == (state, now, since)
        told = {98: "near (was over)", 95: "near", 76: "near (now under)", 75: "under"}
        assert state_words(found) == told[has]
    raised = stand(snapshot(AT, {"a": 98}), rule("patterns", 101), held=held)["a"]
    assert (raised.state, raised.since) == (State.NEAR, None)


def test_the_gravest_comes_first() -> None:
    """Over before near before unknown before under, and the fuller before the emptier."""
    found = snapshot(AT, {"a": {Measure.PATTERNS: Amount(90), Measure.KEYS: Amount(9)}, "b": 3},
                     down=frozenset({Measure.VECTORS}))  # fmt: skip
    rules = Rules([rule("patterns", 100), rule("keys", 5), rule("vectors", 1)])
    every = Standings(tuple(standings(found, rules, Thresholds(), {})))
    a, b = (TenantKey("tenant", name) for name in "ab")
    assert [s.quantity for s in every.of(a)] == ["keys", "patterns", "vectors"]
    assert [s.quantity for s in every.of(b)] == ["vectors", "patterns", "keys"]
    assert every.tenants(State.OVER) == (a,)
    assert every.worst(TenantKey("tenant", "c")) is None


def test_a_preview_counts_whom_a_change_is_for() -> None:
    """Each tenant by its gravest; whose limit stays the same is not counted."""
    found = snapshot(AT, {"a": 101, "b": 80, "c": 5, "own": 900})
    rules = (rule("patterns", 1000), rule("patterns", 2000, "tenant/own"))
    would = preview(
        found, rules, Changes((rule("patterns", 100), rule("keys", 5))), Thresholds(), {}
    )
    assert {state.value: n for state, n in would.counts.items()} == {
        "over": 1, "near": 1, "under": 2, "unknown": 0,
    }  # fmt: skip
    gone = Changes((), (rules[0].key, rule("keys", 1).key))
    would = preview(found, rules, gone, Thresholds(), {})
    assert (would.freed, would.changes.removed) == (3, (rules[0].key,))
    same = preview(found, rules, Changes(rules), Thresholds(), {})
    assert (bool(same.changes), same.standings, same.freed) == (False, (), 0)
