"""A Qdrant on several peers: REST faces on real sockets over replicas that differ if they must.

Each peer is an `HttpServer` of its own with its own replicas, each of them a collection of local
mode, so that a peer can be down, slow or cut off. It answers as documented, and where the documents
say nothing as Qdrant's source has it (`replica_set/execute_read_operation.rs`, `resolve.rs`,
`replica_set/update.rs`, `shard_holder`):

- a read asks the peer's own replica where that is Active, else another Active one; with
  consistency `all` every replica has to be Active and to answer, and what not all have is left out
  (a count is the least of them);
- without a shard key a read asks every shard, of shards by key only those with an Active replica,
  and a count is the sum; a scroll hands out each id once;
- a write goes to every replica that is not Dead; one that cannot be reached is Dead from then on.
  Strong ordering takes the replica with the highest peer id, Dead or not. Of shards by key one that
  has no Active replica takes no write, and a write without a key is refused (`keyless` lets it go
  to all, as other versions do).

```
with QdrantCluster(3) as cluster:
    cluster.make("c", shards=2, replicas=2)
    client = QdrantClient(url=cluster.urls[0], check_compatibility=False)
    cluster.down(2); cluster.up(2); cluster.recover(2)
```
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import unquote
from zlib import crc32

from qdrant_client import QdrantClient, models

from tests.servers.faults import Answer, HttpServer, Request
from tests.servers.qdrant_http import refusal

ACTIVE, DEAD = "Active", "Dead"
VECTOR_BYTES, PAYLOAD_BYTES = 100, 10
Key = int | str | None


class Down(Exception):
    """What a peer says of another that it cannot reach, or of a shard that nobody answers for."""


@dataclass
class Made:
    """A collection: its shards by id with their keys, and the state of each replica."""

    name: str
    config: dict[str, Any]
    keys: dict[int, Key] = field(default_factory=dict)
    states: dict[tuple[int, int], str] = field(default_factory=dict)
    transfers: list[dict[str, Any]] = field(default_factory=list)
    resharding: list[dict[str, Any]] = field(default_factory=list)
    indexed: bool = False

    @property
    def custom(self) -> bool:
        return self.config["params"]["sharding_method"] == "custom"

    def replicas(self, shard: int) -> dict[int, str]:
        """The state of each replica of a shard, by its peer's number."""
        return {peer: state for (of, peer), state in self.states.items() if of == shard}


