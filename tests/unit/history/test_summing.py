"""What a fleet came to in columns is what it came to row by row, however much that is."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
from hypothesis import given, settings, strategies as st

from services.history import summing
from services.history.columns import FleetRows, columns_of
from services.history.models import Figure, Grain, Holder, OwnerKind
from services.history.packed import pack
from services.history.rollup import Look, Rollup
from services.history.rows import Looks
from services.history.summing import totals
from services.history.totals import Segment, Total

HOUR, WANTED = Grain.HOUR.seconds, frozenset({"patterns", "keys_bytes"})
HOLDERS = [Holder(OwnerKind.TENANT, f"tenant/{name}") for name in ("acme", "globex", "initech")]

number = st.sampled_from([0, 1, 5, 2**41, 2**43, 2**70])
figure = st.builds(Figure, number, st.sampled_from([0, 0, 3, 2**41, 2**70]))
rollup = st.none() | st.builds(
    Rollup, number, number, number, number, number.map(lambda each: each * 1800), st.just(1800)
)
row = st.dictionaries(st.sampled_from(sorted(WANTED)), st.tuples(figure, rollup)).map(
    lambda each: pack([(name, *kept) for name, kept in each.items()])
)


def fleet(starts: st.SearchStrategy[int]) -> st.SearchStrategy[FleetRows]:
    """Draw rows of some holders, in any order, one of each at a time."""
    places = st.integers(0, len(HOLDERS) - 1)
    return st.dictionaries(st.tuples(places, starts), row, max_size=8).map(
        lambda rows: FleetRows(
            HOLDERS,
            np.array([place for place, _ in rows], np.int64),
            np.array([start for _, start in rows], np.int64),
            columns_of(list(rows.values()), WANTED),
        )
    )


def spans(first: int, last: int) -> st.SearchStrategy[Looks]:
    """Draw when a figure was known and when not, the oldest first."""
    ends = st.lists(st.integers(first, last), max_size=8, unique=True).map(sorted)
    found = ends.map(lambda at: [Look(*each, "" if each[0] % 3 else "down")
                                 for each in zip(at[::2], at[1::2], strict=False)])  # fmt: skip
    return st.fixed_dictionaries(dict.fromkeys(sorted(WANTED), found))


@settings(max_examples=150)
@given(fleet(st.just(0)), fleet(st.sampled_from([0, HOUR, 2 * HOUR])),
       fleet(st.integers(3 * HOUR, 4 * HOUR - 1)), spans(-9, 5 * HOUR))  # fmt: skip
def test_columns_add_up_as_rows_do(
    before: FleetRows, hours: FleetRows, changes: FleetRows, looks: Looks
) -> None:
    """Hours, and then changes; of some the figures are larger than 64 bits can add up."""
    read = [
        (Segment(Grain.HOUR, 0, 3 * HOUR), hours),
        (Segment(Grain.SECOND, 3 * HOUR, 4 * HOUR), changes),
    ]
    found = totals(read, before, looks, WANTED, began=0, ended=4 * HOUR)
    with patch.object(summing, "_EXACT", -1.0):
        assert totals(read, before, looks, WANTED, began=0, ended=4 * HOUR) == found
    assert all(total != Total() for some in found.values() for total in some.values())


def test_what_64_bits_cannot_add_up_is_exact() -> None:
    """Each row fits, and what a year of it comes to does not."""
    row, year = pack([("patterns", Figure(2**42, 2**42), None)]), 366 * Grain.DAY.seconds
    before = FleetRows(HOLDERS[:1], np.zeros(1, np.int64), np.zeros(1, np.int64),
                       columns_of([row], WANTED))  # fmt: skip
    looks = {"patterns": [Look(0, year)]}
    found = totals([], before, looks, WANTED, began=0, ended=year)
    assert not before.columns.odd
    assert found == {HOLDERS[0]: {"patterns": Total(2**42 * year, 2**42 * year)}}
