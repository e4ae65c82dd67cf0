"""The content of keys by their types, read from a real Valkey: exact, with TTLs, large ones cut."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import redis

from services.archive.formats import TypedKey
from services.errors import StoreUnavailable
from services.stores.redis import typed_content
from services.stores.redis.large_content import PIECE_BYTES
from services.stores.redis.link import Link, SocketLink, conversation
from services.stores.redis.typed_content import ContentReader
from services.tenancy.layout import bytes_of


def read(client: redis.Redis, *keys: bytes) -> dict[bytes, list[TypedKey]]:
    found: dict[bytes, list[TypedKey]] = {}
    with conversation(client, operation="reading keys", seconds=60) as link:
        for each in ContentReader(link).read(keys or client.keys()):
            found.setdefault(each.key, []).append(each)
    return found


def test_every_type_comes_as_it_is(valkey: redis.Redis) -> None:
    now = time.time() * 1000
    valkey.set(b"\xff:s", b"\x00\xfe")
    valkey.set(b"empty", b"")
    valkey.set(b"ttl", b"v", px=500_000)
    valkey.rpush(b"list", b"b", b"a", b"b")
    valkey.sadd(b"set", b"\xff", b"a")
    valkey.zadd(b"zset", {b"a": 0.1, b"b": float("inf")})
    valkey.hset(b"hash", mapping={b"f": b"v", b"g": b"w"})
    valkey.execute_command("HPEXPIRE", b"hash", 400_000, "FIELDS", 1, b"f")
    valkey.xadd(b"stream", {b"a": b"b"}, id="1-1")
    valkey.xgroup_create(b"stream", b"group", "0")
    valkey.xreadgroup(b"group", b"one", {b"stream": ">"})
    found = {key: each for key, (each, *_) in read(valkey).items()}
    assert {key: each.value for key, each in found.items() if each.type != "hash"} == {
        b"\xff:s": "\x00\udcfe", b"empty": "", b"ttl": "v", b"list": ["b", "a", "b"],
        b"set": ["a", "\udcff"], b"zset": [["a", "0.1"], ["b", "inf"]],
        b"stream": {"entries": [["1-1", "a", "b"]]},
    }  # fmt: skip
    (first, last, ends), second = found[b"hash"].value
    assert (first, last, second) == ("f", "v", ["g", "w", None])
    assert now + 300_000 < ends < now + 500_000
    (pttl, at) = found[b"ttl"].pttl, found[b"ttl"].expires_at
    assert pttl is not None
    assert at == valkey.execute_command("PEXPIRETIME", b"ttl")
    assert 400_000 < pttl <= 500_000
    groups = read(valkey, b"stream")[b"stream"][-1].value
    assert groups["last_id"] == "1-1"
    (group,) = groups["groups"]
    assert (group["name"], group["last_delivered_id"], group["consumers"]) == (
        "group", "1-1", ["one"],
    )  # fmt: skip
    assert (groups["entries_added"], groups["max_deleted_id"]) == (1, "0-0")
    ((entry, consumer, at, times),) = group["pending"]
    assert (entry, consumer, times) == ("1-1", "one", 1)
    assert at >= int(now)


def test_a_large_value_comes_in_pieces_that_make_it_up(valkey: redis.Redis) -> None:
    text = "é日".encode() * 500_000  # cut within a character too
    valkey.set(b"text", text)
    valkey.hset(b"hash", mapping={str(at): "x" * 500 for at in range(5000)})
    valkey.rpush(b"list", *(f"{at}{'m' * 900}" for at in range(3000)))
    found = read(valkey)
    for pieces in found.values():
        assert [each.continues for each in pieces] == [False, *([True] * (len(pieces) - 1))]
        assert len(pieces) > 1
    assert b"".join(bytes_of(each.value) for each in found[b"text"]) == text
    assert [each for piece in found[b"list"] for each in piece.value] == [
        each.decode() for each in valkey.lrange(b"list", 0, -1)
    ]
    fields = {name: value for piece in found[b"hash"] for name, value, _ in piece.value}
    assert fields == {str(at): "x" * 500 for at in range(5000)}


def test_what_is_gone_is_left_out(valkey: redis.Redis) -> None:
    valkey.set(b"there", b"1")
    assert list(read(valkey, b"gone", b"there")) == [b"there"]


def before_each_round(monkeypatch: pytest.MonkeyPatch, *deeds: Callable[[], object]) -> None:
    """Have something done before each of the next rounds that are asked of the server."""
    send, due = SocketLink.send, list(deeds)

    def sending(link: Link, commands: bytes) -> None:
        if due and link._operation == "reading keys":
            due.pop(0)()
        send(link, commands)

    monkeypatch.setattr(SocketLink, "send", sending)


def nothing() -> None:
    """What is done before a round that asks of no change."""


@pytest.mark.parametrize("rounds", range(5))
def test_a_key_that_is_written_anew_meanwhile_ends_as_it_does_now(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch, rounds: int
) -> None:
    """One that lost its TTL while it was read ends never, and not before 1970."""
    valkey.set(b"string", b"1", px=500_000)
    valkey.rpush(b"list", b"1")
    valkey.pexpire(b"list", 500_000)

    def persist() -> None:
        valkey.set(b"string", b"2")
        valkey.persist(b"list")
        valkey.rpush(b"list", b"2")

    before_each_round(monkeypatch, *[nothing] * (2 + rounds), persist)
    read_at = read(valkey)
    for (each,) in read_at.values():
        was = each.value in ("1", ["1"])
        assert (each.pttl is not None, each.expires_at is not None) == (was, was)
    monkeypatch.undo()
    assert {key: each.value for key, (each,) in read(valkey).items()} == {
        b"string": "2", b"list": ["1", "2"],
    }  # fmt: skip


def test_a_field_that_is_gone_meanwhile_does_not_come_back_for_good(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does a hash of which no other field is left."""
    valkey.hset(b"hash", mapping={b"f": b"v", b"g": b"w"})
    valkey.hset(b"alone", b"f", b"v")

    def expired(_: object) -> bool:
        valkey.hdel(b"hash", b"f")
        valkey.hdel(b"alone", b"f")
        return True

    monkeypatch.setattr(typed_content, "_has_field_ttls", expired)
    found = read(valkey)
    assert {key: each.value for key, (each,) in found.items()} == {b"hash": [["g", "w", None]]}


