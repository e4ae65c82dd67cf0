"""Points that name their owner in another form than the guide's: found, erased, or told of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from qdrant_client import QdrantClient, models

from services.errors import StoreUnavailable
from services.figures import Measure
from services.purge.models import LeftKind, LeftOut, Look, Reckoning, Surface
from services.stores.adapters import Stores
from services.stores.qdrant import calls as vector_calls
from services.stores.qdrant.erase import VectorErasing
from services.stores.qdrant.payloads import Named
from tests.engines.erasing import MINE, silent
from tests.engines.qdrant.qdrant_collections import KEY, SHARED, add_alias, settings_for
from tests.engines.qdrant.test_erasing import prints
from tests.servers.faults import Answer, HttpServer, Request
from tests.servers.qdrant_http import qdrant_http, refusal

BOB = "tenant:7:user:bob"
KB = "tenant_7_user_bob_kato"
TARGET = Surface(
    kb_ids=frozenset({KB, MINE}),
    tenant_ids=frozenset({"7", "acme"}),
    nodes=frozenset({BOB}),
    collections=frozenset({f"vectors_{KB}"}),
    shared_collections=frozenset({SHARED}),
)
NODE_ONLY = Surface(
    kb_ids=TARGET.kb_ids, nodes=TARGET.nodes, shared_collections=TARGET.shared_collections
)

Payload = Mapping[str, Any]

MINE_ALONE: list[tuple[Payload, str, str]] = [
    ({"tenant_id": "7"}, "7", "tenant_id"),
    ({"tenant_id": 7}, "7", "tenant_id as a number"),
    ({"tenant_id": 7.0}, "7", "tenant_id as a number"),
    ({"tenant_id": ["7"]}, "7", "tenant_id in a list"),
    ({"tenant_id": ["acme", "7", None, ""]}, "7", "tenant_id in a list"),
    ({"tenant_id": [7, 7]}, "7", "tenant_id as a number"),
    ({"metadata": {"tenant_id": "acme"}}, "acme", "metadata.tenant_id"),
    ({"metadata": {"tenant_id": 7}}, "7", "metadata.tenant_id as a number"),
    ({"tenant_id": "acme", "metadata": {"tenant_id": "acme"}}, "acme", "metadata.tenant_id"),
    ({"tenant_id": "7", "kb_id": "another_kato", "node_id": "another"}, "7", "tenant_id"),
    ({"kb_id": KB}, KB, "kb_id"),
    ({"kb_id": [MINE, KB]}, KB, "kb_id in a list"),
    ({"metadata": {"kb_id": MINE}}, MINE, "metadata.kb_id"),
    ({"kb_id": KB, "node_id": "tenant:7:user:new"}, KB, "kb_id"),
    ({"node_id": BOB}, BOB, "node_id"),
    ({"metadata": {"node_id": BOB}}, BOB, "metadata.node_id"),
    ({"node_id": BOB, "kb_id": "tenant_7_user_bob_service"}, BOB, "node_id"),
]
MIXED: list[tuple[Payload, str]] = [
    ({"tenant_id": ["acme", "corp"]}, "acme"),
    ({"tenant_id": ["7", 8]}, "7"),
    ({"tenant_id": ["7", True]}, "7"),
    ({"tenant_id": "acme", "metadata": {"tenant_id": "corp"}}, "acme"),
    ({"tenant_id": "corp", "kb_id": KB}, KB),
    ({"tenant_id": "corp", "node_id": BOB}, BOB),
    ({"kb_id": [KB, "corp_kato"]}, KB),
    ({"node_id": [BOB, "tenant:corp:user:bob"]}, BOB),
    ({"node_id": BOB, "kb_id": "tenant_corp_user_bob_kato"}, BOB),
]
OTHERS: list[Payload] = [
    {},
    {"vctr_name": "VCTR|7", "metadata": "7"},
    {"tenant_id": "07"},
    {"tenant_id": "7 "},
    {"tenant_id": "Acme"},
    {"tenant_id": 70},
    {"tenant_id": 7.5},
    {"tenant_id": True},
    {"tenant_id": {"id": "7"}},
    {"tenant_id": None, "metadata": {"tenant_id": None}},
    {"metadata": {"metadata": {"tenant_id": "7"}}},
    {"kb_id": "tenant_7_user_bob"},
    {"node_id": "tenant:7:user:bobby"},
    {"tenant_id": "corp"},
]


def put(client: QdrantClient, name: str, *payloads: Payload) -> None:
    """Make a collection of points with these payloads."""
    params = models.VectorParams(size=2, distance=models.Distance.EUCLID)
    client.create_collection(name, vectors_config=params)
    points = [
        models.PointStruct(id=number, vector=[0.5, 0.5], payload=dict(payload))
        for number, payload in enumerate(payloads)
    ]
    client.upsert(name, points)


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


def counts(look: Look) -> dict[str, int]:
    return {item.owner: item.count for item in look.items}


@pytest.mark.parametrize(("payload", "owner", "form"), MINE_ALONE)
def test_every_form_of_the_owner_is_erased(
    erasing: VectorErasing, qdrant: QdrantClient, payload: Payload, owner: str, form: str
) -> None:
    """And every point of others stays as it is, byte for byte."""
    put(qdrant, SHARED, payload, *OTHERS)
    before, whole = prints(qdrant)[SHARED], 1 + len(OTHERS)
    look = erasing.look(TARGET)
    (item,) = look.items
    assert (item.owner, item.kind, item.count) == (owner, SHARED, 1)
    assert item.how == "points by payload" + (f": {form} 1" if form != "tenant_id" else "")
    assert (look.blockers, look.left, look.everything) == ((), (), Reckoning(whole, whole))
    for _ in range(2):
        erasing.erase(TARGET, silent)
        assert prints(qdrant) == {SHARED: before[1:]}
        assert erasing.look(TARGET) == Look(everything=Reckoning(whole - 1, whole - 1))


@pytest.mark.parametrize(("payload", "owner"), MIXED)
def test_a_point_that_names_others_too_blocks_and_stays(
    erasing: VectorErasing, qdrant: QdrantClient, payload: Payload, owner: str
) -> None:
    """Or is left where it was passed over, with its count."""
    put(qdrant, SHARED, payload, *OTHERS)
    before = prints(qdrant)
    look = erasing.look(TARGET)
    (text,) = look.blockers
    assert text.startswith(f"1 points of the collection {SHARED} name {owner} and others")
    assert look.items == ()
    over = Surface(
        kb_ids=TARGET.kb_ids, tenant_ids=TARGET.tenant_ids, nodes=TARGET.nodes,
        shared_collections=TARGET.shared_collections, passed_over=frozenset({SHARED}),
    )  # fmt: skip
    look = erasing.look(over)
    counts = {Measure.VECTORS: 1}
    assert look.left == (
        LeftOut(owner, text, kind=LeftKind.NOT_ERASABLE, place=SHARED, counts=counts),
    )
    assert (look.items, look.blockers) == ((), ())
    for surface in (TARGET, over):
        erasing.erase(surface, silent)
    assert prints(qdrant) == before


@pytest.mark.parametrize(
    ("tenant_id", "erased"), [("7", True), (7, True), ("corp", False), ("bo", False), ("", True)]
)
@pytest.mark.parametrize("field", [{"node_id": BOB}, {"kb_id": KB}])
def test_of_one_node_the_tenant_that_its_names_have_within_is_no_other(
    qdrant: QdrantClient, tenant_id: object, erased: bool, field: Payload
) -> None:
    """Who purges one node names no tenant."""
    put(qdrant, SHARED, {"tenant_id": tenant_id, **field}, {"tenant_id": tenant_id})
    erasing = VectorErasing(qdrant)
    look = erasing.look(NODE_ONLY)
    assert (len(look.items), len(look.blockers)) == ((1, 0) if erased else (0, 1))
    erasing.erase(NODE_ONLY, silent)
    assert qdrant.count(SHARED).count == (1 if erased else 2)


def test_all_forms_at_once_over_several_pages(
    erasing: VectorErasing, qdrant: QdrantClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted by owner, erased in as many calls as there are pages, and never counted twice."""
    monkeypatch.setattr(vector_calls, "PAGE", 5)
    payloads = [payload for payload, *_ in (*MINE_ALONE, *MIXED)] + OTHERS
    put(qdrant, SHARED, *payloads)
    before = prints(qdrant)[SHARED]
    look = erasing.look(TARGET)
    assert sum(counts(look).values()) == len(MINE_ALONE)
    assert look.everything == Reckoning(len(payloads), len(payloads))
    assert sum(int(text.split()[0]) for text in look.blockers) == len(MIXED)
    erasing.erase(TARGET, silent)
    assert prints(qdrant)[SHARED] == before[len(MINE_ALONE) :]


