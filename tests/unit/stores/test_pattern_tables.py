"""How rows and bytes of ClickHouse's tables are shared out."""

from __future__ import annotations

from hypothesis import given, strategies as st

from services.stores.clickhouse.tables import Rows, Share, Table, divide, roll_up

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
            Share("patterns_data", "b", 3, 30),
            Share("lsh_buckets", "a", 7, 70, divided=True),
            Share("lsh_buckets", "b", 5, 50),
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
    table = Table("patterns_data", "MergeTree", "kb_id", 1, 1, "String", 1, 1, 1)
    (share,) = table.shares([], [Rows(b"a", 1, 0, 1_700_000_000)], {})
    assert share.first_write is None
    assert share.last_write is not None
