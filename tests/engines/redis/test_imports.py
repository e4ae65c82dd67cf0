"""What an import wrote is taken back in a real Valkey: to the byte, and to when it was to end."""

from __future__ import annotations

import time

import pytest
import redis

from services.imports.models import Item
from services.stores.redis import imports
from services.stores.redis.imports import KeyImports
from services.tenancy.layout import SESSION_PREFIX

KINDS = {"string": "1", "list": ["a", "a"], "set": ["a"], "hash": {"a": "b"}, "zset": {"a": 1.5}}


def item(key: str, kind: str = "string", ttl: int | None = None) -> Item:
    return Item(1, key, {"type": kind, "value": KINDS[kind], "ttl": ttl})


def test_a_key_ends_when_it_would_have(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the import took: one that would be over by then does not come back."""
    valkey.set("long", "old", px=500_000)
    valkey.set("short", "old", px=100_000)
    valkey.set("ever", "old")
    writes, items = KeyImports(valkey, seconds=9), [item("long"), item("short"), item("ever")]
    before = writes.before("", items)
    writes.write("", items, before)
    later = time.time_ns() + 200_000 * 1_000_000
    monkeypatch.setattr(imports.time, "time_ns", lambda: later)
    assert writes.take_back("", before, items) == 0
    assert (valkey.get("long"), valkey.get("ever")) == (b"old", b"old")
    assert 200_000 < valkey.pttl("long") <= 300_000
    assert valkey.pttl("ever") == -1
    assert not valkey.exists("short")


@pytest.mark.parametrize("kind", KINDS)
def test_what_others_made_of_a_key_stays(valkey: redis.Redis, kind: str) -> None:
    """Another value, another type, a time to live; a key that they removed is not brought back."""
    writes = KeyImports(valkey, seconds=9)
    names = ("mine", "valued", "typed", "timed", "removed", "ended")
    items = [item(name, kind, 900 if name == "ended" else None) for name in names]
    for name in names:
        valkey.set(name, "old")
    before = writes.before("", items)
    writes.write("", items, before)
    {
        "string": lambda: valkey.append("valued", "!"), "list": lambda: valkey.rpop("valued"),
        "set": lambda: valkey.sadd("valued", "z"), "hash": lambda: valkey.hset("valued", "a", "!"),
        "zset": lambda: valkey.zincrby("valued", 1, "a"),
    }[kind]()  # fmt: skip
    theirs = valkey.dump("valued")
    valkey.delete("typed", "removed", "ended")
    valkey.setbit("typed", 1, 1) if kind != "string" else valkey.rpush("typed", "z")
    valkey.expire("timed", 900)
    assert writes.take_back("", before, items) == 4
    assert [valkey.get("mine"), valkey.get("ended")] == [b"old", b"old"]
    assert valkey.dump("valued") == theirs
    assert valkey.type("typed") == (b"list" if kind == "string" else b"string")
    assert valkey.ttl("timed") > 0
    assert not valkey.exists("removed")
    assert writes.take_back("", before, items) == 4  # and so again


def test_a_session_that_is_used_by_now_stays_in_the_index(valkey: redis.Redis) -> None:
    key = SESSION_PREFIX.decode()
    writes, items = (
        KeyImports(valkey, seconds=9),
        [item(key + "a", ttl=60), item(key + "b", ttl=60)],
    )
    before = writes.before("", items)
    writes.write("", items, before)
    valkey.set(key + "a", "used", ex=60)
    assert writes.take_back("", before, items) == 1
    assert valkey.keys(key + "?") == [(key + "a").encode()]
    (index,) = {*valkey.keys()} - {(key + "a").encode()}
    assert valkey.smembers(index) == {b"a"}
