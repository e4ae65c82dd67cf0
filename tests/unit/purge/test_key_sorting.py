"""Keys of a surface, told by owner and kind, against each name read in full."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, strategies as st

from services.purge.models import Surface
from services.stores.redis.targets import KeySorter
from services.tenancy.layout import OwnerKind, read_key, text_of

HEADS = st.sampled_from([b"a_kato", b"b_kato", b"loose", b"\xff_kato"])
WORDS = st.sampled_from([b"frequency", b"frequenc", b"frequency ", b"own", b"\xff", b""])
RESTS = st.sampled_from([b"", b":", b":p", b":p:q"])
KEYS = st.tuples(HEADS, WORDS, RESTS).map(lambda parts: parts[0] + b":" + parts[1] + parts[2])


@given(st.lists(st.lists(KEYS, max_size=8), max_size=4), st.sets(HEADS))
def test_a_key_has_the_owner_and_kind_of_its_name(
    replies: list[list[bytes]], kb_ids: set[bytes]
) -> None:
    """However many like it came before."""
    sorter = KeySorter(
        Surface(kb_ids=frozenset(map(text_of, kb_ids))), lambda _: False, service="kato"
    )
    for keys in replies:
        wanted = defaultdict[tuple[str, str], list[bytes]](list)
        for key in keys:
            name, head = read_key(key), key.partition(b":")[0]
            kind = name.kind if name.owner.kind is OwnerKind.KB else "other"
            if head in kb_ids:
                wanted[text_of(head), kind].append(key)
        assert sorter.sort(keys) == wanted
