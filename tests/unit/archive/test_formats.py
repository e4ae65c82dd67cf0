"""Lines of Redis keys: exact both ways, whatever bytes they hold, and hashed without their TTL."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from services.archive.errors import ArchiveRefused
from services.archive.formats import TypedKey, key_line, key_of, lines_of
from services.tenancy.layout import text_of

TEXT = st.binary(max_size=20).map(text_of)
TIME = st.none() | st.integers(0, 2**62)
VALUES = st.one_of(
    st.tuples(st.just("string"), TEXT),
    st.tuples(st.sampled_from(["list", "set"]), st.lists(TEXT)),
    st.tuples(st.just("zset"), st.lists(st.tuples(TEXT, st.just("1.5")).map(list))),
    st.tuples(st.just("hash"), st.lists(st.tuples(TEXT, TEXT, TIME).map(list))),
)
KEYS = st.builds(
    lambda key, value, pttl, at, more: TypedKey(key, *value, pttl, at, more),
    st.binary(max_size=20), VALUES, TIME, TIME, st.booleans(),
)  # fmt: skip


@given(st.lists(KEYS, max_size=5))
def test_lines_are_exact_both_ways(keys) -> None:
    content = b"".join(key_line(each)[0] for each in keys)
    assert content.isascii()
    assert [key_of(line) for line in lines_of(content)] == keys
    assert all(json.loads(line) for line in lines_of(content))


@given(KEYS)
def test_a_line_is_what_json_itself_writes(key) -> None:
    """What archives that there are already were hashed by."""
    said = {"pttl": key.pttl, "expires_at": key.expires_at, "key": text_of(key.key)}
    said |= {"type": key.type, "value": key.value} | ({"continues": True} if key.continues else {})
    assert key_line(key)[0] == json.dumps(said, separators=(",", ":")).encode() + b"\n"


@given(KEYS, TIME, TIME)
def test_how_long_a_key_lives_is_not_in_its_fingerprint(key, pttl, at) -> None:
    assert key_line(key)[1] == key_line(key._replace(pttl=pttl, expires_at=at))[1]


@given(KEYS, KEYS)
def test_whatever_else_differs_is(one, other) -> None:
    alike = (one.key, one.type, one.value, one.continues) == (
        other.key, other.type, other.value, other.continues
    )  # fmt: skip
    assert (key_line(one)[1] == key_line(other)[1]) is alike


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b"{", b'{"key":1}', b"1"])
def test_what_is_no_line_is_refused(line) -> None:
    with pytest.raises(ArchiveRefused):
        key_of(line)