def test_a_shared_collection_is_looked_at_by_the_name_that_is_asked(
    erasing: VectorErasing, qdrant: QdrantClient
) -> None:
    put(qdrant, "v2", {"tenant_id": "7"}, {"tenant_id": "corp"})
    add_alias(qdrant, SHARED, "v2")
    (item,) = erasing.look(TARGET).items
    assert (item.kind, item.how) == (SHARED, "alias of v2; points by payload")
    erasing.erase(TARGET, silent)
    assert qdrant.count(SHARED).count == 1


def test_a_collection_of_nobody_whose_points_name_the_target_is_told_of(
    erasing: VectorErasing, qdrant: QdrantClient
) -> None:
    """Nothing says that tenants share it, so nothing of it is erased, and nothing is silent."""
    put(qdrant, "embeddings", {"tenant_id": 7}, {"tenant_id": "7"}, {"tenant_id": "corp"})
    put(qdrant, "vectors_corp_kato", {"tenant_id": "7"})
    put(qdrant, "kato_tenant_corp", {"tenant_id": "7"})
    before = prints(qdrant)
    look = erasing.look(TARGET)
    why = (
        "2 points of the collection embeddings name 7 in their payload: tenant_id 1, "
        "tenant_id as a number 1; it is not known to be shared by payload"
    )
    assert look.disclosed == (why,)
    assert look.left == (
        LeftOut("7", why, kind=LeftKind.NOT_ERASABLE, place="embeddings",
                counts={Measure.VECTORS: 2}),
    )  # fmt: skip
    assert (look.items, look.blockers, look.everything) == ((), (), Reckoning(5, 5))
    erasing.erase(TARGET, silent)
    assert prints(qdrant) == before


