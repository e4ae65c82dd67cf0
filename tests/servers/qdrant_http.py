"""Qdrant's REST interface over a local client's data, on a real socket.

It answers what this product asks, in the shapes of several versions of the server; `indexed`
names the collections with a keyword index on `tenant_id`, without which a facet is refused, and
`separated` those of them whose index separates tenants (since Qdrant 1.11).

```
with qdrant_http(client, indexed={"kato_vectors"}, telemetry=before_1_14) as server:
    QdrantClient(url=server.url, check_compatibility=False)
```
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from qdrant_client import QdrantClient, models

from tests.servers.faults import Answer, HttpServer, Request

Telemetry = Callable[["QdrantFace"], Answer]
VECTOR_BYTES, PAYLOAD_BYTES = 100, 10


def qdrant_http(
    client: QdrantClient,
    *,
    api_key: str | None = None,
    indexed: Collection[str] = (),
    separated: Collection[str] = (),
    telemetry: Telemetry | None = None,
    full_snapshots: Mapping[str, str | None] | None = None,
    snapshots: dict[str, list[str]] | None = None,
    read_only: bool = False,
) -> HttpServer:
    """Serve the data of a local client.

    `full_snapshots` are those of the whole storage, with when they were made as Qdrant writes it;
    `snapshots` are those of each collection, and change. `read_only` is the right of the key.
    """
    face = QdrantFace(
        client,
        api_key,
        frozenset(indexed),
        telemetry or since_1_14,
        {} if snapshots is None else snapshots,
        separated=frozenset(separated),
        full_snapshots=full_snapshots or {},
        read_only=read_only,
    )
    return HttpServer(face.answer)


@dataclass(frozen=True)
class QdrantFace:
    """What the server is: its data, key, indexes and way to tell its telemetry."""

    client: QdrantClient
    api_key: str | None
    indexed: frozenset[str]
    telemetry: Telemetry
    snapshots: dict[str, list[str]] = field(default_factory=dict)
    separated: frozenset[str] = frozenset()
    full_snapshots: Mapping[str, str | None] = field(default_factory=dict)
    read_only: bool = False

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        if request.path == "/":
            return Answer.json({"title": "qdrant - vector search engine", "version": "1.15.1"})
        if self.api_key is not None and request.headers.get("api-key") != self.api_key:
            return Answer(401, b"Must provide an API key or an Authorization bearer token")
        if self.read_only and _writes(request):
            return refusal(403, "Forbidden: Global manage access is required")
        whole = _WHOLE.get((request.method, request.path))
        return self._of_collection(request) if whole is None else whole(self, request)

    def _of_collection(self, request: Request) -> Answer:
        _, _, quoted, *rest = request.path.split("/")
        name = unquote(quoted)
        if rest == ["exists"]:
            return _result({"exists": name in self.names()})
        if (request.method, rest) == ("PUT", []):
            return _create(self, name, request)
        if (request.method, rest) == ("DELETE", []) and name not in self.names():
            return _result(False)
        if name not in (*self.names(), *self.aliases()):
            return refusal(404, f"Not found: Collection `{name}` doesn't exist!")
        if rest[:1] == ["snapshots"]:
            return _snapshots(self, name, request, *rest[1:])
        return _ROUTES[request.method, "/".join(rest)](self, name, request)

    def names(self) -> list[str]:
        """Name the collections."""
        return [each.name for each in self.client.get_collections().collections]

    def aliases(self) -> dict[str, str]:
        """Name the collection of each alias."""
        return {a.alias_name: a.collection_name for a in self.client.get_aliases().aliases}

    def payloads(self, name: str) -> list[Mapping[str, Any]]:
        """Return every point's payload."""
        records, _ = self.client.scroll(name, limit=1_000_000, with_vectors=False)
        return [record.payload or {} for record in records]

    def info(self, name: str) -> dict[str, Any]:
        """Describe a collection, with its index."""
        info = self.client.get_collection(name).model_dump(mode="json")
        if name in self.indexed:
            points = sum(bool(_texts(payload)) for payload in self.payloads(name))
            index: dict[str, Any] = {"data_type": "keyword", "points": points}
            if name in self.separated:
                index["params"] = {"type": "keyword", "is_tenant": True}
            info["payload_schema"] = {"tenant_id": index}
        return info

    def entry(self, name: str, *shards: Mapping[str, Any]) -> dict[str, Any]:
        """Describe a collection as the telemetry does."""
        config = self.client.get_collection(name).model_dump(mode="json")["config"]
        return {"id": name, "init_time_ms": 1, "config": config, "shards": list(shards)}


