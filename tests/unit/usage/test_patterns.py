"""Patterns in columns read as what they were made of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
from hypothesis import given, strategies as st

from services.figures import Amount
from services.usage.patterns import Patterns
from services.usage.readings import PatternUsage

moments = st.none() | st.datetimes(timezones=st.just(UTC))
few: Any = st.integers(0, 2)
usages = st.lists(
    st.builds(
        PatternUsage,
        st.none() | st.text(max_size=3),
        st.builds(Amount, st.integers(0, 2**62), st.none() | st.integers(0, 2**62)),
        moments,
        moments,
        st.dictionaries(st.sampled_from(["patterns_data", "lsh"]), st.integers(0, 2**62)),
        st.booleans(),
    ),
    max_size=4,
)


@given(usages)
def test_columns_read_like_the_usages(some: list[PatternUsage]) -> None:
    """One by one, some of them, and all of them, to the last byte and microsecond."""
    columns = Patterns.of(some)
    assert columns == tuple(some)
    assert [columns[at] for at in range(-len(some), len(some))] == some * 2
    assert columns[1:] == tuple(some[1:])
    assert Patterns.of(columns) is columns


alike = st.builds(
    PatternUsage,
    st.just("a"),
    st.builds(Amount, few, st.none() | few, few, few),
    st.none() | st.just(datetime(2026, 1, 1, tzinfo=UTC)),
    st.none() | st.just(datetime(2026, 1, 1, tzinfo=UTC)),
    st.fixed_dictionaries({"patterns_data": few}, optional={"lsh": few}),
    st.booleans(),
)


@given(alike, alike)
def test_what_is_the_same_is_told_of_equals_alone(one: PatternUsage, other: PatternUsage) -> None:
    """Where one field is another, it is not the same; where none is, it is."""
    first = np.zeros(1, np.intp)
    assert Patterns.of([one]).same(first, Patterns.of([other]), first).all() == (one == other)
