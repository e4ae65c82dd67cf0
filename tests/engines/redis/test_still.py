"""A pass is spared only where nothing was written since: whatever changes is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace

import pytest
import redis
from hypothesis import HealthCheck, given, settings, strategies as st

from services.stores.redis.link import conversation
from services.stores.redis.server import opening
from services.stores.redis.still import state_of
from services.stores.redis.usage import KeyspaceStore
from services.usage.readings import KeyReading
from tests.engines.redis.keys import as_user, commands_called, store_of
from tests.servers import redis_server
from tests.servers.valkey import until_it_tells
from tests.waiting import wait_until

KEYS = (
    "a_kato:frequency:p", "a_kato:symbols:freq", "b_kato:prediction:o", "else",
    "kato:metrics:calls",
)  # fmt: skip
Words = tuple[object, ...]


@pytest.fixture(params=["valkey", *redis_server.PROGRAMS], scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[redis.Redis]:
    with ExitStack() as stack:
        if request.param == "valkey":
            client = redis.Redis(port=request.getfixturevalue("valkey_server").port)
            stack.callback(client.close)
        else:
            folder = tmp_path_factory.mktemp("redis")
            client = stack.enter_context(redis_server.running(folder, request.param))
        client.flushall()
        until_it_tells(client)
        yield client
        client.flushall()


def write_some(client: redis.Redis) -> None:
    client.flushall()
    client.mset({KEYS[0]: "1", KEYS[2]: "22", KEYS[3]: "3"})
    client.hset(KEYS[1], mapping={"x": "1", "y": "2"})
    client.xadd("stm:global", {"x": "1"})
    client.xgroup_create("stm:global", "g", id="0")
    record = json.dumps({"node_id": "tenant:acme:user:b"})
    client.set("kato:session:session-a", record, ex=900)
    client.set("kato:session:node:tenant:acme:user:b:active", "session-a", ex=900)
    client.set("kato:metrics:calls", "1", ex=900)


def seen(reading: KeyReading) -> object:
    """All that a reading says, but for what passes by itself, in whatever order SCAN tells it."""
    sessions = (replace(each, expires_in=0) for each in reading.sessions or ())
    return replace(
        reading, used_memory=0, mark=None, with_ttl=0,
        groups=tuple(sorted(reading.groups, key=repr)), sessions=tuple(sorted(sessions, key=repr)),
    )  # fmt: skip


def is_again(reading: KeyReading, last: KeyReading) -> bool:
    """Whether no pass was taken for it."""
    mark = last.mark
    return bool(reading.mark and mark and reading.mark.passed == mark.passed)


def marked(store: KeyspaceStore, server: redis.Redis) -> KeyReading:
    until_it_tells(server)
    reading = store.read()
    assert reading.mark is not None
    return reading


some_key = st.sampled_from(KEYS)
some_db = st.sampled_from([0, 0, 0, 1])
changes = st.one_of(
    st.tuples(st.just("SET"), some_key, st.sampled_from(["1", "22", "x" * 300])),
    st.tuples(st.just("SET"), some_key, st.just("1"), st.just("KEEPTTL")),
    st.tuples(
        st.just("SET"), some_key, st.just("1"), st.just("PX"), st.sampled_from([1, 10, 9000])
    ),
    st.tuples(st.sampled_from(["DEL", "UNLINK", "PERSIST", "INCR"]), some_key),
    st.tuples(st.sampled_from(["RENAME", "COPY"]), some_key, some_key),
    st.tuples(st.just("MOVE"), some_key, st.just(1)),
    st.tuples(st.sampled_from(["PEXPIRE", "EXPIRE"]), some_key, st.sampled_from([-1, 10, 9000])),
    st.tuples(
        st.just("HSET"), st.just(KEYS[1]), st.sampled_from("xz"), st.sampled_from(["1", "9"])
    ),
    st.tuples(st.just("HDEL"), st.just(KEYS[1]), st.sampled_from("xyz")),
    st.tuples(
        st.just("HPEXPIRE"), st.just(KEYS[1]), st.sampled_from([10, 9000]), st.just("FIELDS"),
        st.just(1), st.sampled_from("xyz"),
    ),
    st.tuples(st.just("EVAL"), st.just("redis.call('set', KEYS[1], 'l')"), st.just(1), some_key),
    st.just(("XADD", "stm:global", "*", "x", "1")),
    st.just(("XREADGROUP", "GROUP", "g", "me", "STREAMS", "stm:global", ">")),
    st.sampled_from([
        ("FLUSHDB",), ("FLUSHALL",), ("SWAPDB", 0, 1),
        ("CONFIG", "RESETSTAT"), ("GET", "else"), ("wait",),
        ("SREM", "nothing", "there"), ("PFADD", "h_kato:frequency:p", "x"),
    ]),
    st.just(("evict",)),
)  # fmt: skip


def do(client: redis.Redis, done: list[tuple[int, Words]]) -> None:
    """Send it; whatever the server says: a key may be of another type, a command not known."""
    for database, words in done:
        client.select(database)
        if words == ("evict",):
            evict(client)
        elif words == ("wait",):
            wait(client, 0.012)
        else:
            with suppress(redis.ResponseError):
                if words[0] != "HPEXPIRE" or client.hexists(str(words[1]), str(words[-1])):
                    client.execute_command(*words)
    client.select(0)


def test_an_end_for_a_field_that_is_not_there_is_taken_for_no_change(server: redis.Redis) -> None:
    """Redis 8 writes such a hash otherwise, in more bytes, and tells nobody: nothing of it is."""
    write_some(server)
    store = store_of(server)
    last, size = marked(store, server), server.memory_usage(KEYS[1])
    with suppress(redis.ResponseError):
        server.execute_command("HPEXPIRE", KEYS[1], 9000, "FIELDS", 1, "not there")
    assert 0 <= server.memory_usage(KEYS[1]) - size < 100
    assert is_again(store.read(last=last), last)


def wait(client: redis.Redis, seconds: float) -> None:
    """Wait until so much of the server's own time is over."""
    ends = now(client) + seconds
    while now(client) < ends:
        pass