def _result(value: object) -> Answer:
    return Answer.json({"result": value, "status": "ok", "time": 0.001})


def refusal(status: int, error: str) -> Answer:
    """Refuse as Qdrant words it."""
    return Answer.json({"status": {"error": error}, "time": 0.001}, status)


def _texts(payload: Mapping[str, Any]) -> set[str]:
    value = payload.get("tenant_id")
    values = value if isinstance(value, list) else [value]
    return {each for each in values if isinstance(each, str)}


def _writes(request: Request) -> bool:
    """Whether a request changes anything: of those that are posted, Qdrant's questions do not."""
    reads = ("/count", "/scroll", "/query", "/facet", "/points")
    asks = request.method == "POST" and request.path.endswith(reads)
    return request.method != "GET" and not asks


def _listing(face: QdrantFace, _: Request) -> Answer:
    return _result({"collections": [{"name": name} for name in face.names()]})


def _all_aliases(face: QdrantFace, _: Request) -> Answer:
    return _result(face.client.get_aliases().model_dump(mode="json"))


def _change_aliases(face: QdrantFace, request: Request) -> Answer:
    changes = [models.DeleteAliasOperation(**each) for each in request.json()["actions"]]
    return _result(face.client.update_collection_aliases(changes))


def _all_snapshots(face: QdrantFace, _: Request) -> Answer:
    return _result([_snapshot(*each) for each in face.full_snapshots.items()])


_WHOLE: dict[tuple[str, str], Callable[[QdrantFace, Request], Answer]] = {
    ("GET", "/telemetry"): lambda face, _: face.telemetry(face),
    ("GET", "/cluster"): lambda _, __: _result({"status": "disabled"}),
    ("GET", "/collections"): _listing,
    ("GET", "/aliases"): _all_aliases,
    ("POST", "/collections/aliases"): _change_aliases,
    ("GET", "/snapshots"): _all_snapshots,
}


def _info(face: QdrantFace, name: str, _: Request) -> Answer:
    return _result(face.info(name))


def _facet(face: QdrantFace, name: str, request: Request) -> Answer:
    asked = request.json()
    if name not in face.indexed:
        return refusal(400, f"Bad request: No appropriate index for faceting: `{asked['key']}`.")
    counts = Counter(text for payload in face.payloads(name) for text in _texts(payload))
    most = counts.most_common(asked["limit"])
    return _result({"hits": [{"value": value, "count": count} for value, count in most]})


def _scroll(face: QdrantFace, name: str, request: Request) -> Answer:
    asked = request.json()
    records, following = face.client.scroll(
        name,
        scroll_filter=_filter(asked),
        limit=asked["limit"],
        offset=asked.get("offset"),
        with_payload=asked["with_payload"],
        with_vectors=asked.get("with_vector", False),
    )
    points = [record.model_dump(mode="json", exclude_none=True) for record in records]
    return _result({"points": points, "next_page_offset": following})


def _query(face: QdrantFace, name: str, request: Request) -> Answer:
    asked = request.json()
    found = face.client.query_points(
        name, query=asked["query"]["nearest"], query_filter=_filter(asked), limit=asked["limit"]
    )
    points = [{**point.model_dump(mode="json"), "version": 0} for point in found.points]
    return _result({"points": points})


def _filter(asked: Mapping[str, Any]) -> models.Filter | None:
    return models.Filter(**asked["filter"]) if asked.get("filter") else None


def _count(face: QdrantFace, name: str, request: Request) -> Answer:
    asked = request.json()
    return _result({"count": face.client.count(name, count_filter=_filter(asked)).count})


def _create(face: QdrantFace, name: str, request: Request) -> Answer:
    params = models.VectorParams(**request.json()["vectors"])
    return _result(face.client.create_collection(name, vectors_config=params))


def _upsert(face: QdrantFace, name: str, request: Request) -> Answer:
    points = [models.PointStruct(**point) for point in request.json()["points"]]
    face.client.upsert(name, points=points)
    return _result({"operation_id": 1, "status": "completed"})


def _retrieve(face: QdrantFace, name: str, request: Request) -> Answer:
    asked = request.json()
    found = face.client.retrieve(
        name, asked["ids"], with_payload=asked["with_payload"], with_vectors=asked["with_vector"]
    )
    return _result([record.model_dump(mode="json", exclude_none=True) for record in found])