def test_a_collection_that_cannot_be_looked_through_is_told_of(qdrant: QdrantClient) -> None:
    """A server in strict mode refuses a filter on a field without an index."""
    put(qdrant, "embeddings", {"tenant_id": "7"})
    with qdrant_http(qdrant, api_key=KEY) as server:
        serve = server.answer

        def answer(request: Request) -> Answer:
            strict = request.path.endswith("/count") and "filter" in request.json()
            words = 'Bad request: Index required but not found for "tenant_id"'
            return refusal(400, words) if strict else serve(request)

        server.answer = answer
        erasing = Stores(settings_for(server)).vector_erasing
        (text,) = erasing.look(TARGET).disclosed
    assert text.startswith("the collection embeddings does not let its payloads be looked through")


def test_copies_that_a_purge_cannot_divide_are_told_of(qdrant: QdrantClient) -> None:
    """Where something of the target is in them."""
    put(qdrant, SHARED, {"tenant_id": "7"}, {"tenant_id": "corp"})
    snapshots, full = {SHARED: ["a.snapshot"]}, {"full.snapshot": None}
    with qdrant_http(qdrant, api_key=KEY, snapshots=snapshots, full_snapshots=full) as server:
        erasing = Stores(settings_for(server)).vector_erasing
        one, two = erasing.look(TARGET).disclosed
        assert one.startswith(f"1 snapshots of the collection {SHARED}")
        assert two.startswith("1 snapshots of Qdrant's whole storage")
        erasing.erase(TARGET, silent)
        assert snapshots == {SHARED: ["a.snapshot"]}
        assert erasing.look(TARGET).disclosed == ()


def test_a_point_that_is_given_away_before_the_deed_is_spared(qdrant: QdrantClient) -> None:
    """The deed asks again whom it names, in the same call."""
    put(qdrant, SHARED, {"tenant_id": "7"}, {"tenant_id": "7"}, {"tenant_id": "7"})
    with qdrant_http(qdrant, api_key=KEY) as server:
        serve = server.answer

        def answer(request: Request) -> Answer:
            if request.path.endswith("/points/delete"):
                qdrant.set_payload(SHARED, {"tenant_id": "corp"}, points=[1])
                qdrant.set_payload(SHARED, {"tenant_id": ["7", "corp"]}, points=[2])
            return serve(request)

        server.answer = answer
        erasing = Stores(settings_for(server)).vector_erasing
        erasing.erase(TARGET, silent)
    assert [record.id for record in qdrant.scroll(SHARED)[0]] == [1, 2]


