"""What the isolation audit asks of Qdrant, over HTTP and of the embedded engine."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from qdrant_client import QdrantClient

from services.errors import StoreDenied, StoreError, StoreMisconfigured, StoreUnavailable
from services.isolation.facts import TenantIndex, VectorFacts
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.stores.qdrant.audit import VectorAudit
from tests.engines.qdrant.qdrant_collections import KEY, SHARED, fill, load_capture, settings_for
from tests.servers.faults import (
    SOON,
    Answer,
    Dropped,
    Fault,
    Garbage,
    HttpServer,
    Refused,
    Request,
    Slow,
)
from tests.servers.qdrant_http import qdrant_http, refusal

SNAPSHOTS = {
    "full-snapshot-2026-01-02-03-04-05.snapshot": "2026-01-02T03:04:05",
    "old.snapshot": None,
    "a'b\n ö.snapshot": "2026-01-02T03:04:05.250Z",
    "odd.snapshot": "yesterday",
}
MADE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()


def facts(server: HttpServer, **options: object) -> VectorFacts:
    return Stores(settings_for(server, **options)).vector_audit.facts()  # type: ignore[arg-type]


class TestFacts:
    def test_of_the_capture(self, qdrant: QdrantClient) -> None:
        """Its collections are each one's own: none is shared."""
        load_capture(qdrant)
        with qdrant_http(qdrant, api_key=KEY) as server:
            assert facts(server) == VectorFacts({}, {}, open=False)

    def test_without_a_key_it_is_open(self, qdrant: QdrantClient) -> None:
        """Even if we send one."""
        with qdrant_http(qdrant) as server:
            assert facts(server).open is True

    def test_shared_collections_with_their_indexes(self, qdrant: QdrantClient) -> None:
        """Those of the settings with an index or none, and others that have one."""
        for name in (SHARED, "more", "indexed", "plain", "vectors_a_kato", "kato_tenant_acme"):
            fill(qdrant, name, ["a"])
        indexed = {SHARED, "indexed", "vectors_a_kato", "kato_tenant_acme"}
        with qdrant_http(qdrant, indexed=indexed, separated={SHARED}) as server:
            settings = Settings(
                QDRANT_URL=server.url,
                KATO_TENANTS_SHARED_COLLECTIONS=f"{SHARED},more,not-there",
            )
            found = Stores(settings).vector_audit.facts()
        assert found.tenant_indexes == {
            SHARED: TenantIndex("keyword", is_tenant=True),
            "more": TenantIndex(None),
            "indexed": TenantIndex("keyword"),
        }

    def test_snapshots_of_the_whole_storage(self, qdrant: QdrantClient) -> None:
        """With the time of their making in UTC, where the server says one."""
        with qdrant_http(qdrant, full_snapshots=SNAPSHOTS) as server:
            found = facts(server).full_snapshots
        times = [MADE, None, MADE + 0.25, None]
        assert found == dict(zip(SNAPSHOTS, times, strict=True))

    def test_the_embedded_engine_says_what_it_has(self, qdrant: QdrantClient) -> None:
        """It has neither indexes nor snapshots, and no door."""
        fill(qdrant, SHARED, ["a"])
        audit = VectorAudit(qdrant, shared_collections=frozenset({SHARED, "not-there"}))
        assert audit.facts() == VectorFacts({SHARED: TenantIndex(None)}, {}, open=None)

    def test_a_collection_that_goes_meanwhile_is_none(self, qdrant: QdrantClient) -> None:
        """It was listed, and is not there when it is asked for."""
        fill(qdrant, SHARED, ["a"])
        with qdrant_http(qdrant) as server:
            serve = server.answer

            def answer(request: Request) -> Answer:
                gone = request.path == f"/collections/{SHARED}"
                return refusal(404, "Not found") if gone else serve(request)

            server.answer = answer
            assert facts(server).tenant_indexes == {}

    def test_it_only_reads(self, qdrant: QdrantClient) -> None:
        """Every request is a GET."""
        fill(qdrant, SHARED, ["a"])
        with qdrant_http(qdrant, api_key=KEY) as server:
            facts(server)
            assert {call.method for call in server.calls} == {"GET"}
            assert len(server.calls) <= 6


FAULTS = [
    (Slow(30), StoreUnavailable),
    (Dropped(0.0), StoreUnavailable),
    (Dropped(0.5), StoreUnavailable),
    (Refused(503), StoreUnavailable),
    (Refused(401), StoreDenied),
    (Refused(403), StoreDenied),
    (Refused(302), StoreMisconfigured),
    (Garbage(), StoreMisconfigured),
    (Garbage(b'{"title": "another product"}'), StoreMisconfigured),
    (Garbage(b'{"result": {}}'), StoreMisconfigured),
    (Garbage(b""), StoreMisconfigured),
]


class TestBadDays:
    @pytest.mark.parametrize("case", FAULTS, ids=lambda case: repr(case[0]))
    def test_each_fault_is_told_for_what_it_is(
        self, qdrant: QdrantClient, case: tuple[Fault, type[StoreError]]
    ) -> None:
        """Whichever question it strikes; only the door may be one that could not be tried."""
        fault, error = case
        fill(qdrant, SHARED, ["a"])
        with qdrant_http(qdrant, api_key=KEY, full_snapshots=SNAPSHOTS) as server:
            seconds = 1 if isinstance(fault, Slow) else 20
            for served in range(3):
                server.fail(fault, after=served)
                started = time.perf_counter()
                with pytest.raises(error) as caught:
                    facts(server, seconds=seconds)
                assert time.perf_counter() - started < SOON
                assert type(caught.value) is error
                assert_clean(str(caught.value), server)
                server.heal()
            assert len(facts(server).full_snapshots) == len(SNAPSHOTS)

    def test_it_comes_back(self, qdrant: QdrantClient) -> None:
        """The same reader works again once the server does."""
        fill(qdrant, SHARED, ["a"])
        with qdrant_http(qdrant) as server:
            audit = Stores(settings_for(server)).vector_audit
            before = audit.facts()
            server.go_down()
            with pytest.raises(StoreUnavailable):
                audit.facts()
            server.come_back()
            assert audit.facts() == before

    def test_snapshots_that_may_not_be_listed_are_not_none(self, qdrant: QdrantClient) -> None:
        """A key for some collections only is refused, and that is told."""
        with qdrant_http(qdrant) as server:
            serve = server.answer

            def answer(request: Request) -> Answer:
                if request.path == "/snapshots":
                    return refusal(403, "Forbidden: Global access is required")
                return serve(request)

            server.answer = answer
            with pytest.raises(StoreDenied, match="snapshots"):
                facts(server)

    def test_a_wrong_key_is_denied(self, qdrant: QdrantClient) -> None:
        """No key is in the message."""
        with qdrant_http(qdrant, api_key=KEY) as server:
            with pytest.raises(StoreDenied) as caught:
                facts(server, key="wrong-key")
            assert "wrong-key" not in str(caught.value)
            assert_clean(str(caught.value), server)


def assert_clean(message: str, server: HttpServer) -> None:
    assert message.startswith("Qdrant ")
    for secret in (KEY, str(server.port), "127.0.0.1", "http://", "another product"):
        assert secret not in message
