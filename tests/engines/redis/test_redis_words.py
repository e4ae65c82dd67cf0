"""What Redis refuses with, in our own words: from real servers, and from redis-py alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
import redis
from redis import exceptions as driver

from services.canary.belongings import Belongings
from services.errors import (
    StoreDenied,
    StoreError,
    StoreMisconfigured,
    StoreRejected,
    StoreUnavailable,
)
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.stores.redis.errors import refusal, translated, translation
from services.stores.redis.link import conversation
from tests.servers.valkey import new_valkey

WORDS: tuple[tuple[str, type[StoreError], str], ...] = (
    ("READONLY You can't write against a read only replica.", StoreMisconfigured, "read-only"),
    ("MISCONF Valkey is configured to save RDB snapshots, but", StoreUnavailable, "to its disk"),
    ("OOM command not allowed when used memory > 'maxmemory'.", StoreUnavailable, "maxmemory"),
    ("NOREPLICAS Not enough good replicas to write.", StoreUnavailable, "min-replicas-to-write"),
    ("LOADING Redis is loading the dataset in memory", StoreUnavailable, "still loading"),
    ("MASTERDOWN Link with MASTER is down and", StoreUnavailable, "lost its primary"),
    ("BUSY Redis is busy running a script.", StoreUnavailable, "busy"),
    ("NOAUTH Authentication required.", StoreDenied, "password"),
    ("NOPERM User a has no permissions to run the 'b' command", StoreDenied, "right"),
    ("WRONGPASS invalid username-password pair", StoreDenied, "password"),
    ("MOVED 1 10.0.0.1:6379", StoreMisconfigured, "cluster"),
    ("ERR unknown command 'x'", StoreRejected, "does not take this command"),
)


@pytest.mark.parametrize(("answer", "kind", "words"), WORDS)
def test_an_error_reply_has_words_of_its_own(
    answer: str, kind: type[StoreError], words: str
) -> None:
    """Never the server's, which may hold an address or a name."""
    found = refusal(answer, "erasing keys")
    assert type(found) is kind
    assert words in found.reason
    assert answer.partition(" ")[2] not in str(found)


@pytest.mark.parametrize(
    ("raised", "kind", "words"),
    [
        (driver.ReadOnlyError("You can't write"), StoreMisconfigured, "read-only"),
        (driver.OutOfMemoryError("command not allowed"), StoreUnavailable, "maxmemory"),
        (driver.MasterDownError("Link with MASTER"), StoreUnavailable, "lost its primary"),
        (driver.BusyLoadingError("Redis is loading"), StoreUnavailable, "still loading"),
        (driver.ResponseError("MISCONF Redis is"), StoreUnavailable, "to its disk"),
        (
            driver.ResponseError("Command # 1 (SET) of pipeline caused error: NOREPLICAS Not"),
            StoreUnavailable,
            "min-replicas-to-write",
        ),
    ],
)
def test_what_redis_py_raises_comes_to_the_same(
    raised: Exception, kind: type[StoreError], words: str
) -> None:
    """It takes the code off some of them."""
    found = translation(raised, "writing")
    assert type(found) is kind
    assert words in found.reason


class TestRealServers:
    @pytest.fixture
    def server(self) -> Iterator[redis.Redis]:
        with new_valkey() as server, redis.Redis(port=server.port) as client:
            yield client

    def failure(self, client: redis.Redis) -> StoreError:
        """What a canary's write, by redis-py, and a command on a link fail with; the same."""
        port = client.get_connection_kwargs()["port"]
        settings = Settings(REDIS_URL=f"redis://127.0.0.1:{port}/0")
        with closing(Stores(settings)) as stores, pytest.raises(StoreError) as by_redis_py:
            stores.canary_keys.write(
                Belongings(rows=(), texts={"a": "b"}, hashes={}, sets={}, collection="", points=())
            )
        with (
            pytest.raises(StoreError) as by_link,
            conversation(client, operation="writing", seconds=5) as link,
        ):
            link.ask("SET", "a", "b")
        assert type(by_link.value) is type(by_redis_py.value)
        assert by_link.value.reason == by_redis_py.value.reason
        return by_link.value

    def test_full(self, server: redis.Redis) -> None:
        server.config_set("maxmemory-policy", "noeviction")
        server.config_set("maxmemory", 1)
        assert "maxmemory" in self.failure(server).reason

    def test_without_replicas(self, server: redis.Redis) -> None:
        server.config_set("min-replicas-to-write", 1)
        assert "min-replicas-to-write" in self.failure(server).reason

    def test_a_replica(self, server: redis.Redis) -> None:
        with new_valkey() as second, redis.Redis(port=second.port) as replica:
            replica.replicaof("127.0.0.1", server.get_connection_kwargs()["port"])
            assert "read-only replica" in self.failure(replica).reason

    def test_the_figures_of_a_full_server_are_there(self, server: redis.Redis) -> None:
        """Reading takes nothing of what it lacks."""
        server.set("a_kato:frequency:p", 1)
        server.config_set("maxmemory-policy", "noeviction")
        server.config_set("maxmemory", 1)
        port = server.get_connection_kwargs()["port"]
        store = Stores(Settings(REDIS_URL=f"redis://127.0.0.1:{port}/0")).keys
        assert store.read().keys_after == 1


def test_what_is_none_of_ours_passes() -> None:
    with pytest.raises(ZeroDivisionError), translated("x"):
        raise ZeroDivisionError