def test_a_filter_that_finds_too_much_erases_nobody_elses(
    qdrant: QdrantClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an index of type uuid does, to which two spellings are one."""
    put(qdrant, SHARED, *(payload for payload, *_ in MINE_ALONE), *OTHERS)
    before = prints(qdrant)[SHARED]
    monkeypatch.setattr(Named, "filter", models.Filter())
    monkeypatch.setattr(Named, "others", models.Filter(must=[models.HasIdCondition(has_id=[])]))
    erasing = VectorErasing(qdrant)
    look = erasing.look(TARGET)
    assert sum(counts(look).values()) == len(MINE_ALONE)
    assert look.everything == Reckoning(len(before), len(before))
    erasing.erase(TARGET, silent)
    assert prints(qdrant)[SHARED] == before[len(MINE_ALONE) :]


def test_the_calls_are_as_many_as_the_collections_whoever_is_looked_for(
    server: HttpServer, qdrant: QdrantClient
) -> None:
    """A thousand tenants cost as much as one."""
    put(qdrant, SHARED, {"tenant_id": "1"}, {"tenant_id": "corp"})
    for number in range(9):
        put(qdrant, f"vectors_{number}_kato", {})
    costs = []
    for tenants in (1, 1000):
        ids = frozenset(str(number) for number in range(1, tenants + 1))
        names = frozenset(f"vectors_{number}_absent_kato" for number in range(tenants))
        surface = Surface(tenant_ids=ids, collections=names, shared_collections=frozenset({SHARED}))
        erasing = Stores(settings_for(server)).vector_erasing
        server.calls.clear()
        assert counts(erasing.look(surface)) == {"1": 1}
        costs.append(len(server.calls))
    assert costs[0] == costs[1] <= 3 * 10


@pytest.mark.parametrize("path", ["/points/count", "/points/delete"])
def test_what_is_counted_or_erased_is_asked_once(
    server: HttpServer, qdrant: QdrantClient, path: str
) -> None:
    """A lost answer is told, and nothing is sent again behind our back."""
    put(qdrant, SHARED, {"tenant_id": "7"})
    serve, sent = server.answer, list[str]()

    def answer(request: Request) -> Answer:
        if not request.path.endswith(path):
            return serve(request)
        sent.append(path)
        return refusal(503, "Service unavailable")

    server.answer = answer
    erasing = Stores(settings_for(server)).vector_erasing
    with pytest.raises(StoreUnavailable):
        erasing.look(TARGET) if path.endswith("count") else erasing.erase(TARGET, silent)
    assert sent == [path]


# --- what a filter finds and what is read of it -----------------------------------------------

texts = st.sampled_from(["7", "acme", "corp", "07", "", KB, MINE, BOB, "tenant:corp:user:bob"])
values = st.one_of(
    texts, st.integers(6, 8), st.sampled_from([7.0, 7.5]), st.booleans(), st.none(),
    st.lists(texts | st.integers(6, 8) | st.none(), max_size=3), st.just({"id": "7"}),
)  # fmt: skip
fields = st.dictionaries(st.sampled_from(["tenant_id", "kb_id", "node_id", "x"]), values)
payloads = st.builds(
    lambda own, inner: {**own, **({} if inner is None else {"metadata": inner})},
    fields,
    st.none() | fields | st.just("text"),
)


@given(st.lists(payloads, max_size=12), st.sampled_from([TARGET, NODE_ONLY]))
@settings(max_examples=60, deadline=None)
def test_nothing_is_named_that_the_filter_does_not_find(
    found: list[Payload], surface: Surface
) -> None:
    """And each point is erased, blocking, or another's: all of them are somewhere."""
    client = QdrantClient(":memory:")
    put(client, SHARED, *found) if found else None
    named, erasing = Named(surface), VectorErasing(client)
    read = [named.read(payload) for payload in found]
    look, before = erasing.look(surface), prints(client)
    alone = sum(naming is not None and naming.alone for naming in read)
    mixed = sum(naming is not None and not naming.alone for naming in read)
    assert sum(counts(look).values()) == alone
    assert sum(int(text.split()[0]) for text in look.blockers) == mixed
    assert look.everything == Reckoning(len(found), len(found))
    erasing.erase(surface, silent)
    kept = [text for text, naming in zip(before.get(SHARED, []), read, strict=True)
            if naming is None or not naming.alone]  # fmt: skip
    assert prints(client).get(SHARED, []) == kept
    client.close()
