"""What the Redis adapter counts, against a real Valkey."""

from __future__ import annotations

import random
from collections import Counter

import pytest
import redis
from hypothesis import HealthCheck, given, settings, strategies as st

from services.figures import Precision
from services.stores.redis.link import SocketLink
from services.tenancy.layout import NOBODY, Owner, OwnerKind, read_key, text_of
from services.usage.readings import KeyReading
from tests.engines.redis.keys import counts_of, naive_counts, restore_capture, store_of


def kb(name: str) -> Owner:
    return Owner(OwnerKind.KB, name)


def bytes_in(reading: KeyReading) -> int:
    return sum(group.amount.bytes or 0 for group in reading.groups)


@pytest.mark.parametrize("scan_count", [10, 100, 10_000])
def test_capture_is_counted_by_kb_id_and_kind(valkey: redis.Redis, scan_count: int) -> None:
    """Every key of a real deployment is counted once, under its own kb_id and kind."""
    rows = restore_capture(valkey)
    reading = store_of(valkey, scan_count=scan_count).read()
    expected: Counter[tuple[str, str]] = Counter()
    for row in rows:
        head, word, *_ = row["key"].split(":")
        if head.endswith("_kato"):
            expected[head, word] += 1
    found = {(g.owner.name, g.kind): g.amount.count for g in reading.groups if g.owner.kind == "kb"}
    assert found == expected
    others = {g.kind: g.amount.count for g in reading.groups if g.owner == NOBODY}
    assert others == {"session_index": 1, "stream": 2}
    assert len(reading.sessions) == 28
    assert reading.keys_before == reading.keys_after == len(rows) == valkey.dbsize()
    assert sum(found.values()) + 3 + 28 == len(rows)
    assert (reading.precision, reading.share) == (Precision.EXACT, 1.0)
    assert reading.with_ttl == 28


def test_memory_of_every_key_is_exact(valkey: redis.Redis) -> None:
    """The bytes of each group are the sum of MEMORY USAGE of its keys."""
    rows = restore_capture(valkey)
    expected: Counter[tuple[Owner, str]] = Counter()
    for row in rows:
        name = read_key(row["key"].encode())
        if name.kind != "session":
            expected[name.owner, name.kind] += valkey.memory_usage(row["key"])
    reading = store_of(valkey).read()
    assert {(g.owner, g.kind): g.amount.bytes for g in reading.groups} == expected
    assert all(group.amount.bytes_margin == 0 for group in reading.groups)
    assert reading.memory_share == 1.0
    assert reading.used_memory > bytes_in(reading)


def test_without_memory_bytes_are_not_known(valkey: redis.Redis) -> None:
    """Bytes that were not asked for are None, not 0; the counts are the same."""
    restore_capture(valkey)
    store = store_of(valkey)
    counted = store.read(memory=False)
    assert {group.amount.bytes for group in counted.groups} == {None}
    assert counts_of(counted) == counts_of(store.read())


def test_empty_keyspace(valkey: redis.Redis) -> None:
    """An empty Redis is read as empty, not as a failure."""
    reading = store_of(valkey).read()
    assert (reading.groups, reading.sessions, reading.keys_before) == ((), (), 0)
    assert (reading.index_members, reading.stale_members, reading.with_ttl) == (0, 0, 0)


def test_only_the_selected_database_is_read(valkey: redis.Redis, valkey_url: str) -> None:
    """Keys and TTLs of another database of the same server are not in the figures."""
    valkey.set("a_kato:frequency:x", 1, ex=1000)
    other = redis.Redis.from_url(valkey_url.replace("/0", "/3"))
    other.mset({"b_kato:frequency:x": 1, "b_kato:frequency:y": 1})
    other.expire("b_kato:frequency:x", 1000)
    reading = store_of(other).read()
    other.close()
    assert counts_of(reading) == {(kb("b_kato"), "frequency", True): 2}
    assert (reading.keys_before, reading.with_ttl) == (2, 1)


def test_hostile_names_are_counted_as_what_they_are(valkey: redis.Redis) -> None:
    """Names that are not UTF-8, hold quotes, newlines, `%`, `*`, or 10,000 characters."""
    long = b"x" * 10_000
    keys = [
        b"\xff\xfe_kato:frequency:a", b"a'b\"c_kato:frequency:\r\n", b"a\nb_kato:emotives:%s",
        b"*_kato:metadata:*", long + b"_kato:frequency:" + long, b"", b":", b"::", b"a:", b":a",
        b"plain", b"foreign:thing", b"foreign:thing:1", b"a_kato", b"a_kato:", b"a_kato:frequency",
        b"old_kb:frequency:x", b"a_kato:symbol_to_patterns:t:o:k", b"kato:metrics:x", b"kato:odd",
        b"kato:session:node:tenant:acme:user:b:active", b"stm:global", b"stm:other",
        b"patterns:top:1", b"symbols:probabilities", b"symbols:freq", b"tenant:acme:thing:x",
        b"tenant:acme", b"tenant::x", b"\xff\xfe",
    ]  # fmt: skip
    valkey.mset(dict.fromkeys(keys, b"1"))
    reading = store_of(valkey).read()
    assert counts_of(reading) == naive_counts(keys)
    owners = {group.owner.name for group in reading.groups}
    assert {text_of(b"\xff\xfe_kato"), "a'b\"c_kato", "a\nb_kato", "*_kato"} <= owners
    assert Owner(OwnerKind.NODE, "tenant:acme:user:b") in {g.owner for g in reading.groups}