class QdrantCluster:
    """Peers numbered from 0; the highest has the highest id."""

    def __init__(
        self, peers: int = 3, *, version: str = "1.17.0", keyless: bool = False,
        api_key: str | None = None,
    ) -> None:  # fmt: skip
        self.stores = [QdrantClient(":memory:") for _ in range(peers)]
        self.ids = [4_611_686_018_427_387_904 + number for number in range(peers)]
        self.servers = [HttpServer(self._of(number)) for number in range(peers)]
        self.made: dict[str, Made] = {}
        self.aliases: dict[str, str] = {}
        self.snapshots: list[dict[str, list[str]]] = [{} for _ in range(peers)]
        self.full_snapshots: list[list[str]] = [[] for _ in range(peers)]
        self.gone: set[int] = set()
        self.version, self.keyless, self.api_key = version, keyless, api_key
        self.telemetry = True
        self.before: Callable[[int, Request], None] = lambda _peer, _request: None
        self.deleted: list[tuple[str, Any]] = []

    @property
    def urls(self) -> list[str]:
        """Where each peer's REST interface is."""
        return [server.url for server in self.servers]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as stack:
            for server in self.servers:
                stack.callback(server.go_down)
            for store in self.stores:
                stack.callback(store.close)

    # --- what happens to it -----------------------------------------------------------------

    def down(self, peer: int) -> None:
        """Let nothing reach a peer, neither clients nor the others."""
        self.gone.add(peer)
        self.servers[peer].go_down()

    def up(self, peer: int) -> None:
        """Let it be reached again. Its Dead replicas stay so."""
        self.gone.discard(peer)
        self.servers[peer].come_back()

    def recover(self, peer: int) -> None:
        """Let its Dead replicas take all from an Active one, as a transfer does."""
        for made in self.made.values():
            for shard in made.keys:
                if made.states.get((shard, peer)) == DEAD:
                    source = next(p for p, s in made.replicas(shard).items() if s == ACTIVE)
                    self._replica(made, shard, peer, anew=True)
                    self._copy(made, (shard, source), (shard, peer))
                    made.states[shard, peer] = ACTIVE

    def make(
        self, name: str, *, shards: int = 1, replicas: int = 1, keys: Iterable[Key] | None = None,
        indexed: bool = False,
    ) -> Made:  # fmt: skip
        """Make a collection of vectors with two numbers; with `keys`, one shard for each."""
        params = {
            "vectors": {"size": 2, "distance": "Euclid"}, "shard_number": shards,
            "replication_factor": replicas, "write_consistency_factor": 1,
            "sharding_method": None if keys is None else "custom",
        }  # fmt: skip
        made = self.made[name] = Made(name, {"params": params}, indexed=indexed)
        for key in [None] * shards if keys is None else keys:
            self.add_shard(name, key)
        return made

    def add_shard(self, name: str, key: Key, *, state: str = ACTIVE) -> int:
        """Make one more shard, on the next peers in turn."""
        made = self.made[name]
        shard = max(made.keys, default=-1) + 1
        made.keys[shard] = key
        for copy in range(made.config["params"]["replication_factor"]):
            peer = (shard + copy) % len(self.ids)
            made.states[shard, peer] = state
            self._replica(made, shard, peer)
        return shard

    def fill(
        self, name: str, tenants: Iterable[object], *, first: int = 0, key: Key = None
    ) -> None:
        """Write one point for each tenant_id, into the shard of a key or by its id."""
        points = [
            models.PointStruct(id=first + n, vector=[0.5, 0.5], payload={"tenant_id": tenant})
            for n, tenant in enumerate(tenants)
        ]
        self.write(self.made[name], points, key)

    def begin_promotion(
        self, name: str, source: Key, target: Key, tenant: str, *, part: int
    ) -> int:
        """Make a shard for a tenant, Partial, with the first of its points; more are to come."""
        made = self.made[name]
        shard = self.add_shard(name, target, state="Partial")
        of = next(n for n, key in made.keys.items() if key == source)
        mine = [p for p in self.points(name, of) if (p.payload or {}).get("tenant_id") == tenant]
        for peer in made.replicas(shard):
            self._put(made, shard, peer, mine[:part])
        made.transfers.append({
            "shard_id": of, "to_shard_id": shard, "from": self.ids[min(made.replicas(of))],
            "to": self.ids[min(made.replicas(shard))], "sync": True, "method": "stream_records",
        })  # fmt: skip
        return shard

    def end_promotion(self, name: str, source: Key, shard: int, tenant: str) -> None:
        """Copy what is left; the fallback shard keeps its points until somebody deletes them."""
        made = self.made[name]
        of = next(n for n, key in made.keys.items() if key == source)
        mine = [p for p in self.points(name, of) if (p.payload or {}).get("tenant_id") == tenant]
        for peer in made.replicas(shard):
            self._put(made, shard, peer, mine)
            made.states[shard, peer] = ACTIVE
        made.transfers.clear()

    def points(self, name: str, shard: int, peer: int | None = None) -> list[models.Record]:
        """Return what a replica has; of an Active one where none is named."""
        made = self.made[name]
        if peer is None:
            peer = next(p for p, state in made.replicas(shard).items() if state == ACTIVE)
        return self._points(made, shard, peer)

    def everything(self, name: str) -> dict[tuple[int, int], list[Any]]:
        """Return the ids on every replica, by shard and peer."""
        made = self.made[name]
        return {(s, p): [r.id for r in self._points(made, s, p)] for s, p in made.states}

    # --- replicas ---------------------------------------------------------------------------

    def _replica(self, made: Made, shard: int, peer: int, *, anew: bool = False) -> None:
        store, name = self.stores[peer], f"{made.name}~{shard}"
        if anew or not store.collection_exists(name):
            store.delete_collection(name)
            params = models.VectorParams(size=2, distance=models.Distance.EUCLID)
            store.create_collection(name, vectors_config=params)

    def _points(self, made: Made, shard: int, peer: int, **only: Any) -> list[models.Record]:
        found, _ = self.stores[peer].scroll(
            f"{made.name}~{shard}", limit=1_000_000, with_vectors=True, **only
        )
        return list(found)

    def _put(
        self, made: Made, shard: int, peer: int, points: Iterable[Any]
    ) -> None:  # fmt: skip
        structs = [
            models.PointStruct(id=p.id, vector=p.vector or [0.5, 0.5], payload=p.payload)
            for p in points
        ]
        if structs:
            self.stores[peer].upsert(f"{made.name}~{shard}", structs)

    def _copy(self, made: Made, source: tuple[int, int], target: tuple[int, int]) -> None:
        self._put(made, *target, self._points(made, *source))

    # --- reading and writing as a cluster does ----------------------------------------------

    def shards(self, made: Made, keys: Any) -> list[int]:
        """Return the shards that a read asks."""
        if keys is None:
            every = list(made.keys)
            if not made.custom:
                return every
            return [s for s in every if ACTIVE in made.replicas(s).values()]
        wanted = keys if isinstance(keys, list) else [keys]
        if unknown := [key for key in wanted if key not in made.keys.values()]:
            raise LookupError(f"Shard key {unknown[0]} not found")
        return [shard for shard, key in made.keys.items() if key in wanted]

    def read(
        self, asked: int, made: Made, shard: int, consistency: str | None, only: Any
    ) -> list[models.Record]:
        """Read one shard, as the peer that is asked does."""
        states = made.replicas(shard)
        if consistency == "all":
            if set(states.values()) != {ACTIVE} or self.gone & states.keys():
                raise Down(f"The replica set for shard {shard} does not have enough replicas")
            looks = [
                {r.id: r for r in self._points(made, shard, p, scroll_filter=only)} for p in states
            ]
            return [r for i, r in looks[0].items() if all(i in look for look in looks)]
        active = [p for p, state in states.items() if state == ACTIVE and p not in self.gone]
        if not active:
            raise Down(f"The replica set for shard {shard} has no active replica")
        peer = asked if asked in active else active[0]
        return self._points(made, shard, peer, scroll_filter=only)

    def write(self, made: Made, points: list[models.PointStruct], key: Key) -> None:
        """Write points to each replica that is not Dead."""
        shards = [s for s, k in made.keys.items() if k == key]
        if not shards:
            raise LookupError("Shard key not specified" if key is None else "Shard key not found")
        for point in points:
            shard = shards[crc32(str(point.id).encode()) % len(shards)]
            self._on_each(made, shard, lambda peer, s=shard, p=point: self._put(made, s, peer, [p]))

    def erase(self, made: Made, only: models.Filter, keys: Any, ordering: str | None) -> None:
        """Delete what matches on each replica that is not Dead."""
        if made.custom and keys is None and not self.keyless:
            raise LookupError("Shard key not specified")
        shards = list(made.keys) if keys is None else self.shards(made, keys)
        selector = models.FilterSelector(filter=only)
        for shard in shards:
            states = made.replicas(shard)
            if ordering == "strong" and max(states) in self.gone:
                raise Down("no leader: Failed to apply update with Strong ordering")
            if ACTIVE not in states.values():
                raise Down("Failed to apply operation to at least one `Active` replica")

            def delete(peer: int, shard: int = shard) -> None:
                self.stores[peer].delete(f"{made.name}~{shard}", points_selector=selector)

            self._on_each(made, shard, delete)

    def _on_each(self, made: Made, shard: int, do: Callable[[int], object]) -> None:
        done = 0
        for peer, state in made.replicas(shard).items():
            if state == DEAD:
                continue
            if peer in self.gone:
                made.states[shard, peer] = DEAD
                continue
            do(peer)
            done += 1
        if not done:
            raise Down("no replica took it")

    # --- the face ---------------------------------------------------------------------------

    def _of(self, peer: int) -> Callable[[Request], Answer]:
        def answer(request: Request) -> Answer:
            self.before(peer, request)
            if request.path == "/":
                return Answer.json({"title": "qdrant", "version": self.version})
            if self.api_key is not None and request.headers.get("api-key") != self.api_key:
                return Answer(401, b"Must provide an API key")
            if not self.telemetry and request.path.endswith("/telemetry"):
                return refusal(403, "Forbidden: Global access is required")
            try:
                return Face(self, peer).answer(request)
            except Down as exc:
                return refusal(500, f"Service internal error: {exc}")
            except LookupError as exc:
                return refusal(400, f"Wrong input: {exc}")

        return answer


