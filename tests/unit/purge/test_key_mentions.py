"""Names that stand in a key as a whole, and heads that are passed over, against the plain way."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, strategies as st

from services.stores.redis.heads import SPECIAL_HEADS, FarHeads, LooseKeys
from services.stores.redis.mentions import WholeNames

KB = b"tenant_acme_user_bob_kato"
NODE = b"tenant:acme:user:bob"


@pytest.mark.parametrize(
    "key",
    [
        KB,
        b"kato:lock:" + KB,
        b"backup-" + KB + b":frequency:p",
        b"{" + KB + b"}:lock",
        b"lock/" + KB + b".1",
        b"a\nb " + KB,
        b"x:" + NODE,
        NODE + b":state",
        b"lock(" + NODE + b")",
        b"first tenant:acme:user:bobby then " + NODE,
    ],
)
def test_a_name_that_stands_by_itself_is_found(key: bytes) -> None:
    names = WholeNames([KB], [NODE])
    assert names.in_key(key) in (KB, NODE)
    assert [found for found, _ in names.among([b"other", key, b"more"])] == [key]


@pytest.mark.parametrize(
    "key",
    [
        b"kato:lock:" + KB + b"x",
        b"kato:lock:my_" + KB,
        b"kato:lock:" + KB + "ö".encode(),
        b"kato:lock:" + NODE + b"by",
        b"kato:lock:" + NODE + b"-corp",
        b"kato:lock:" + NODE + b".com",
        b"kato:lock:" + NODE + b"@home",
        b"kato:lock:big-" + NODE,
        b"",
    ],
)
def test_a_name_within_a_longer_one_is_not(key: bytes) -> None:
    names = WholeNames([KB], [NODE])
    assert names.in_key(key) is None
    assert names.among([key]) == []


def test_the_longest_name_is_told() -> None:
    assert WholeNames([], [b"acme", NODE]).in_key(b"x:" + NODE) == NODE


PARTS = st.sampled_from([b"a", b"ab", b"_", b":", b"-", b".", b" ", b"\n", b"\xc3\xb6", b"tenant"])
NAMES = st.lists(PARTS, min_size=1, max_size=4).map(b"".join)
WORD = b"_abcdefghijklmnopqrstuvwxyz"


def naive(kb_ids: list[bytes], nodes: list[bytes], key: bytes) -> bool:
    """Whether a name stands somewhere in a key, by trying every place."""

    def goes_on(byte: bytes, more: bytes) -> bool:
        return bool(byte) and (byte in WORD + more or byte >= b"\x80")

    return any(
        key[at : at + len(name)] == name
        and not goes_on(key[max(at - 1, 0) : at], more)
        and not goes_on(key[at + len(name) :][:1], more)
        for names, more in ((kb_ids, b""), (nodes, b"-."))
        for name in names
        for at in range(len(key))
    )


@given(st.lists(NAMES, max_size=3), st.lists(NAMES, max_size=3), st.lists(NAMES, max_size=5))
def test_what_is_found_is_what_trying_every_place_finds(
    kb_ids: list[bytes], nodes: list[bytes], keys: list[bytes]
) -> None:
    """Passing over whole replies loses none."""
    names = WholeNames(kb_ids, nodes)
    wanted = [key for key in keys if naive(kb_ids, nodes, key)]
    assert [key for key, _ in names.among(keys)] == wanted
    assert all(name in key and name in [*kb_ids, *nodes] for key, name in names.among(keys))


HEADS = st.sampled_from(
    [b"a_kato", b"b_kato", b"_kato", b"b", b"", b"kato", b"stm", b"tenant", b"kato_kato", b"\xff"]
)
KEYS = st.one_of(HEADS, st.tuples(HEADS, st.sampled_from([b"x", b"", b"a_kato:y"])).map(b":".join))


REPLIES = st.lists(st.lists(KEYS, max_size=6), max_size=6)


@given(REPLIES, st.sets(HEADS))
def test_every_key_is_passed_over_and_counted_or_left(
    replies: list[list[bytes]], wanted: set[bytes]
) -> None:
    far, left = FarHeads("kato", wanted.__contains__), list[bytes]()
    for keys in replies:
        left += far.near(keys)
    every = [key for keys in replies for key in keys]
    passed = Counter(
        head
        for key in every
        if (head := key.partition(b":")[0]).endswith(b"_kato")
        and head not in SPECIAL_HEADS | wanted
    )
    assert far.counts() == passed
    assert Counter(left) == Counter(k for k in every if k.partition(b":")[0] not in passed)


def test_heads_of_no_kb_id_are_forgotten_and_met_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be as many of them as keys."""
    monkeypatch.setattr("services.stores.redis.heads._MOST_NEAR", 3)
    far, left = FarHeads("kato", lambda head: head == b"mine_kato"), 0
    keys = [b"%d:x" % (at % 7) for at in range(50)] + [b"mine_kato:x", b"other_kato:x"]
    for at in range(0, len(keys) * 3, 2):
        left += len(far.near([keys[at % len(keys)], keys[(at + 1) % len(keys)]]))
    assert left == 3 * 51
    assert far.counts() == {b"other_kato": 3}
    assert len(far._near) < 10


ODD = st.sampled_from([b"x-a_kato", b"a_kato\n_kato", b"b{a_kato}_kato", b"my_a_kato"])


@given(st.lists(st.one_of(KEYS, ODD, ODD.map(lambda head: head + b":x")), max_size=8))
def test_only_keys_of_another_kb_id_are_passed_over(keys: list[bytes]) -> None:
    """And no kb_id that has a name of the target within."""
    names = WholeNames([b"a_kato"])
    loose = LooseKeys("kato", [b"a_kato", b"b"], lambda head: names.in_key(head) is not None)
    heads = [(key.partition(b":")[0], key) for key in keys]
    wanted = [k for head, k in heads if not head.endswith(b"_kato") or names.in_key(head)]
    assert Counter(loose.among(keys)) == Counter(wanted)
    assert Counter(loose.among(keys)) == Counter(wanted)
