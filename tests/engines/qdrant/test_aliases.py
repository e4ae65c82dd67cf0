"""Erasing from Qdrant what stands behind aliases: the target's, and never what others reach too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from qdrant_client import QdrantClient, models

from services.embedded.qdrant import open_local
from services.errors import StoreUnavailable
from services.figures import Measure
from services.jobs.models import Progress
from services.purge.models import Item, LeftKind, LeftOut, Look, Reckoning, Surface, VectorNames
from services.stores.adapters import Stores
from services.stores.qdrant.erase import VectorErasing
from services.stores.qdrant.look import KEPT
from tests.engines.erasing import MINE, silent
from tests.engines.qdrant.qdrant_collections import (
    KEY,
    SHARED,
    add_alias,
    fill,
    load_capture,
    move_behind_alias,
    settings_for,
)
from tests.engines.qdrant.test_erasing import prints
from tests.servers import qdrant_http as faces
from tests.servers.faults import Answer, HttpServer, Request
from tests.servers.qdrant_http import qdrant_http, refusal

OWN, ANNS, CORPS = (
    f"vectors_{MINE}",
    "vectors_tenant_acme_user_ann_kato",
    "vectors_tenant_corp_kato",
)
TARGET = Surface(kb_ids=frozenset({MINE}), collections=frozenset({OWN, "kato_tenant_acme"}))


@pytest.fixture
def server(qdrant: QdrantClient) -> Iterator[HttpServer]:
    with qdrant_http(qdrant, api_key=KEY) as server:
        yield server


@pytest.fixture(params=["embedded", "http"])
def erasing(request: pytest.FixtureRequest, qdrant: QdrantClient) -> Iterator[VectorErasing]:
    """The adapter over each of the two ways to reach the engine."""
    if request.param == "embedded":
        yield VectorErasing(qdrant, shared_collections=frozenset({SHARED}))
        return
    with closing(Stores(settings_for(request.getfixturevalue("server")))) as stores:
        yield stores.vector_erasing


def aliases_of(client: QdrantClient) -> dict[str, str]:
    return {each.alias_name: each.collection_name for each in client.get_aliases().aliases}


def items(look: Look) -> list[tuple[str, str, int, str]]:
    return [(item.owner, item.kind, item.count, item.how) for item in look.items]


def test_the_names_are_all_that_there_are(erasing: VectorErasing, qdrant: QdrantClient) -> None:
    """With exact points, what tenants share (by an alias of the settings too), and the aliases."""
    fill(qdrant, "v2", ["a", "b"])
    fill(qdrant, OWN, ["a"])
    add_alias(qdrant, SHARED, "v2")
    add_alias(qdrant, ANNS, OWN)
    assert erasing.names() == VectorNames(
        {"v2": 2, OWN: 1}, frozenset({"v2"}), {SHARED: "v2", ANNS: OWN}
    )


@pytest.mark.parametrize(
    ("telemetry", "calls"), [(faces.since_1_14, 4), (faces.refused, 14), (faces.in_a_cluster, 14)]
)
def test_the_names_come_in_few_calls(
    qdrant: QdrantClient, telemetry: faces.Telemetry, calls: int
) -> None:
    """Where the server reports the points, besides one for a collection that may be shared."""
    fill(qdrant, "plain", ["a"])
    for number in range(9):
        fill(qdrant, f"vectors_{number}_kato", ["a"] * (number + 1))
    with qdrant_http(qdrant, api_key=KEY, telemetry=telemetry) as server:
        erasing = Stores(settings_for(server)).vector_erasing
        points = erasing.names().collections
        assert points == {"plain": 1} | {f"vectors_{n}_kato": n + 1 for n in range(9)}
        assert len(server.calls) == calls


def test_a_collection_is_shared_by_its_index_unless_an_alias_says_whose_it_is(
    qdrant: QdrantClient,
) -> None:
    fill(qdrant, "plain", ["a"])
    fill(qdrant, "moved", ["a"])
    add_alias(qdrant, OWN, "moved")
    with qdrant_http(qdrant, api_key=KEY, indexed={"plain", "moved"}) as server:
        erasing = Stores(settings_for(server)).vector_erasing
        assert erasing.names().shared == {"plain"}


@pytest.mark.parametrize("keep", [False, True])
def test_what_stands_behind_an_alias_goes_and_nothing_else(
    erasing: VectorErasing, qdrant: QdrantClient, keep: bool
) -> None:
    """Looked for under the name that KATO asks, and gone under that name; again is nothing."""
    load_capture(qdrant)
    move_behind_alias(qdrant, OWN, "moved")
    move_behind_alias(qdrant, "vectors_tenant_globex_user_hank_kato", "moved_too")
    before, named = prints(qdrant), aliases_of(qdrant)
    points, whole = len(before["moved"]), sum(map(len, before.values()))
    look = erasing.look(TARGET, keep=keep)
    how = KEPT if keep else "dropped with 0 snapshots and 1 aliases of it"
    assert items(look) == [(MINE, OWN, points, f"alias of moved; {how}")]
    assert look.everything == Reckoning(whole, whole)
    assert (look.blockers, look.left, prints(qdrant)) == ((), (), before)
    said: list[Progress] = []
    for _ in range(2):
        erasing.erase(TARGET, said.append, keep=keep)
        after = prints(qdrant)
        assert after.pop("moved", []) == []
        assert after == {name: found for name, found in before.items() if name != "moved"}
        assert erasing.look(TARGET, keep=keep).items == ()
        assert sum(map(len, after.values())) == whole - points
    assert aliases_of(qdrant) == {k: v for k, v in named.items() if keep or v != "moved"}
    assert ("moved" in prints(qdrant)) is keep
    assert said[0] == Progress(f"{'emptied' if keep else 'dropped'} {OWN}", 1, 1)


def test_a_collection_that_is_kept_is_dropped_later(
    erasing: VectorErasing, qdrant: QdrantClient
) -> None:
    """Empty, it is nothing while it is to stay, and still something to drop."""
    fill(qdrant, OWN, ["x", "y"])
    fill(qdrant, CORPS, ["x"])
    (item,) = erasing.look(TARGET, keep=True).items
    assert item.how == KEPT
    erasing.erase(TARGET, silent, keep=True)
    assert qdrant.count(OWN).count == 0
    assert erasing.look(TARGET, keep=True) == Look(everything=Reckoning(1, 1))
    assert items(erasing.look(TARGET)) == [(MINE, OWN, 0, "empty; dropped")]
    erasing.erase(TARGET, silent)
    assert erasing.look(TARGET) == Look(everything=Reckoning(1, 1))
    assert prints(qdrant).keys() == {CORPS}


def test_snapshots_of_a_kept_collection_go_too(qdrant: QdrantClient) -> None:
    """They hold what was in it, whether it is empty now or not."""
    fill(qdrant, "moved", ["x"])
    add_alias(qdrant, OWN, "moved")
    snapshots = {"moved": ["a.snapshot", "b.snapshot"]}
    with qdrant_http(qdrant, api_key=KEY, snapshots=snapshots) as server:
        erasing = Stores(settings_for(server)).vector_erasing
        (item,) = erasing.look(TARGET, keep=True).items
        assert item.how == f"alias of moved; {KEPT}; its 2 snapshots are deleted"
        erasing.erase(TARGET, silent, keep=True)
        assert snapshots == {"moved": []}
        assert erasing.look(TARGET, keep=True).items == ()
        snapshots["moved"].append("late.snapshot")
        (item,) = erasing.look(TARGET, keep=True).items
        assert (item.count, item.how) == (0, "alias of moved; empty; its 1 snapshots are deleted")


def test_it_is_counted_under_the_very_name_that_kato_asks(
    server: HttpServer, qdrant: QdrantClient
) -> None:
    """What the server answers there is what KATO would find, whatever lists say."""
    fill(qdrant, "moved", ["x"])
    add_alias(qdrant, OWN, "moved")
    erasing = Stores(settings_for(server)).vector_erasing
    erasing.look(TARGET)
    counted = [call.path for call in server.calls if call.path.endswith("/points/count")]
    moved = "/collections/moved/points/count"
    assert counted == [moved, f"/collections/{OWN}/points/count", moved]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(
    ("collection", "aliases"),
    [(OWN, [CORPS]), (CORPS, [OWN]), ("v2", [OWN, CORPS]), ("v2", [OWN, "kato_tenant_corp"])],
)
def test_what_others_reach_too_blocks_and_stays(
    erasing: VectorErasing, qdrant: QdrantClient, collection: str, aliases: list[str], keep: bool
) -> None:
    """Nothing tells whose the points are; passed over by name, they are left, with their count."""
    fill(qdrant, collection, ["x", "y"])
    fill(qdrant, ANNS, ["x"])
    for alias in aliases:
        add_alias(qdrant, alias, collection)
    before, named = prints(qdrant), aliases_of(qdrant)
    look = erasing.look(TARGET, keep=keep)
    (other,) = {collection, *aliases} - {OWN, "v2"}
    assert (look.items, look.everything) == ((), Reckoning(3, 3))
    (text,) = look.blockers
    assert text.startswith(f"2 points of the collection {OWN}")
    assert f"are reached by the names {other} too" in text
    for passed_over in (OWN, collection):
        surface = Surface(
            collections=TARGET.collections, passed_over=frozenset({passed_over}), kb_ids=frozenset()
        )
        look = erasing.look(surface, keep=keep)
        assert look.blockers == ()
        assert look.left == (
            LeftOut(MINE, text, kind=LeftKind.NOT_ERASABLE, place=collection,
                    counts={Measure.VECTORS: 2}),
        )  # fmt: skip
        erasing.erase(surface, silent, keep=keep)
    erasing.erase(TARGET, silent, keep=keep)
    assert (prints(qdrant), aliases_of(qdrant)) == (before, named)


def test_names_that_are_all_the_targets_are_one_collection(
    erasing: VectorErasing, qdrant: QdrantClient
) -> None:
    """It is counted once; an alias that is named after nobody protects nothing."""
    fill(qdrant, OWN, ["x", "y"])
    for alias in (ANNS, "latest"):
        add_alias(qdrant, alias, OWN)
    surface = Surface(collections=frozenset({OWN, ANNS}))
    assert items(erasing.look(surface)) == [
        (MINE, OWN, 2, "dropped with 0 snapshots and 2 aliases of it")
    ]
    erasing.erase(surface, silent)
    assert (prints(qdrant), aliases_of(qdrant)) == ({}, {})


def test_a_collection_that_is_made_between_the_two_listings_is_not_missed(
    qdrant: QdrantClient,
) -> None:
    """A migration under way: nothing of the target would be seen, and all pass for erased."""
    fill(qdrant, "old", ["x"])
    add_alias(qdrant, OWN, "old")
    with qdrant_http(qdrant, api_key=KEY) as server:
        serve = server.answer

        def answer(request: Request) -> Answer:
            if request.path == "/aliases" and aliases_of(qdrant) == {OWN: "old"}:
                fill(qdrant, "new", ["x"])
                add_alias(qdrant, OWN, "new")
            return serve(request)

        server.answer = answer
        erasing = Stores(settings_for(server)).vector_erasing
        assert [item.count for item in erasing.look(TARGET).items] == [1]


def test_an_alias_that_comes_before_the_deed_saves_the_collection(qdrant: QdrantClient) -> None:
    """Whose a collection is, is asked again right before it goes."""
    fill(qdrant, OWN, ["x"])
    before = prints(qdrant)
    with qdrant_http(qdrant, api_key=KEY) as server:
        serve, listed = server.answer, 0

        def answer(request: Request) -> Answer:
            nonlocal listed
            listed += request.path == "/aliases"
            if request.path == "/aliases" and listed == 2:
                add_alias(qdrant, CORPS, OWN)
            return serve(request)

        server.answer = answer
        erasing = Stores(settings_for(server)).vector_erasing
        said: list[Progress] = []
        erasing.erase(TARGET, said.append)
    assert prints(qdrant) == before
    assert said == [Progress(f"left {OWN}, which others reach too", 1, 1)]


def test_a_drop_that_fails_leaves_the_name_that_leads_to_the_points(qdrant: QdrantClient) -> None:
    """Were the alias deleted first, what is left would pass for erased."""
    fill(qdrant, "moved", ["x"])
    add_alias(qdrant, OWN, "moved")
    with qdrant_http(qdrant, api_key=KEY) as server:
        serve = server.answer

        def answer(request: Request) -> Answer:
            drops = request.method == "DELETE" and request.path == "/collections/moved"
            return refusal(500, "Service internal error") if drops else serve(request)

        server.answer = answer
        erasing = Stores(settings_for(server)).vector_erasing
        with pytest.raises(StoreUnavailable):
            erasing.erase(TARGET, silent)
        assert [item.count for item in erasing.look(TARGET).items] == [1]
        assert sum(call.method == "DELETE" for call in server.calls) == 1, "it is not sent again"
        server.answer = serve
        erasing.erase(TARGET, silent)
        assert erasing.look(TARGET) == Look(everything=Reckoning(0, 0))


def test_an_alias_that_outlives_its_collection_is_deleted(qdrant: QdrantClient) -> None:
    """Else KATO could make no collection of that name."""
    fill(qdrant, "moved", ["x"])
    add_alias(qdrant, OWN, "moved")
    with qdrant_http(qdrant, api_key=KEY) as server:
        serve = server.answer

        def answer(request: Request) -> Answer:
            if (request.method, request.path) != ("DELETE", "/collections/moved"):
                return serve(request)
            qdrant._client.collections.pop("moved")  # type: ignore[attr-defined]
            return Answer.json({"result": True})

        server.answer = answer
        erasing = Stores(settings_for(server)).vector_erasing
        erasing.erase(TARGET, silent)
    assert aliases_of(qdrant) == {}


@pytest.mark.parametrize("rounds", [1, 2])
def test_points_that_come_while_a_collection_is_emptied_go_too(
    qdrant: QdrantClient, rounds: int
) -> None:
    """A live KATO writes on: it is counted to 0, under the name that KATO asks."""
    fill(qdrant, "moved", ["x"])
    add_alias(qdrant, OWN, "moved")
    with qdrant_http(qdrant, api_key=KEY) as server:
        serve, left = server.answer, rounds

        def answer(request: Request) -> Answer:
            nonlocal left
            found = serve(request)
            if request.path.endswith("/points/delete") and left:
                left -= 1
                qdrant.upsert("moved", [models.PointStruct(id=9, vector=[0.5, 0.5], payload={})])
            return found

        server.answer = answer
        erasing = Stores(settings_for(server)).vector_erasing
        erasing.erase(TARGET, silent, keep=True)
        counts = [call.path for call in server.calls if call.path.endswith("/points/count")]
        assert counts == [f"/collections/{OWN}/points/count"] * (rounds + 1)
        writes = [call for call in server.calls if call.path.endswith("/points/delete")]
        assert {(call.query["wait"], call.query["ordering"]) for call in writes} == {
            ("true", "strong")
        }
    assert qdrant.count("moved").count == 0


def test_points_that_name_nobody_behind_a_shared_collection_block(
    erasing: VectorErasing, qdrant: QdrantClient
) -> None:
    """KATO writes no tenant_id: what it reached by the target's name cannot be told."""
    fill(qdrant, SHARED, ["acme", "corp", ..., None])
    add_alias(qdrant, OWN, SHARED)
    surface = Surface(
        tenant_ids=frozenset({"acme"}),
        collections=TARGET.collections,
        shared_collections=frozenset({SHARED}),
    )
    look = erasing.look(surface)
    assert look.items == (
        Item(Measure.VECTORS, "acme", SHARED, 1, how="points by payload", plain=True),
    )
    (text,) = look.blockers
    assert text.startswith(f"2 points of the collection {SHARED}, which tenants share by payload")
    assert OWN in text
    before = prints(qdrant)[SHARED]
    erasing.erase(surface, silent)
    assert prints(qdrant) == {SHARED: before[1:]}


