"""The Qdrant adapter on its bad days, and its settings, over HTTP."""

from __future__ import annotations

import time

import pytest
from qdrant_client import QdrantClient

from services.errors import (
    StoreDenied,
    StoreError,
    StoreMisconfigured,
    StoreNotConfigured,
    StoreUnavailable,
)
from services.settings.environment import Settings
from services.stores.adapters import Stores
from tests.engines.qdrant.qdrant_collections import (
    KEY,
    SHARED,
    fill,
    load_capture,
    over,
    settings_for,
)
from tests.servers.faults import (
    SOON,
    Dropped,
    Fault,
    Garbage,
    HttpServer,
    Refused,
    Slow,
    free_port,
)
from tests.servers.qdrant_http import qdrant_http
from tests.waiting import until_it_answers


@pytest.fixture
def loaded(qdrant: QdrantClient) -> QdrantClient:
    """The engine with the collections of the capture, which the servers tell of too."""
    load_capture(qdrant)
    return qdrant


FAULTS = [
    (Slow(30), StoreUnavailable),
    (Dropped(0.0), StoreUnavailable),
    (Dropped(0.5), StoreUnavailable),
    (Refused(500), StoreUnavailable),
    (Refused(503), StoreUnavailable),
    (Refused(429), StoreUnavailable),
    (Refused(401), StoreDenied),
    (Refused(403), StoreDenied),
    (Refused(404), StoreMisconfigured),
    (Refused(302), StoreMisconfigured),
    (Garbage(), StoreMisconfigured),
    (Garbage(b'{"name": "another product", "version": {"number": "8"}}'), StoreMisconfigured),
    (Garbage(b'{"title": "another product", "version": "8.1"}'), StoreMisconfigured),
    (Garbage(b'["a list"]'), StoreMisconfigured),
    (Garbage(b""), StoreMisconfigured),
]


class TestBadDays:
    @pytest.mark.parametrize("case", FAULTS, ids=lambda case: repr(case[0]))
    def test_each_fault_is_told_for_what_it_is(
        self, loaded: QdrantClient, case: tuple[Fault, type[StoreError]]
    ) -> None:
        """It is told in time, in our words, and is over when the fault is."""
        fault, error = case
        with qdrant_http(loaded, api_key=KEY) as server:
            seconds = 1 if isinstance(fault, Slow) else 20
            store = Stores(settings_for(server, seconds=seconds)).vectors
            for ask in (store.health, store.read):
                server.fail(fault)
                started = time.perf_counter()
                with pytest.raises(error) as caught:
                    ask()
                assert time.perf_counter() - started < SOON
                assert type(caught.value) is error
                _assert_clean(str(caught.value), server)
                server.heal()
                until_it_answers(ask)

    @pytest.mark.parametrize("fault", [Slow(30), Dropped(0.5), Refused(401)], ids=repr)
    def test_a_fault_while_a_collection_is_split_is_the_whole_pass(
        self, qdrant: QdrantClient, fault: Fault
    ) -> None:
        """A server that goes away half-way leaves no half figures."""
        fill(qdrant, SHARED, ["a", "b"])
        with qdrant_http(qdrant, indexed={SHARED}) as server:
            store = Stores(settings_for(server, key=None, seconds=1)).vectors
            for served in (1, 2):
                server.fail(fault, after=served)
                with pytest.raises((StoreUnavailable, StoreDenied)):
                    store.read()

    def test_a_store_that_comes_back_is_used_again(self, loaded: QdrantClient) -> None:
        """Nobody has to restart anything after Qdrant was down."""
        with qdrant_http(loaded) as server:
            store = over(server)
            before = store.read()
            server.go_down()
            with pytest.raises(StoreUnavailable, match="nothing listens"):
                store.read()
            server.come_back()
            assert store.read() == before

    def test_a_wrong_key_is_denied(self, qdrant: QdrantClient) -> None:
        """Even though Qdrant says its version without one; no key is in the message."""
        with qdrant_http(qdrant, api_key=KEY) as server:
            store = Stores(settings_for(server, key="wrong-key")).vectors
            for ask in (store.health, store.read):
                with pytest.raises(StoreDenied) as caught:
                    ask()
                assert "wrong-key" not in str(caught.value)
                _assert_clean(str(caught.value), server)


def _assert_clean(message: str, server: HttpServer) -> None:
    assert message.startswith("Qdrant ")
    for secret in (KEY, str(server.port), "127.0.0.1", "http://", "another product"):
        assert secret not in message


class TestSettings:
    def test_building_it_sends_nothing(self, qdrant: QdrantClient) -> None:
        """The dashboard starts whether the store is there or not, and no warning is printed."""
        with qdrant_http(qdrant) as server:
            Stores(settings_for(server)).close()
            assert server.calls == []

    def test_a_host_and_port_will_do(self, qdrant: QdrantClient) -> None:
        """KATO's own two variables, without TLS, and with the key sent along."""
        with qdrant_http(qdrant, api_key=KEY) as server:
            settings = Settings(
                QDRANT_HOST="127.0.0.1", QDRANT_PORT=server.port, QDRANT_API_KEY=KEY
            )
            Stores(settings).vectors.health()

    def test_no_address_is_not_configured(self) -> None:
        """Without an address there is no store, and localhost is not guessed."""
        with pytest.raises(StoreNotConfigured, match="QDRANT_URL"):
            Stores(Settings(REDIS_URL="redis://r")).vectors.health()

    def test_a_server_that_is_down_at_the_start_harms_only_its_use(self) -> None:
        """Building the adapter does not fail; using it says that nothing listens."""
        store = Stores(Settings(QDRANT_HOST="127.0.0.1", QDRANT_PORT=free_port())).vectors
        with pytest.raises(StoreUnavailable, match="nothing listens"):
            store.read()
