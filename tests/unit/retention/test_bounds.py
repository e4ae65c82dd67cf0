"""Which predictions go: those used longest ago, and never more than the bounds ask for."""

from __future__ import annotations

from hypothesis import given, strategies as st

from services.retention.bounds import Entry, choose
from services.retention.models import Bounds

ENTRIES = st.lists(
    st.builds(
        Entry, st.binary(max_size=3), st.integers(0, 20), st.integers(0, 50),
        st.none() | st.integers(0, 30_000),
    ),
    max_size=20, unique_by=lambda each: each.key,
)  # fmt: skip
SOME = st.none() | st.integers(0, 20)
BOUNDS = st.builds(Bounds, count=SOME, bytes=st.none() | st.integers(0, 300), idle=SOME, ttl=SOME)


@given(ENTRIES, BOUNDS)
def test_what_stays_is_within_every_bound(entries: list[Entry], bounds: Bounds) -> None:
    gone = choose(entries, bounds).gone
    kept = [each for each in entries if each not in gone]
    assert len(gone) + len(kept) == len(entries)
    assert bounds.count is None or len(kept) <= bounds.count
    assert bounds.bytes is None or sum(each.bytes for each in kept) <= bounds.bytes
    assert bounds.idle is None or all(each.idle < bounds.idle for each in kept)


@given(ENTRIES, BOUNDS)
def test_nothing_that_stays_was_used_longer_ago_than_what_goes(
    entries: list[Entry], bounds: Bounds
) -> None:
    gone = choose(entries, bounds).gone
    kept = [each for each in entries if each not in gone]
    if gone and kept:
        assert max(each.idle for each in kept) <= min(each.idle for each in gone)


@given(ENTRIES, BOUNDS)
def test_one_more_would_be_beyond_a_bound(entries: list[Entry], bounds: Bounds) -> None:
    """No more goes than has to."""
    gone = choose(entries, bounds).gone
    if not gone:
        return
    kept = [each for each in entries if each not in gone]
    first = min(gone, key=lambda each: (each.idle, each.key))
    beyond = (
        (bounds.count is not None and len(kept) + 1 > bounds.count)
        or (bounds.bytes is not None
            and sum(each.bytes for each in kept) + first.bytes > bounds.bytes)
        or (bounds.idle is not None and first.idle >= bounds.idle)
    )  # fmt: skip
    assert beyond


@given(ENTRIES, BOUNDS)
def test_a_ttl_is_given_to_what_stays_and_would_live_longer(
    entries: list[Entry], bounds: Bounds
) -> None:
    chosen = choose(entries, bounds)
    kept = [each for each in entries if each not in chosen.gone]
    longer = [
        each
        for each in kept
        if bounds.ttl is not None and (each.ttl is None or each.ttl > bounds.ttl * 1000)
    ]
    assert sorted(chosen.expiring, key=repr) == sorted(longer, key=repr)


@given(ENTRIES)
def test_without_bounds_nothing_goes(entries: list[Entry]) -> None:
    chosen = choose(entries, Bounds())
    assert not chosen.gone
    assert not chosen.expiring
