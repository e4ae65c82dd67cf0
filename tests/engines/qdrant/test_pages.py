"""Vectors of one tenant on Qdrant's engine: what is there, and that nobody else's comes back."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st
from qdrant_client import QdrantClient, models

from services.browse.models import Space
from services.errors import (
    StoreDenied,
    StoreError,
    StoreMisconfigured,
    StoreUnavailable,
    VectorError,
)
from services.stores.adapters import Stores
from services.stores.qdrant.pages import VectorPages
from tests.engines.qdrant.qdrant_collections import KEY, SHARED, fill, load_capture, settings_for
from tests.servers.faults import Dropped, Fault, Garbage, HttpServer, Refused, Slow
from tests.servers.qdrant_http import qdrant_http
from tests.waiting import until_it_answers

OWN = Space("vectors_tenant_acme_user_bob_kato")


@pytest.fixture
def server(qdrant: QdrantClient) -> Iterator[HttpServer]:
    with qdrant_http(qdrant, api_key=KEY) as server:
        yield server


@pytest.fixture(params=["embedded", "http"])
def pages(request: pytest.FixtureRequest, qdrant: QdrantClient) -> Iterator[VectorPages]:
    """The adapter over each of the two ways to reach the engine."""
    if request.param == "embedded":
        yield VectorPages(qdrant)
        return
    with closing(Stores(settings_for(request.getfixturevalue("server")))) as stores:
        yield stores.vector_pages


def test_a_collection_is_described(pages: VectorPages, qdrant: QdrantClient) -> None:
    load_capture(qdrant)
    facts = pages.facts(OWN)
    assert facts is not None
    assert facts.points == qdrant.count(OWN.collection).count > 0
    assert facts.distance == "Euclid"
    assert facts.size == qdrant.get_collection(OWN.collection).config.params.vectors.size  # type: ignore[union-attr]
    assert facts.status == "green"
    assert facts.vector_names == ()
    assert pages.facts(Space("vectors_nobody_kato")) is None


def test_pages_are_all_points_and_none_twice(pages: VectorPages, qdrant: QdrantClient) -> None:
    load_capture(qdrant)
    found, after = [], None
    while True:
        page = pages.points(OWN, after=after, limit=2)
        found += [point.id for point in page.points]
        if page.next is None:
            break
        after = page.next
    records, _ = qdrant.scroll(OWN.collection, limit=1000)
    assert sorted(map(str, found)) == sorted(str(record.id) for record in records)
    assert len(set(found)) == len(found)


def test_vectors_are_found_by_the_names_in_patterns(
    pages: VectorPages, qdrant: QdrantClient
) -> None:
    load_capture(qdrant)
    records, _ = qdrant.scroll(OWN.collection, limit=2)
    names = [(record.payload or {})["vctr_name"] for record in records]
    assert {point.payload["vctr_name"] for point in pages.named(OWN, names)} == set(names)
    assert pages.named(OWN, ["VCTR|nothing"]) == ()
    assert pages.named(OWN, []) == ()


def test_the_nearest_are_the_nearest(pages: VectorPages, qdrant: QdrantClient) -> None:
    """Nearest first; a point is not among its own."""
    qdrant.create_collection(
        "c", vectors_config=models.VectorParams(size=2, distance=models.Distance.EUCLID)
    )
    qdrant.upsert("c", [models.PointStruct(id=n, vector=[n, 0], payload={}) for n in range(6)])
    space = Space("c")
    assert [p.id for p in pages.nearest(space, [4.2, 0], limit=3)] == [4, 5, 3]
    vector = pages.vector_of(space, 2, using=None)
    assert vector == [2, 0]
    near = pages.nearest(space, vector, limit=2, besides=2)
    assert {p.id for p in near} == {1, 3}
    assert all(p.score is not None for p in near)
    assert pages.vector_of(space, 99, using=None) is None


def test_named_vectors_are_searched_by_name(qdrant: QdrantClient) -> None:
    params = models.VectorParams(size=2, distance=models.Distance.EUCLID)
    qdrant.create_collection("c", vectors_config={"a": params, "b": params})
    qdrant.upsert("c", [models.PointStruct(id=n, vector={"a": [n, 0], "b": [9 - n, 0]})
                        for n in range(5)])  # fmt: skip
    pages, space = VectorPages(qdrant), Space("c")
    facts = pages.facts(space)
    assert facts is not None
    assert facts.vector_names == ("a", "b")
    assert pages.vector_of(space, 1, using="b") == [8, 0]
    assert pages.nearest(space, [9, 0], using="b", limit=1)[0].id == 0
    assert pages.nearest(space, [9, 0], using="a", limit=1)[0].id == 4
    with pytest.raises(VectorError):
        pages.vector_of(space, 1, using=None)


TENANT_IDS = st.one_of(
    st.sampled_from(["acme", "acme-corp", "Acme", "", "*", "5", ["acme", "other"], ["acme"]]),
    st.just(...),
    st.none(),
    st.just(5),
    st.just({"acme": 1}),
)


def owns(value: object, tenant: str) -> bool:
    """Say apart from the product whose a point is."""
    return value in (tenant, [tenant], [tenant, tenant])


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(TENANT_IDS, min_size=1, max_size=12),
    st.sampled_from(["acme", "other", "5", "*"]),
    st.lists(st.floats(-2, 2, width=32), min_size=2, max_size=2),
)
@example(tenant_ids=[["acme", "other"], "acme", "other"], tenant="acme", vector=[0.0, 0.0])
@example(tenant_ids=["other", "acme", ["acme"]], tenant="acme", vector=[1.0, 0.0])
def test_no_other_tenants_point_ever_comes_back(
    pages: VectorPages,
    qdrant: QdrantClient,
    tenant_ids: list[object],
    tenant: str,
    vector: list[float],
) -> None:
    """However it is asked: browsed, by name, by vector, and by the id of another's point."""
    name = f"shared{uuid.uuid4().hex}"
    fill(qdrant, name, tenant_ids)
    for at in range(len(tenant_ids)):
        qdrant.set_payload(name, {"vctr_name": "VCTR|same"}, points=[at])
    mine = {at for at, value in enumerate(tenant_ids) if owns(value, tenant)}
    space = Space(name, tenant)
    assert {p.id for p in pages.points(space, limit=100).points} == mine
    assert {p.id for p in pages.named(space, ["VCTR|same"])} == mine
    assert {p.id for p in pages.nearest(space, vector, limit=100)} == mine
    for at in range(len(tenant_ids)):
        assert (pages.vector_of(space, at, using=None) is not None) == (at in mine)
        found = {p.id for p in pages.nearest(space, vector, limit=100, besides=at)}
        assert found == mine - {at}
    seen, after = set(), None
    while True:
        page = pages.points(space, after=after, limit=1)
        seen |= {p.id for p in page.points}
        after = page.next
        if after is None:
            break
    assert seen == mine
    qdrant.delete_collection(name)