def test_the_embedded_engine_keeps_what_was_emptied_empty(tmp_path: Path) -> None:
    """Behind an alias too, and in the files."""
    client = open_local(tmp_path / "q")
    load_capture(client)
    move_behind_alias(client, OWN, "moved")
    client.close()
    client = open_local(tmp_path / "q")  # from its files the engine's numbers are a little other
    before = prints(client)
    VectorErasing(client).erase(TARGET, silent, keep=True)
    client.close()
    client = open_local(tmp_path / "q")
    assert prints(client) == {**before, "moved": []}
    assert aliases_of(client) == {OWN: "moved"}
    client.close()


def test_a_key_that_may_not_write_is_known_before_anything_is_changed(
    qdrant: QdrantClient,
) -> None:
    """A read-only key looks without hindrance, and would fail half-way through a purge."""
    load_capture(qdrant)
    before = prints(qdrant)
    for read_only, words in ((False, 0), (True, 1)):
        with qdrant_http(qdrant, api_key=KEY, read_only=read_only) as server:
            erasing = Stores(settings_for(server)).vector_erasing
            assert erasing.look(TARGET).items
            lacks = erasing.rights()
        assert len(lacks) == words
        assert all("read-only" in text for text in lacks)
        assert prints(qdrant) == before
    assert VectorErasing(qdrant).rights() == ()


def test_a_key_that_may_not_even_list(qdrant: QdrantClient) -> None:
    with qdrant_http(qdrant, api_key="another") as server:
        erasing = Stores(settings_for(server)).vector_erasing
        assert erasing.rights() == ("this key may not list the collections and their aliases",)


def test_rights_that_could_not_be_asked_are_not_there_or_lacking(server: HttpServer) -> None:
    server.go_down()
    erasing = Stores(settings_for(server)).vector_erasing
    with pytest.raises(StoreUnavailable):
        erasing.rights()