def now(client: redis.Redis) -> float:
    seconds, microseconds = client.time()
    return float(seconds + microseconds / 1e6)


def evict(client: redis.Redis) -> None:
    """Let the server make room as KATO's own does."""
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.config_set("maxmemory", 1)
    client.config_set("maxmemory", 0)
    client.config_set("maxmemory-policy", "noeviction")


some_done = st.lists(st.tuples(some_db, changes), max_size=3)


@settings(
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(before=some_done, after=some_done)
def test_no_change_is_missed(
    server: redis.Redis, before: list[tuple[int, Words]], after: list[tuple[int, Words]]
) -> None:
    """Whatever is done, a reading that is given again is what a new pass brings."""
    write_some(server)
    do(server, before)
    store = store_of(server)
    last = store.read()
    do(server, after)
    again = store.read(last=last)
    if is_again(again, last):
        assert seen(again) == seen(store.read())
    elif not before and not after:
        assert last.mark is None, "a pass is taken though nothing was written"


def test_a_still_keyspace_costs_no_pass(server: redis.Redis) -> None:
    """One round trip tells; the sessions' time goes by, and memory is what it is now."""
    write_some(server)
    store = store_of(server)
    last = marked(store, server)
    wait(server, 0.01)
    most = server.pttl("kato:session:session-a") / 1000
    before = commands_called(server)
    again = store.read(last=last)
    called = commands_called(server) - before
    assert called.keys().isdisjoint({"scan", "memory|usage", "get", "pttl"})
    assert seen(again) == seen(last)
    (session,), (then,) = again.sessions or (), last.sessions or ()
    assert session.expires_in
    assert then.expires_in
    assert server.pttl(session.key) / 1000 - 0.01 < session.expires_in < most + 0.01
    assert session.expires_in < then.expires_in
    assert is_again(store.read(last=again), last), "however often"


@pytest.mark.parametrize("how", ["SAVE", "BGSAVE"])
def test_a_save_hides_nothing(server: redis.Redis, how: str) -> None:
    """As many changes since the save as there were since the one before."""
    server.save()  # else they are all that the tests before have written
    write_some(server)
    store = store_of(server)
    changes = server.info("persistence")["rdb_changes_since_last_save"]
    last = marked(store, server)
    server.execute_command(how)
    wait_until(lambda: not server.info("persistence")["rdb_bgsave_in_progress"])
    server.config_resetstat()
    for _ in range(changes):
        server.set(KEYS[0], "1" * 40)
    assert server.info("persistence")["rdb_changes_since_last_save"] == changes
    assert not is_again(store.read(last=last), last)


def test_the_second_of_a_save_tells_nothing(server: redis.Redis) -> None:
    """Another save in it could not be told from the first."""
    write_some(server)
    store = store_of(server)
    server.save()
    while store.read().mark is not None:  # the second began just then
        server.save()
    marked(store, server)


def test_whose_end_is_not_known(server: redis.Redis) -> None:
    """A key that ends, and none of those that KATO lets end, is looked for in each pass."""
    write_some(server)
    store = store_of(server)
    marked(store, server)
    server.expire(KEYS[0], 900)
    assert store.read().mark is None


def test_fields_that_end(server: redis.Redis) -> None:
    """They go by no change and leave the number of keys as it is."""
    write_some(server)
    try:
        server.execute_command("HPEXPIRE", KEYS[1], 900_000, "FIELDS", 1, "x")
    except redis.ResponseError:
        pytest.skip("this server has no fields that end")
    assert store_of(server).read().mark is None
    server.execute_command("HPERSIST", KEYS[1], "FIELDS", 1, "x")
    if "valkey_version" not in server.info("server"):
        server.delete(KEYS[1])  # until then Redis counts it, though no field of it ends any more
    marked(store_of(server), server)


def test_the_first_that_ends(server: redis.Redis) -> None:
    """Before the server has removed it: it is hidden at once."""
    write_some(server)
    store, milliseconds = store_of(server), 30
    last = marked(store, server)
    while not last.mark or last.mark.until > now(server) + 100:  # on a busy machine it ended before
        milliseconds *= 2
        server.set("kato:metrics:calls", "1", px=milliseconds)
        last = store.read()
    while now(server) < last.mark.until:
        pass
    assert not is_again(store.read(last=last), last)


def test_who_is_told_nothing_takes_a_pass(server: redis.Redis) -> None:
    """INFO is withheld: nothing is known of changes."""
    write_some(server)
    with as_user(server, "~*", "+@all", "-info") as theirs:
        assert store_of(theirs).read().mark is None


@pytest.mark.parametrize("field", ["rdb_last_save_time", "server_time_usec"])
def test_a_time_that_is_none_takes_a_pass(server: redis.Redis, field: str) -> None:
    """As another program than Redis or Valkey may say it: the figures are read all the same."""
    until_it_tells(server)
    with conversation(server, operation="asking how it is", seconds=30) as link:
        told = opening(link, 0)
    assert state_of(told, 0)
    for strange in ("", "-", "never"):
        assert state_of(replace(told, facts={**told.facts, field: strange}), 0) is None


def test_a_replica_takes_a_pass(server: redis.Redis) -> None:
    """It may be filled anew by its primary."""
    write_some(server)
    port = server.get_connection_kwargs()["port"]
    server.replicaof("127.0.0.1", port + 1 if port < 65535 else 1)
    try:
        assert store_of(server).read().mark is None
    finally:
        server.replicaof("NO", "ONE")