def test_samples_name_what_belongs_to_nobody(valkey: redis.Redis) -> None:
    """Up to 20 names of unknown keys come along, and no name of any other kind."""
    valkey.mset({f"job:{number}:state": 1 for number in range(500)})
    valkey.mset({b"\xff": 1, "a_kato:frequency:x": 1, "stm:global": 1})
    reading = store_of(valkey).read()
    assert len(set(reading.samples)) == len(reading.samples) == 20
    assert all(name.startswith("job:") or name == text_of(b"\xff") for name in reading.samples)
    valkey.flushdb()
    valkey.mset({"one": 1, "job:2": 2, "a_kato:frequency:x": 1})
    assert sorted(store_of(valkey).read().samples) == ["job:2", "one"]


def test_another_service_name(valkey: redis.Redis) -> None:
    """With another SERVICE_NAME, its own suffix makes a kb_id sure."""
    keys = [b"a_my_kato:frequency:x", b"a_my_kato:odd:x", b"a_kato:frequency:x", b"a_other:odd:x"]
    valkey.mset(dict.fromkeys(keys, 1))
    reading = store_of(valkey, service="my-kato").read()
    assert counts_of(reading) == naive_counts(keys, "my-kato")
    assert (kb("a_my_kato"), "other", True) in counts_of(reading)


words = st.sampled_from([
    b"kato", b"stm", b"tenant", b"patterns", b"symbols", b"session", b"session-1", b"node",
    b"active", b"frequency", b"prediction", b"global", b"events", b"top", b"metrics", b"acme",
    b"a_kato", b"a_kato_b_kato", b"kb", b"", b"_active_index", b"probabilities",
])  # fmt: skip
names = st.lists(words | st.binary(max_size=6), min_size=1, max_size=6).map(b":".join)


@given(keys=st.sets(names | st.binary(max_size=20), max_size=60), memory=st.booleans())
@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
def test_any_bytes_are_counted_once(valkey: redis.Redis, keys: set[bytes], memory: bool) -> None:
    """Groups and sessions add up to all keys, each where its whole name puts it."""
    valkey.flushdb()
    if keys:
        valkey.mset(dict.fromkeys(keys, b"1"))
    reading = store_of(valkey, scan_count=10).read(memory=memory)
    assert counts_of(reading) == naive_counts(keys)
    sessions = {key for key in keys if read_key(key).kind == "session"}
    assert {session.key for session in reading.sessions} == {text_of(key) for key in sessions}
    in_groups = sum(group.amount.count for group in reading.groups)
    assert in_groups + len(reading.sessions) == len(keys) == reading.keys_after


def test_a_key_that_vanishes_is_not_counted(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that SCAN named and MEMORY USAGE no longer finds is in no group."""
    valkey.mset({f"a_kato:frequency:{number}": 1 for number in range(50)})
    honest = SocketLink.send_each

    def delete_first(link: SocketLink, command: bytes, keys: list[bytes]) -> None:
        valkey.delete(b"a_kato:frequency:7")
        honest(link, command, keys)

    monkeypatch.setattr(SocketLink, "send_each", delete_first)
    reading = store_of(valkey, scan_count=1000).read()
    assert counts_of(reading) == {(kb("a_kato"), "frequency", True): 49}
    assert (reading.keys_before, reading.keys_after) == (50, 49)


def test_keys_that_scan_repeats_are_counted_once(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the table shrinks during the pass, SCAN names some keys again, right after."""
    from services.stores.redis import scan as keyscan

    valkey.mset({f"a_kato:frequency:{number}": 1 for number in range(1000)})
    honest = keyscan.Link.reply

    def repeat(link: keyscan.Link) -> object:
        reply = honest(link)
        if isinstance(reply, list):
            before, last[:] = last[-3:], reply[1]
            reply[1][:0] = before
        return reply

    last: list[bytes] = []
    monkeypatch.setattr(keyscan.Link, "reply", repeat)
    assert counts_of(store_of(valkey).read()) == {(kb("a_kato"), "frequency", True): 1000}


def test_keys_that_stay_are_all_counted_while_others_go(valkey: redis.Redis) -> None:
    """A keyspace that shrinks to a hundredth during the pass: what stays is there, once."""
    valkey.mset({f"b_kato:frequency:{number}": 1 for number in range(30_000)})
    valkey.mset({f"a_kato:frequency:{number}": 1 for number in range(300)})
    doomed = [f"b_kato:frequency:{number}" for number in range(30_000)]
    random.Random(3).shuffle(doomed)

    def shrink(_: KeyReading) -> None:
        if doomed:
            valkey.delete(*(doomed.pop() for _ in range(6000)))

    store = store_of(valkey, scan_count=10)
    reading = store.read(memory=False, progress=shrink)
    found = counts_of(reading)
    assert 300 <= found[kb("a_kato"), "frequency", True] <= 303
