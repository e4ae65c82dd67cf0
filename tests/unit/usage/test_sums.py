"""Sums of what owners have."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, strategies as st

from services.figures import PREDICTIONS, Amount, Measure, Usage
from services.usage.sums import add_usages

margins = st.floats(0, 1e6)
amounts = st.builds(
    Amount, st.integers(0, 2**60), st.none() | st.integers(0, 2**60), margins, margins
)
kinds = st.dictionaries(st.sampled_from(["frequency", "affinity"]), st.integers(0, 9))
usages = st.builds(Usage, *[st.none() | amounts] * 4, st.none() | kinds, st.none() | amounts)


@given(st.lists(usages, min_size=1, max_size=5))
def test_what_is_summed_is_each_added_to_the_others(some: list[Usage]) -> None:
    """To the last byte; what is unknown of one is unknown of all."""
    found = add_usages(iter(some))
    for measure in (*Measure, PREDICTIONS):
        had, sums = [each.of(measure) for each in some], found.of(measure)
        known = [each for each in had if each is not None]
        assert (sums is None) == (len(known) < len(had))
        if sums is not None:
            whole = sum(known[1:], start=known[0])
            assert (sums.count, sums.bytes) == (whole.count, whole.bytes)
            assert sums.count_margin == pytest.approx(whole.count_margin)
            assert sums.bytes_margin == pytest.approx(whole.bytes_margin)
    of_each = [each.keys_by_kind for each in some]
    assert (found.keys_by_kind is None) == (None in of_each)
    if found.keys_by_kind is not None:
        assert Counter(found.keys_by_kind) == sum((Counter(each) for each in of_each), Counter())
