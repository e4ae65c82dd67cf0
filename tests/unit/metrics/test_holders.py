"""The series of holders: conserved, bounded, and absent where unknown."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)

from services.figures import Amount, Measure, Precision, StoreState, Usage
from services.metrics.holders import holders_text
from services.metrics.largest import LONGEST_NAME, Largest
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot, StoreFigures
from services.visible import unseen
from tests.unit.metrics.made import Series, series, snapshot, usage, value, written_again

counts = st.integers(0, 2**50)
amounts = st.builds(Amount, counts, st.none() | counts) | st.none()
names = st.text(max_size=8) | st.sampled_from(
    ['"', "\\", "\\n", "\n", "a\nb", "\udcff", "\0", " ", "a ", "é", "e\u0301", "} 1", '"} 1\n#']
)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    kinds = draw(st.none() | st.dictionaries(st.sampled_from(["frequency", "symbols"]), counts))
    return Usage(*(draw(amounts) for _ in Measure), kinds, draw(amounts))


fleets = st.builds(
    lambda tenants, shared, unowned: snapshot(tenants, shared=shared, unowned=unowned),
    st.lists(st.tuples(st.builds(TenantKey, st.sampled_from(["tenant", "kb"]), names), usages()),
             max_size=6, unique_by=lambda each: each[0]),
    st.lists(usages(), max_size=2), usages(),
)  # fmt: skip


def text_of(fleet: Snapshot, most: int = 1000) -> bytes:
    return holders_text(fleet, Largest(most).of(fleet))


def told(fleet: Snapshot, most: int = 1000) -> Series:
    return series(text_of(fleet, most))


@given(fleets, st.integers(0, 7))
@settings(max_examples=min(50, settings().max_examples))
def test_sums_are_conserved_however_few_have_series(fleet: Snapshot, most: int) -> None:
    """Where all is known; where something is not, the sum that it is in is absent, never less."""
    found = told(fleet, most)
    parts = [*(t.usage for t in fleet.tenants), *(p.usage for p in fleet.shared)]
    for measure in Measure:
        has = [each.of(measure) for each in (*parts, fleet.unattributed.usage)]
        here = [v for (name, _), v in found.items() if name == f"kato_tenants_{measure}"]
        if None not in has:
            assert sum(map(int, here)) == sum(amount.count for amount in has if amount)
    named = {dict(labels)["tenant"] for name, labels in found if ("holder", "tenant") in labels}
    assert len(named) <= most


@given(fleets)
@settings(max_examples=min(50, settings().max_examples))
def test_every_name_comes_back_as_it_was(fleet: Snapshot) -> None:
    """Whatever a stranger called himself: one series each, of which his name can be read."""
    found = told(fleet)
    expected = {
        str(tenant.tenant): tenant.usage.patterns.count
        for tenant in fleet.tenants if tenant.usage.patterns is not None
    }  # fmt: skip
    assert {
        unseen(dict(labels)["tenant"]): int(number)
        for (name, labels), number in found.items()
        if name == "kato_tenants_patterns" and ("holder", "tenant") in labels
    } == expected


@given(fleets)
@settings(max_examples=min(30, settings().max_examples))
def test_it_is_what_prometheus_client_would_write(fleet: Snapshot) -> None:
    """But for the `.0` that it gives whole numbers; and OpenMetrics reads it too."""
    text = text_of(fleet).decode()
    theirs = written_again(text)
    heads = [line for line in text.splitlines() if line.startswith("#")]
    assert [line for line in theirs.splitlines() if line.startswith("#")] == heads
    assert series(theirs) == series(text)
    again = [f.name for f in openmetrics_families(f"{text}# EOF\n")]
    assert again == [head.split()[2] for head in heads[::2]]


def test_the_rest_is_summed_and_its_unknown_is_absent() -> None:
    fleet = snapshot(
        {"big": usage(5, 900), "small": usage(3, 30), "unread": usage(2, None)},
        shared=[usage(10, 100), usage(1, 1)], unowned=usage(4, 44),
    )  # fmt: skip
    found = told(fleet, most=1)
    assert value(found, "keys", holder="tenant", tenant="tenant/big") == 5
    assert value(found, "keys", holder="other", tenant="") == 5
    assert value(found, "keys_bytes", holder="other", tenant="") is None
    assert value(found, "keys_by_kind", holder="other", tenant="", kind="frequency") == 5
    assert value(found, "keys_bytes", holder="shared", tenant="") == 101
    assert value(found, "keys_bytes", holder="unowned", tenant="") == 44
    whole = told(fleet)
    assert value(whole, "keys", holder="tenant", tenant="tenant/small") == 3
    assert not any(("holder", "other") in labels for _, labels in whole)


def test_memory_of_predictions_has_series_of_its_own() -> None:
    """Absent where somebody's is not told, and where no key was read."""
    fleet = snapshot(
        {"big": usage(5, 900, predictions=Amount(2, 600)), "small": usage(3, 30),
         "untold": usage(2, 9, predictions=Amount(1, None)), "unread": usage(None)},
        shared=[usage(9, 99, predictions=Amount(1, 7)), usage(1, 1)],
    )  # fmt: skip
    found = told(fleet)
    here = {
        dict(labels)["tenant"]: size
        for (name, labels), size in found.items()
        if name == "kato_tenants_predictions_bytes" and ("holder", "tenant") in labels
    }
    assert here == {"tenant/big": 600, "tenant/small": 0}
    assert value(found, "predictions_bytes", holder="shared", tenant="") == 7
    assert value(told(fleet, 1), "predictions_bytes", holder="other", tenant="") is None