def test_a_shared_collection_counts_only_the_tenants(
    pages: VectorPages, qdrant: QdrantClient
) -> None:
    fill(qdrant, SHARED, ["acme", "other", "acme", ...])
    facts = pages.facts(Space(SHARED, "acme"))
    assert facts is not None
    assert facts.points == 2


FAULTS: list[tuple[Fault, type[StoreError]]] = [
    (Slow(30), StoreUnavailable),
    (Dropped(0.0), StoreUnavailable),
    (Dropped(0.5), StoreUnavailable),
    (Refused(503), StoreUnavailable),
    (Refused(401), StoreDenied),
    (Garbage(), StoreMisconfigured),
]


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: repr(case[0]))
def test_each_fault_is_told_for_what_it_is(
    qdrant: QdrantClient, server: HttpServer, case: tuple[Fault, type[StoreError]]
) -> None:
    """In our words, for every question, and over when the fault is."""
    fault, error = case
    fill(qdrant, SHARED, ["acme"])
    seconds = 1 if isinstance(fault, Slow) else 60
    pages = Stores(settings_for(server, seconds=seconds)).vector_pages
    space = Space(SHARED, "acme")
    questions: list[Callable[[], object]] = [
        lambda: pages.facts(space),
        lambda: pages.points(space),
        lambda: pages.named(space, ["VCTR|a"]),
        lambda: pages.vector_of(space, 0, using=None),
        lambda: pages.nearest(space, [1, 1]),
    ]
    for ask in questions:
        server.fail(fault)
        with pytest.raises(error) as caught:
            ask()
        assert type(caught.value) is error
        assert str(caught.value).startswith("Qdrant ")
        assert KEY not in str(caught.value)
        server.heal()
        until_it_answers(ask)