def _drop(face: QdrantFace, name: str, _: Request) -> Answer:
    return _result(face.client.delete_collection(name))


def _delete_points(face: QdrantFace, name: str, request: Request) -> Answer:
    selector = models.FilterSelector(filter=models.Filter(**request.json()["filter"]))
    face.client.delete(name, points_selector=selector)
    return _result({"operation_id": 1, "status": "completed"})


def _snapshots(face: QdrantFace, name: str, request: Request, *which: str) -> Answer:
    """List a collection's snapshots, which local mode has not, or delete one."""
    there = face.snapshots.setdefault(name, [])
    if which and request.method == "DELETE":
        there.remove(unquote(which[0]))
        return _result(True)
    return _result([{"name": each, "size": 1} for each in there])


def _snapshot(name: str, made: str | None) -> dict[str, Any]:
    """Describe a snapshot as Qdrant 1.9 and later do; before 1.8 there is no checksum."""
    return {"name": name, "creation_time": made, "size": 1, "checksum": "0" * 64}


_ROUTES: dict[tuple[str, str], Callable[[QdrantFace, str, Request], Answer]] = {
    ("GET", ""): _info,
    ("DELETE", ""): _drop,
    ("PUT", "points"): _upsert,
    ("POST", "points"): _retrieve,
    ("POST", "facet"): _facet,
    ("POST", "points/scroll"): _scroll,
    ("POST", "points/query"): _query,
    ("POST", "points/count"): _count,
    ("POST", "points/delete"): _delete_points,
}


# --- telemetry, as several versions and settings of Qdrant tell it --------------------------


def _telling(face: QdrantFace, entries: list[dict[str, Any]], *, more: int = 0) -> Answer:
    collections = {"number_of_collections": len(entries) + more, "collections": entries}
    which, alone = str(id(face.client)), {"enabled": False}
    return _result({"id": which, "collections": collections, "cluster": alone})


def _figures(points: int) -> dict[str, Any]:
    return {
        "num_points": points,
        "num_vectors": points,
        "vectors_size_bytes": points * VECTOR_BYTES,
        "payloads_size_bytes": points * PAYLOAD_BYTES,
    }


def _shard(local: Mapping[str, Any] | None, *remote_peers: int) -> dict[str, Any]:
    remote = [{"shard_id": 0, "peer_id": peer} for peer in remote_peers]
    return {"id": 0, "key": None, "local": local, "remote": remote, "replicate_states": {}}


def since_1_14(face: QdrantFace) -> Answer:
    """Tell sums of each shard; segments only at a higher level of detail."""
    entries = []
    for name in face.names():
        points = face.client.count(name).count
        local = {"status": "green", **_figures(points), "optimizations": {"status": "ok"}}
        entries.append(face.entry(name, _shard(local)))
    return _telling(face, entries)


def before_1_14(face: QdrantFace) -> Answer:
    """Tell every segment, with its indexes, and no sums."""
    entries = []
    for name in face.names():
        points = face.client.count(name).count
        halves = (points // 2, points - points // 2)
        schema = face.info(name)["payload_schema"]
        segments = [
            {"info": {**_figures(half), "num_indexed_vectors": half, "index_schema": schema}}
            for half in halves
        ]
        local = {"variant_name": "local", "status": "yellow", "segments": segments}
        entries.append(face.entry(name, _shard(local)))
    return _telling(face, entries)


def in_a_cluster(face: QdrantFace) -> Answer:
    """Tell of a server that has one replica of the first collection, and of the others none."""
    entries = []
    for number, name in enumerate(face.names()):
        local = {"status": "green", **_figures(1)} if number == 0 else None
        entries.append(face.entry(name, _shard(local, 7)))
    return _telling(face, entries)


def anonymised(face: QdrantFace) -> Answer:
    """Tell hashes in place of names."""
    return _telling(
        face, [{**face.entry(name), "id": str(abs(hash(name)))} for name in face.names()]
    )


def without_details(face: QdrantFace) -> Answer:
    """Tell sums without names."""
    entry = {"vectors": 3, "optimizers_status": "ok", "params": {}}
    return _telling(face, [entry for _ in face.names()])


def cut(face: QdrantFace) -> Answer:
    """Tell of fewer collections than there are."""
    return _telling(face, [], more=len(face.names()))


def refused(_: QdrantFace) -> Answer:
    """Refuse."""
    return refusal(403, "Forbidden: Global access is required")


def absent(_: QdrantFace) -> Answer:
    """Know nothing of telemetry."""
    return Answer(404)