def _result(value: object) -> Answer:
    return Answer.json({"result": value, "status": "ok", "time": 0.001})


def _filter(asked: Mapping[str, Any]) -> models.Filter | None:
    return models.Filter(**asked["filter"]) if asked.get("filter") else None


@dataclass(frozen=True)
class Face:
    """What one peer answers."""

    of: QdrantCluster
    peer: int

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        whole = {
            ("GET", "/telemetry"): self._telemetry,
            ("GET", "/cluster"): self._cluster,
            ("GET", "/cluster/telemetry"): self._all_telemetry,
            ("GET", "/collections"): lambda: {"collections": [{"name": n} for n in self.of.made]},
            ("GET", "/aliases"): lambda: {"aliases": [
                {"alias_name": a, "collection_name": c} for a, c in self.of.aliases.items()]},
            ("GET", "/snapshots"): lambda: [
                {"name": n, "creation_time": None, "size": 1}
                for n in self.of.full_snapshots[self.peer]],
        }  # fmt: skip
        told = whole.get((request.method, request.path))
        if told is not None:
            found = told()
            return refusal(404, "Not found") if found is None else _result(found)
        return self._collection(request)

    def _collection(self, request: Request) -> Answer:
        _, _, quoted, *rest = request.path.split("/")
        name = unquote(quoted)
        name = self.of.aliases.get(name, name)
        made, method = self.of.made.get(name), request.method
        if made is None:
            gone = (method, rest) == ("DELETE", [])
            return _result(False) if gone else refusal(404, f"Not found: `{name}`")
        if rest[:1] == ["snapshots"]:
            there = self.of.snapshots[self.peer].setdefault(name, [])
            if method == "DELETE":
                there.remove(unquote(rest[1]))
                return _result(True)
            return _result([{"name": each, "size": 1} for each in there])
        if (method, rest) == ("DELETE", []):
            del self.of.made[name]
            return _result(True)
        return _result(_ROUTES[method, "/".join(rest)](self, made, request))

    def _telemetry(self) -> dict[str, Any]:
        entries = [
            {"id": m.name, "config": m.config, "shards": [self._shard(m, s) for s in m.keys],
             "transfers": m.transfers, "resharding": m.resharding}
            for m in self.of.made.values()
        ]  # fmt: skip
        status = {"number_of_peers": len(self.of.ids), "term": 1, "commit": 9, "is_voter": True,
                  "pending_operations": 0, "role": self._role(self.peer),
                  "peer_id": self.of.ids[self.peer]}  # fmt: skip
        return {
            "id": f"process-{self.of.ids[self.peer]}",
            "app": {"name": "qdrant", "version": self.of.version},
            "collections": {"number_of_collections": len(entries), "collections": entries},
            "cluster": {"enabled": True, "status": status, "peers": self._peers()},
        }  # fmt: skip

    def _shard(self, made: Made, shard: int) -> dict[str, Any]:
        states = made.replicas(shard)
        here = self.peer in states
        figures = self._figures(made, shard, self.peer) if here else None
        remote = [{"shard_id": shard, "peer_id": self.of.ids[p]} for p in states if p != self.peer]
        by_peer = {str(self.of.ids[p]): state for p, state in states.items()}
        return {"id": shard, "key": made.keys[shard], "remote": remote,
                "local": figures and {"status": "green", **figures},
                "replicate_states": by_peer}  # fmt: skip

    def _figures(self, made: Made, shard: int, peer: int) -> dict[str, int]:
        points = len(self.of._points(made, shard, peer))
        return {"num_points": points, "num_vectors": points,
                "vectors_size_bytes": points * VECTOR_BYTES,
                "payloads_size_bytes": points * PAYLOAD_BYTES}  # fmt: skip

    def _role(self, peer: int) -> str:
        return "Follower" if peer else "Leader"

    def _peers(self) -> dict[str, dict[str, str]]:
        return {str(number): {"uri": f"http://127.0.0.{peer + 1}:6335/"}
                for peer, number in enumerate(self.of.ids)}  # fmt: skip

    def _cluster(self) -> dict[str, Any]:
        failing = {f"http://127.0.0.{p + 1}:6335/": {"count": 3} for p in self.of.gone}
        raft = {"term": 1, "commit": 9, "pending_operations": 0, "leader": self.of.ids[0],
                "role": self._role(self.peer), "is_voter": True}  # fmt: skip
        return {
            "status": "enabled", "peer_id": self.of.ids[self.peer], "peers": self._peers(),
            "raft_info": raft, "message_send_failures": failing,
            "consensus_thread_status": {"consensus_thread_status": "working",
                                        "last_update": "2026-01-01T00:00:00Z"},
        }  # fmt: skip

    def _all_telemetry(self) -> dict[str, Any] | None:
        if tuple(map(int, self.of.version.split("."))) < (1, 17, 0):
            return None
        peers = {
            number: {**about, "responsive": peer not in self.of.gone} | (
                {} if peer in self.of.gone else {"details": {
                    "version": self.of.version, "role": self._role(peer), "is_voter": True,
                    "term": 1, "commit": 9, "num_pending_operations": 0}})
            for peer, (number, about) in enumerate(self._peers().items())
        }  # fmt: skip
        entries = {
            made.name: {
                "id": made.name, "shard_transfers": made.transfers or None,
                "reshardings": made.resharding or None,
                "shards": [{
                    "id": shard, "key": made.keys[shard],
                    "replicas": [
                        {"peer_id": self.of.ids[p], "state": state}
                        | ({} if p in self.of.gone else {
                            "status": "green", **self._figures(made, shard, p)})
                        for p, state in made.replicas(shard).items()
                    ],
                } for shard in made.keys],
            }
            for made in self.of.made.values()
        }  # fmt: skip
        return {"collections": entries, "cluster": {
            "enabled": True, "number_of_peers": len(self.of.ids), "peers": peers}}  # fmt: skip

    # --- one collection ---

    def _info(self, made: Made, _: Request) -> dict[str, Any]:
        points = [r for s in self.of.shards(made, None)
                  for r in self.of.read(self.peer, made, s, None, None)]  # fmt: skip
        index = {"data_type": "keyword", "params": {"type": "keyword", "is_tenant": True},
                 "points": sum("tenant_id" in (r.payload or {}) for r in points)}  # fmt: skip
        return {"status": "green", "points_count": len(points), "indexed_vectors_count": 0,
                "config": made.config,
                "payload_schema": {"tenant_id": index} if made.indexed else {}}  # fmt: skip

    def _placement(self, made: Made, _: Request) -> dict[str, Any]:
        local, remote = [], []
        for (shard, peer), state in made.states.items():
            told = {"shard_id": shard, "state": state}
            if made.keys[shard] is not None:
                told["shard_key"] = made.keys[shard]
            if peer == self.peer:
                points = len(self.of._points(made, shard, peer))
                local.append({**told, "points_count": points})
            else:
                remote.append({**told, "peer_id": self.of.ids[peer]})
        return {"peer_id": self.of.ids[self.peer], "shard_count": len(made.keys),
                "local_shards": local, "remote_shards": remote,
                "shard_transfers": made.transfers,
                "resharding_operations": made.resharding}  # fmt: skip

    def _records(self, made: Made, request: Request) -> Iterator[tuple[int, models.Record]]:
        asked = request.json()
        for shard in self.of.shards(made, asked.get("shard_key")):
            consistency = request.query.get("consistency")
            for each in self.of.read(self.peer, made, shard, consistency, _filter(asked)):
                yield shard, each

    def _count(self, made: Made, request: Request) -> dict[str, int]:
        return {"count": sum(1 for _ in self._records(made, request))}

    def _facet(self, made: Made, request: Request) -> dict[str, Any]:
        if not made.indexed:
            raise LookupError("No appropriate index for faceting")
        counts: Counter[str] = Counter()
        for _, each in self._records(made, request):
            value = (each.payload or {}).get("tenant_id")
            counts.update({v for v in (value if isinstance(value, list) else [value])
                           if isinstance(v, str)})  # fmt: skip
        most = counts.most_common(request.json()["limit"])
        return {"hits": [{"value": value, "count": count} for value, count in most]}

    def _scroll(self, made: Made, request: Request) -> dict[str, Any]:
        asked = request.json()
        found = {each.id: (shard, each) for shard, each in self._records(made, request)}
        ids = sorted(found, key=lambda i: (isinstance(i, str), i))
        if asked.get("offset") is not None:
            ids = ids[ids.index(asked["offset"]):] if asked["offset"] in ids else [
                i for i in ids if i >= asked["offset"]]  # fmt: skip
        page, more = ids[: asked["limit"]], ids[asked["limit"] :]
        points = []
        for number in page:
            shard, each = found[number]
            told = each.model_dump(mode="json", exclude_none=True)
            if not asked.get("with_vector"):
                told.pop("vector", None)
            points.append(told | ({"shard_key": made.keys[shard]} if made.custom else {}))
        return {"points": points, "next_page_offset": more[0] if more else None}

    def _retrieve(self, made: Made, request: Request) -> list[dict[str, Any]]:
        wanted = set(request.json()["ids"])
        found = {each.id: each for _, each in self._records(made, request) if each.id in wanted}
        return [each.model_dump(mode="json", exclude_none=True) for each in found.values()]

    def _upsert(self, made: Made, request: Request) -> dict[str, Any]:
        asked = request.json()
        points = [models.PointStruct(**point) for point in asked["points"]]
        self.of.write(made, points, asked.get("shard_key"))
        return {"operation_id": 1, "status": "completed"}

    def _delete(self, made: Made, request: Request) -> dict[str, Any]:
        asked = request.json()
        keys, ordering = asked.get("shard_key"), request.query.get("ordering")
        self.of.deleted.append((made.name, (keys, ordering, request.query.get("wait"))))
        self.of.erase(made, models.Filter(**asked["filter"]), keys, ordering)
        return {"operation_id": 1, "status": "completed"}

    def _keys(self, made: Made, _: Request) -> dict[str, Any]:
        keys = dict.fromkeys(key for key in made.keys.values() if key is not None)
        return {"shard_keys": [{"key": key} for key in keys]}

    def _make_key(self, made: Made, request: Request) -> bool:
        key = request.json()["shard_key"]
        if key in made.keys.values():
            raise LookupError("Sharding key already exists")
        self.of.add_shard(made.name, key)
        return True


_ROUTES: dict[tuple[str, str], Callable[[Face, Made, Request], Any]] = {
    ("GET", ""): Face._info,
    ("GET", "cluster"): Face._placement,
    ("GET", "shards"): Face._keys,
    ("PUT", "shards"): Face._make_key,
    ("PUT", "points"): Face._upsert,
    ("POST", "points"): Face._retrieve,
    ("POST", "facet"): Face._facet,
    ("POST", "points/count"): Face._count,
    ("POST", "points/scroll"): Face._scroll,
    ("POST", "points/delete"): Face._delete,
}