@pytest.mark.parametrize(
    "figures",
    [
        StoreFigures(Measure.KEYS, StoreState.UNKNOWN),
        StoreFigures(Measure.KEYS, StoreState.NOT_CONFIGURED),
        StoreFigures(Measure.KEYS, StoreState.OK, Amount(7), precision=Precision.RUNNING),
        StoreFigures(Measure.KEYS, StoreState.OK, Amount(7), precision=Precision.ESTIMATE),
        StoreFigures(Measure.KEYS, StoreState.OK, Amount(7), share=0.5),
    ],
)
def test_what_was_not_read_to_the_end_has_no_series(figures: StoreFigures) -> None:
    """A part of a pass would be drawn as a fall."""
    found = told(snapshot({"acme": usage(3, 30, patterns=Amount(2, 4))}, keys=figures))
    assert {name for name, _ in found if "_keys" in name} == set()
    assert value(found, "patterns", holder="tenant", tenant="tenant/acme") == 2


def test_nothing_shared_is_none_and_without_bytes_where_none_are_told() -> None:
    vectors = StoreFigures(Measure.VECTORS, StoreState.OK, Amount(0, None))
    found = told(snapshot(vectors=vectors))
    assert value(found, "vectors", holder="shared", tenant="") == 0
    assert value(found, "vectors_bytes", holder="shared", tenant="") is None
    assert value(found, "keys_bytes", holder="shared", tenant="") == 0


def test_the_largest_stay_while_a_store_is_unknown() -> None:
    """By the bytes that are left of the figures others would be chosen, and come and go."""
    largest = Largest(1)
    full = {"a": usage(1, 10, patterns=Amount(1, 900)), "b": usage(1, 20)}
    assert _named(largest, snapshot(full)) == ["a"]
    left = {"a": usage(1, 10, patterns=None), "b": usage(1, 20, patterns=None)}
    down = StoreFigures(Measure.PATTERNS, StoreState.UNKNOWN)
    assert _named(largest, snapshot(left, patterns=down)) == ["a"]
    assert _named(Largest(1), snapshot(left, patterns=down)) == ["b"]
    assert _named(largest, snapshot({**full, "b": usage(1, 2000)})) == ["b"]


def test_a_name_without_end_is_among_the_others() -> None:
    fleet = snapshot({"x" * LONGEST_NAME: usage(9, 999), "acme": usage(1, 1)})
    assert _named(Largest(5), fleet) == ["acme"]


def _named(largest: Largest, fleet: Snapshot) -> list[str]:
    return [each.tenant.id for each in largest.of(fleet).named]