def test_a_key_that_changes_its_type_is_never_left_out(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read as it is then; where it changes each time, that is said."""
    valkey.set(b"key", b"1")

    def changed() -> None:
        kind = valkey.type(b"key")
        valkey.delete(b"key")
        valkey.rpush(b"key", b"1") if kind == b"string" else valkey.set(b"key", b"1")

    before_each_round(monkeypatch, nothing, nothing, changed)
    assert [each.value for each in read(valkey, b"key")[b"key"]] == [["1"]]
    monkeypatch.undo()
    before_each_round(monkeypatch, nothing, *[changed] * 30)
    with pytest.raises(StoreUnavailable, match="changes its type all the time"):
        read(valkey, b"key")


def test_keys_of_one_word_may_be_of_any_type(valkey: redis.Redis) -> None:
    """What a word's keys were of is a guess, and none that leaves a key out or fails on one."""
    kinds = (valkey.set, valkey.rpush, valkey.sadd)
    for at in range(1200):  # some batches, each of which tells something of those after it
        kinds[0 if at < 600 else at % 3](b"kb:word:%d" % at, b"v")
    valkey.set(b"kb:word:1", b"")
    valkey.set(b"kb:word:2", b"l" * 100_000)
    names = [b"kb:word:%d" % at for at in range(1200)]
    found = read(valkey, *names, b"kb:word:gone", b"kb:word", b"word")
    assert {key: each.type for key, (each,) in found.items()} == {
        name: valkey.type(name).decode() for name in names
    }
    assert len(found[b"kb:word:2"][0].value) == 100_000


def test_a_key_that_seems_large_by_another_type_is_read_by_its_own(valkey: redis.Redis) -> None:
    """A word's keys were sets so far; this one is a string of more than a piece."""
    valkey.sadd(b"kb:word:1", b"v")
    text = b"x" * (PIECE_BYTES + 10)
    valkey.set(b"kb:word:2", text)
    with conversation(valkey, operation="reading keys", seconds=60) as link:
        reader = ContentReader(link)
        list(reader.read([b"kb:word:1"]))
        found = list(reader.read([b"kb:word:2"]))
    assert [each.continues for each in found] == [False, True]
    assert "".join(each.value for each in found).encode() == text
