"""Rows read as columns say what they say one by one, whatever they are."""

from __future__ import annotations

import json

from hypothesis import given, settings, strategies as st

from services.history.columns import columns_of
from services.history.models import Figure
from services.history.packed import pack
from services.history.rollup import Rollup
from services.history.rows import brief_in
from tests.unit.history.test_packed import ROW

WANTED = frozenset({"patterns", "keys_bytes", "keys:prediction"})
NOTHING = dict.fromkeys(WANTED, (0, 0, None))
USUAL = Rollup(2**40, 2**41, 2**40, 2**41, 2**41 * 86_400 - 7, 86_400)
VERSION_1 = bytes.fromhex("010a090f12040003000013000204060b0301780802000200020800")
OF_BEFORE = json.dumps({"patterns": [9, 2, 7, 9, 7, 9, 80, 10], "x": [4, 1]}).encode()

around = st.sampled_from([2**bits for bits in (0, 7, 41, 42, 59, 60, 62, 63)])
near = st.builds(lambda about, by: about + by, around, st.integers(-1, 1)) | st.integers(-9, 9)
seconds = st.sampled_from([1, 3600, 86_400, 2**17 + 1])
ordinary = st.dictionaries(
    st.sampled_from([*sorted(WANTED), "sessions", "tokens"]),
    st.tuples(
        st.builds(Figure, near, st.just(0) | near),
        st.none() | st.builds(Rollup, near, near, near, near, near, seconds),
    ),
    max_size=5,
).map(lambda row: [(name, *each) for name, each in row.items()])
rows = st.lists((ROW | ordinary).map(pack) | st.sampled_from([VERSION_1, OF_BEFORE]), max_size=9)


@settings(max_examples=150)
@given(rows)
def test_columns_say_what_rows_say(kept: list[bytes]) -> None:
    """To the last unit, also of what 64 bits cannot hold; what a row lacks is nothing."""
    found = columns_of(kept, WANTED)
    for at, row in enumerate(kept):
        assert {**NOTHING, **found.brief(at)} == {**NOTHING, **brief_in(row, WANTED)}


def test_rows_as_they_are_kept_today_are_in_columns() -> None:
    """None is read one by one: not those of many bytes that changed all day, with margins."""
    row = pack([("tokens", Figure(3), None), ("keys_bytes", Figure(2**41, 2**20), USUAL)])
    plain = [pack([("patterns", Figure(5), None)]), pack([("keys_bytes", Figure(7), None)]),
             pack([])]  # fmt: skip
    assert set(columns_of([row, *plain], WANTED).odd) == {0}  # whose name is a text
    assert not columns_of([pack([("keys_bytes", Figure(2**41, 2**20), USUAL)]), *plain], WANTED).odd
    assert set(columns_of(plain, WANTED | {"tokens"}).odd) == {0, 1, 2}
