"""Rows as bytes: what was put in comes out, whatever it is, and it takes little room."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given, settings, strategies as st

from services.history.models import PREDICTION_BYTES, Figure
from services.history.packed import Packed, pack, unpack
from services.history.rollup import Rollup
from services.history.rows import Kept, bytes_of, row_in

COUNT = st.integers(0, 2**70) | st.integers(-9, 300)
NAME = st.sampled_from(["patterns", "keys_bytes", "keys:prediction", PREDICTION_BYTES]) | st.text(
    max_size=9
)
FIGURE = st.builds(Figure, COUNT, st.just(0) | COUNT)
ROLLUP = st.builds(Rollup, COUNT, COUNT, COUNT, COUNT, COUNT, st.integers(1, 86_400))
ENTRY = st.tuples(NAME, FIGURE, st.none() | ROLLUP)
ROW = st.lists(ENTRY, max_size=9, unique_by=lambda each: each[0])


@settings(max_examples=60)
@given(ROW)
def test_what_was_packed_is_unpacked(row: list[Packed]) -> None:
    """Exactly, also above 2^64, and of one figure alone."""
    kept = pack(row)
    assert list(unpack(kept)) == row
    for each in row:
        assert list(unpack(kept, {each[0]})) == [each]
    assert list(unpack(kept, {"another name"})) == []


def test_rows_of_before_are_read() -> None:
    """Those that were kept as JSON."""
    did = Rollup(7, 9, 7, 9, 80, 10)
    row = {"keys": Kept(Figure(9, 2), did), "patterns": Kept(Figure(3)), "x": Kept(Figure(4, 1))}
    text = json.dumps({"keys": [9, 2, 7, 9, 7, 9, 80, 10], "patterns": 3, "x": [4, 1]}).encode()
    assert row_in(text) == row == row_in(bytes_of(row))
    assert row_in(text, "x") == {"x": row["x"]}


def test_packed_rows_of_before_are_read() -> None:
    """Those of versions 1 and 2, byte for byte."""
    kept = bytes.fromhex("010a090f12040003000013000204060b0301780802000200020800")
    assert list(unpack(kept)) == [
        ("keys", Figure(9, 2), Rollup(7, 9, 7, 9, 80, 10)), ("patterns", Figure(3), None),
        ("x", Figure(4, 1), Rollup(5, 4, 4, 6, 44, 10)),
    ]  # fmt: skip
    kept = bytes.fromhex(
        "02901cb3170a06a01f00cf0f000000000b13120400030100b85d8b38025006050101780802"
    )
    assert list(unpack(kept)) == [
        ("patterns", Figure(2000), Rollup(1000, 2000, 1000, 2000, 4_205_000, 3600)),
        ("keys_bytes", Figure(9, 2), Rollup(7, 9, 6, 9, 80, 10)),
        ("keys:prediction", Figure(3), None), ("x", Figure(4, 1), None),
    ]  # fmt: skip


def test_a_name_is_a_number_that_stays() -> None:
    """Byte for byte, as it is in records that are there."""
    row = [("keys:other", Figure(1), None), (PREDICTION_BYTES, Figure(70), None)]
    assert pack(row) == bytes.fromhex("030000027478028c01")
    assert list(unpack(pack(row))) == row


def test_what_changed_with_one_snapshot_says_so_once() -> None:
    """How long a figure had been what it was is a byte or two for all of them together."""
    row: list[Packed] = []
    for at, name in enumerate(("patterns", "keys", "sessions", "keys_bytes")):
        before, after = 1000 * 10**at, 1000 * 10**at + 70 * 10**at
        integral = before * 2995 + after * 605
        row.append((name, Figure(after), Rollup(before, after, before, after, integral, 3600)))
    moved = [(name, last, replace(did, integral=did.last * did.known))
             for name, last, did in row if did]  # fmt: skip
    assert len(pack(row)) <= len(pack(moved)) + 1
    assert list(unpack(pack(row))) == row


def test_a_day_of_every_figure_takes_little() -> None:
    """A quarter of what it would take as text."""
    names = ("patterns", "keys", "vectors", "sessions")
    row = []
    for at, name in enumerate((*names, *(f"{name}_bytes" for name in names)), start=1):
        value = 12_345 * at * (1000 if "bytes" in name else 1)
        did = Rollup(value - 99, value, value - 99, value, (value - 60) * 86_400, 86_400)
        row.append((name, Figure(value), did))
    text = json.dumps({name: [f.value, 0, *(getattr(did, slot) for slot in Rollup.__slots__)]
                       for name, f, did in row}, separators=(",", ":"))  # fmt: skip
    assert len(pack(row)) < len(text) / 4
