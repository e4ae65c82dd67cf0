"""Keys that are counted by what their names repeat are what each name says by itself."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, strategies as st

from services.stores.redis.tally import KeyTally
from services.tenancy.layout import read_key

HEADS = [
    b"a_kato", b"_kato", b"", b"\xc3_kato", b"\xe2\x82_kato", b"\xc3\xa9_kato", b"e\xcc\x81_kato",
    b"\xed\xb2\x80_kato", b"\xff\xfe_kato", b"\x00_kato", b"a_kato\n", b"A_KATO", b"x", b"kato",
    b"stm", b"tenant", b"patterns", b"symbols", b"tenant_kato",
]  # fmt: skip
WORDS = [b"frequency", b"prediction", b"session", b"global", b"metrics", b"", b"foo", b"\xff"]

part = st.binary(max_size=3)
coloned = st.builds(
    lambda head, rest: b":".join((head, *rest)),
    st.sampled_from(HEADS) | part,
    st.lists(st.sampled_from(WORDS) | part, max_size=3),
)
passes = st.lists(st.lists(coloned, max_size=20), max_size=4)


@given(passes)
def test_keys_are_counted_as_their_names_say(pages: list[list[bytes]]) -> None:
    """Whatever their bytes: no name is another's, and none is lost. Sessions are set aside."""
    tally, plain, sessions = KeyTally("kato"), Counter[object](), set[bytes]()
    for page in pages:
        for key in page:
            name = read_key(key)
            if name.kind == "session":
                sessions.add(key)
            else:
                plain[name.owner, name.sure, name.kind] += 1
        tally.count(list(page))
    found = {(each.owner, each.sure, each.kind): each.amount.count for each in tally.groups()}
    assert found == plain
    assert set(tally.sessions) == sessions
    assert tally.scanned == sum(map(len, pages))
