"""Erasing collections and points from Qdrant's engine: the target's whole, and nobody else's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from services.embedded.qdrant import open_local
from services.errors import StoreDenied, StoreError, StoreMisconfigured, StoreUnavailable
from services.jobs.models import Progress
from services.purge.models import Look, Reckoning, Surface
from services.stores.adapters import Stores
from services.stores.qdrant.erase import VectorErasing
from tests.engines.erasing import MINE, silent
from tests.engines.qdrant.qdrant_collections import KEY, SHARED, fill, load_capture, settings_for
from tests.servers.faults import SOON, Dropped, Fault, Garbage, HttpServer, Refused, Slow
from tests.servers.qdrant_http import qdrant_http

OWN = f"vectors_{MINE}"
HOSTILE = (
    "vectors_it's_kato",
    "vectors_percent%2F_kato",
    "vectors_a#[b] &c=d;_kato",
    "vectors_日本_kato",
    "vectors_tenant_acme_x_kato",
    "vectors_tenant_acme_corp_x_kato",
    "kato_tenant_acme",
    "kato_tenant_acme-corp",
)


@pytest.fixture
def server(qdrant: QdrantClient) -> Iterator[HttpServer]:
    with qdrant_http(qdrant, api_key=KEY) as server:
        yield server


@pytest.fixture(params=["embedded", "http"])
def erasing(request: pytest.FixtureRequest, qdrant: QdrantClient) -> Iterator[VectorErasing]:
    """The adapter over each of the two ways to reach the engine."""
    if request.param == "embedded":
        yield VectorErasing(qdrant)
        return
    with closing(Stores(settings_for(request.getfixturevalue("server")))) as stores:
        yield stores.vector_erasing


def prints(client: QdrantClient) -> dict[str, list[str]]:
    """Every point of every collection, with vector and payload."""
    return {
        each.name: [repr(p) for p in client.scroll(each.name, limit=10_000, with_vectors=True)[0]]
        for each in client.get_collections().collections
    }


def nothing(points: int) -> Look:
    """A look that found nothing of the target, and so many points of everyone."""
    return Look(everything=Reckoning(points, points))


def facts(look: Look) -> set[tuple[str, str, int, str]]:
    return {(item.owner, item.kind, item.count, item.how) for item in look.items}


def test_a_collection_of_the_capture_goes_and_nothing_else(
    erasing: VectorErasing, qdrant: QdrantClient
) -> None:
    """With its exact count; every other point stays as it is, and again is nothing."""
    load_capture(qdrant)
    before = prints(qdrant)
    surface = Surface(collections=frozenset({OWN, "vectors_nobody_kato"}))
    points = len(before[OWN])
    assert points > 0
    whole = sum(map(len, before.values()))
    assert facts(erasing.look(surface)) == {(MINE, OWN, points, "dropped with 0 snapshots")}
    assert erasing.look(surface).everything == Reckoning(whole, whole)
    assert prints(qdrant) == before
    said: list[Progress] = []
    for _ in range(2):
        erasing.erase(surface, said.append)
        assert prints(qdrant) == {k: v for k, v in before.items() if k != OWN}
        assert erasing.look(surface) == nothing(whole - points)
    assert said == [Progress(f"dropped {OWN}", 1, 1)]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_means_itself(
    erasing: VectorErasing, qdrant: QdrantClient, name: str
) -> None:
    for each in HOSTILE:
        fill(qdrant, each, ["a", "b"])
    before = prints(qdrant)
    erasing.erase(Surface(collections=frozenset({name})), silent)
    assert prints(qdrant) == {k: v for k, v in before.items() if k != name}


def test_points_of_a_shared_collection_go_by_the_exact_tenant(
    erasing: VectorErasing, qdrant: QdrantClient
) -> None:
    """Never the collection, and no point of a name that is alike."""
    fill(qdrant, SHARED, ["acme", "acme", ["acme"], "acme-corp", "Acme", "acm", 7, ..., None])
    fill(qdrant, "vectors_a_kato", ["acme"])
    before = prints(qdrant)
    surface = Surface(
        tenant_ids=frozenset({"acme", "nobody"}),
        collections=frozenset({SHARED}),
        shared_collections=frozenset({SHARED, "not_there"}),
    )
    look = erasing.look(surface)
    forms = "points by payload: tenant_id 2, tenant_id in a list 1"
    assert facts(look) == {("acme", SHARED, 3, forms)}
    assert (look.blockers, look.everything) == ((), Reckoning(10, 10))
    for _ in range(2):
        erasing.erase(surface, silent)
        after = prints(qdrant)
        assert after == {**before, SHARED: before[SHARED][3:]}
        assert erasing.look(surface) == nothing(7)


def test_a_point_of_several_tenants_blocks_and_stays(
    erasing: VectorErasing, qdrant: QdrantClient
) -> None:
    """Qdrant's equality would take it for either's."""
    fill(qdrant, SHARED, ["acme", ["acme", "corp"], "corp"])
    surface = Surface(tenant_ids=frozenset({"acme"}), shared_collections=frozenset({SHARED}))
    look = erasing.look(surface)
    assert facts(look) == {("acme", SHARED, 1, "points by payload")}
    (text,) = look.blockers
    assert text.startswith(f"1 points of the collection {SHARED} name acme and others")
    before = prints(qdrant)
    erasing.erase(surface, silent)
    assert prints(qdrant) == {SHARED: before[SHARED][1:]}


def test_snapshots_go_before_their_collection(qdrant: QdrantClient) -> None:
    """They would outlive it, and nothing would name them any more."""
    fill(qdrant, OWN, ["x"])
    fill(qdrant, "vectors_b_kato", ["x"])
    snapshots = {OWN: ["s 1.snapshot", "s2.snapshot"], "vectors_b_kato": ["s3.snapshot"]}
    with qdrant_http(qdrant, api_key=KEY, snapshots=snapshots) as server:
        erasing = Stores(settings_for(server)).vector_erasing
        surface = Surface(collections=frozenset({OWN}))
        (item,) = erasing.look(surface).items
        assert item.how == "dropped with 2 snapshots"
        erasing.erase(surface, silent)
        deleted = [call.path for call in server.calls if call.method == "DELETE"]
    assert snapshots == {OWN: [], "vectors_b_kato": ["s3.snapshot"]}
    assert len(deleted) == 3
    assert deleted[-1] == f"/collections/{OWN}"


def test_the_write_is_waited_for_and_strongly_ordered(
    server: HttpServer, qdrant: QdrantClient
) -> None:
    fill(qdrant, SHARED, ["acme"])
    erasing = Stores(settings_for(server)).vector_erasing
    erasing.erase(
        Surface(tenant_ids=frozenset({"acme"}), shared_collections=frozenset({SHARED})), silent
    )
    (call,) = [call for call in server.calls if call.path.endswith("/points/delete")]
    assert (call.query["wait"], call.query["ordering"]) == ("true", "strong")


def test_the_embedded_engine_keeps_the_erasure(tmp_path: Path) -> None:
    """It is gone from the files too, not only from memory."""
    client = open_local(tmp_path / "q")
    load_capture(client)
    before = prints(client)
    VectorErasing(client).erase(Surface(collections=frozenset({OWN})), silent)
    client.close()
    client = open_local(tmp_path / "q")
    assert prints(client).keys() == before.keys() - {OWN}
    client.close()
    assert not any(path.name == OWN for path in (tmp_path / "q").rglob("*"))


FAULTS: list[tuple[Fault, type[StoreError]]] = [
    (Slow(30), StoreUnavailable),
    (Dropped(0.0), StoreUnavailable),
    (Dropped(0.5), StoreUnavailable),
    (Refused(503), StoreUnavailable),
    (Refused(401), StoreDenied),
    (Refused(404), StoreMisconfigured),
    (Garbage(), StoreMisconfigured),
    (Garbage(b'{"title": "another product"}'), StoreMisconfigured),
    (Garbage(b""), StoreMisconfigured),
]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("after", [0, 1, 2, 4])
@pytest.mark.parametrize("case", FAULTS, ids=lambda case: repr(case[0]))
def test_a_store_that_fails_is_never_one_that_has_nothing(
    server: HttpServer, qdrant: QdrantClient, case: tuple[Fault, type[StoreError]], after: int,
    keep: bool,
) -> None:  # fmt: skip
    """At first or half-way, it is told in time, in our words."""
    fault, error = case
    fill(qdrant, OWN, ["x"])
    seconds = 1 if isinstance(fault, Slow) else 20
    settings = settings_for(server, seconds=seconds).model_copy(update={"pass_seconds": seconds})
    surface = Surface(collections=frozenset({OWN}))
    calls: tuple[Callable[[VectorErasing], object], ...] = (
        lambda erasing: erasing.look(surface, keep=keep),
        lambda erasing: erasing.erase(surface, silent, keep=keep),
    )
    for call in calls:
        erasing = Stores(settings).vector_erasing
        server.fail(fault, after=after)
        started = time.perf_counter()
        with pytest.raises(error) as caught:
            call(erasing)
        assert time.perf_counter() - started < SOON
        assert KEY not in str(caught.value)
        server.heal()
