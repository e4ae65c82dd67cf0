"""How rows and bytes of ClickHouse's tables are shared out."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, strategies as st

from services.stores.clickhouse.tables import Rows, Shares, Table, divide, roll_up

WEIGHTS = st.dictionaries(st.binary(max_size=3), st.integers(0, 10**9), max_size=20)


@given(st.integers(0, 10**15), WEIGHTS)
def test_parts_sum_to_the_whole_and_are_fair(whole: int, weights: dict[bytes, int]) -> None:
    """No byte is lost or made, and nobody is off by one or more."""
    parts = divide(whole, weights)
    total = sum(weights.values())
    if not total:
        assert parts == {}
        return
    assert sum(parts.values()) == whole
    assert all(abs(parts[key] * total - whole * weights[key]) < total for key in weights)


def test_the_same_rows_are_always_divided_the_same_way() -> None:
    """Bytes do not jump between kb_ids from one pass to the next."""
    assert divide(10, {b"b": 1, b"a": 1, b"c": 1}) == {b"a": 4, b"b": 3, b"c": 3}
    assert divide(10, {b"c": 1, b"a": 1, b"b": 1}) == {b"a": 4, b"b": 3, b"c": 3}


def test_every_table_has_its_rows_and_only_patterns_count() -> None:
    """The figure is rows of patterns_data; bytes are those of all tables."""
    usages = roll_up(
        [
            Shares("patterns_data", [b"b"], [3], [30]),
            Shares("flat", [b"a"], [7], [70], divided=True),
            Shares("lsh_buckets", [b"b"], [5], [50]),
        ]
    )
    assert [(u.kb_id, u.amount.count, u.amount.bytes) for u in usages] == [
        ("a", 0, 70),
        ("b", 3, 80),
    ]
    assert usages[1].rows_by_table == {"patterns_data": 3, "lsh_buckets": 5}
    assert [usage.bytes_shared_out for usage in usages] == [True, False]


def test_a_time_that_was_never_set_is_not_known() -> None:
    """ClickHouse stores a missing time as 1970, which is nobody's first write."""
    table = Table(
        "patterns_data", "MergeTree", "kb_id", 1, 1, "String", 1, 1, 1, ("kato", "patterns_data")
    )
    (usage,) = roll_up([table.shares([], [Rows(b"a", 1, 0, 1_700_000_000)], {})])
    assert usage.first_write is None
    assert usage.last_write == datetime.fromtimestamp(1_700_000_000, UTC)


def test_without_a_kb_id_comes_first_and_the_others_by_their_text() -> None:
    """Also where their bytes have another order, and where a kb_id is empty."""
    raws = ["\uff41".encode(), b"\xff", b"", None, b"a"]
    usages = roll_up([Shares("patterns_data", raws, [1] * 5, [0, 1, 2, 3, 4])])
    assert [usage.kb_id for usage in usages] == [None, "", "a", "\udcff", "\uff41"]
    assert [usage.amount.bytes for usage in usages] == [3, 2, 4, 1, 0]
