"""Keys added up by head and word come to what each name says by itself, whatever its bytes."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, strategies as st

from services.stores.redis.tally import KeyTally
from services.tenancy.layout import read_key

HEADS = (
    b"a_kato", b"_kato", b"\xe2_kato", b"\xe2\x82_kato", b"\xac_kato", b"\x00_kato", b"kato",
    b"kato_", b"tenant", b"stm", b"symbols", b"other", b"",
)  # fmt: skip
WORDS = (b"frequency", b"global", b"prediction", b"session", b"acme", b"\xff", b"")

heads = st.sampled_from(HEADS) | st.binary(max_size=4).map(lambda name: name + b"_kato")
keys = st.lists(heads | st.sampled_from(WORDS), min_size=1, max_size=4).map(b":".join)
replies = st.lists(st.lists(keys, max_size=30), max_size=4)


@given(replies)
def test_groups_are_what_each_name_says(some: list[list[bytes]]) -> None:
    every = [key for keys in some for key in keys]
    tally = KeyTally("kato")
    for reply in some:
        tally.count(reply)
    found = {(each.owner, each.kind, each.sure): each.amount.count for each in tally.groups()}
    names = Counter(read_key(key) for key in every)
    said = {
        (name.owner, name.kind, name.sure): count
        for name, count in names.items()
        if name.kind != "session"
    }
    assert found == said
    assert tally.scanned == len(every)
    assert set(tally.sessions) == {key for key in every if read_key(key).kind == "session"}
