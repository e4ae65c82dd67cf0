"""What Qdrant's JSON says of its collections, in the shapes of its versions. Pure.

Nothing here trusts a shape: a figure that is not where a version puts it is None, not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

TENANT = "tenant_id"
"""The payload field that names the owner of a point in a shared collection."""

_WORST_LAST = ("green", "grey", "yellow", "red")


@dataclass(frozen=True, slots=True)
class Facts:
    """One collection. None is *not known*.

    `size` is the vectors' dimension, for a collection with one sort of dense vector. `bytes` is
    Qdrant's estimate for vectors and payloads. `tenant_index` says whether the payload field
    `tenant_id` is indexed, and `tenant_points` how many points that index has. `by_key` is whether
    it has shards by key.
    """

    name: str
    points: int | None
    status: str = "unknown"
    size: int | None = None
    distance: str | None = None
    indexed: int | None = None
    bytes: int | None = None
    tenant_index: bool | None = None
    tenant_points: int | None = None
    by_key: bool = False


def at(value: object, *path: str) -> Any:
    """Follow keys into nested JSON objects; None where one is missing."""
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def whole(value: object) -> int | None:
    """Return a whole number that is not negative, else None."""
    counts = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if counts else None  # type: ignore[return-value]  # counts says it is an int


def names_of(answer: object) -> list[str] | None:
    """Read the answer of `GET /collections`; None when it is not Qdrant's."""
    listed = at(answer, "result", "collections")
    if not isinstance(listed, list):
        return None
    names = [at(entry, "name") for entry in listed]
    return names if all(isinstance(name, str) for name in names) else None


def aliases_of(answer: object) -> dict[str, str] | None:
    """Read the answer of `GET /aliases`: the collection of each alias; None when not Qdrant's."""
    listed = at(answer, "result", "aliases")
    if not isinstance(listed, list):
        return None
    found = {at(entry, "alias_name"): at(entry, "collection_name") for entry in listed}
    texts = all(isinstance(text, str) for pair in found.items() for text in pair)
    return found if texts else None


def facts_of_info(name: str, info: object) -> Facts:
    """Read the `result` of `GET /collections/{name}`."""
    size, distance = _vectors(at(info, "config"))
    schema = at(info, "payload_schema")
    return Facts(
        name=name,
        points=whole(at(info, "points_count")),
        status=str(at(info, "status") or "unknown"),
        size=size,
        distance=distance,
        indexed=whole(at(info, "indexed_vectors_count")),
        tenant_index=isinstance(schema, Mapping) and TENANT in schema,
        tenant_points=whole(at(schema, TENANT, "points")),
        by_key=at(info, "config", "params", "sharding_method") == "custom",
    )


def facts_of_telemetry(answer: object) -> list[Facts] | None:
    """Read the answer of `GET /telemetry`; None when it does not name every collection.

    It is anonymised when ids are hashes (decimal numbers), and cut when it has fewer collections
    than it counts. Points and bytes are None for collections that are not whole on the server
    that was asked.
    """
    entries = at(answer, "result", "collections", "collections")
    counted = whole(at(answer, "result", "collections", "number_of_collections"))
    if not isinstance(entries, list) or (counted is not None and counted > len(entries)):
        return None
    names = [at(entry, "id") for entry in entries]
    if not all(isinstance(name, str) for name in names):
        return None
    if names and all(name.isdigit() for name in names):
        return None
    return [_facts_of_entry(name, entry) for name, entry in zip(names, entries, strict=True)]


def _facts_of_entry(name: str, entry: object) -> Facts:
    size, distance = _vectors(at(entry, "config"))
    shards = at(entry, "shards")
    here = _local_shards(shards) if isinstance(shards, list) else None
    if here is None:
        return Facts(name, None, size=size, distance=distance)
    return Facts(
        name=name,
        points=_sum(figure_of_shard(shard, "num_points") for shard in here),
        status=worst(at(shard, "status") for shard in here),
        size=size,
        distance=distance,
        indexed=_sum(indexed_of_shard(shard) for shard in here),
        bytes=_sum(bytes_of_shard(shard) for shard in here),
        tenant_index=_index_on_tenant(here),
    )


def _local_shards(shards: list[object]) -> list[object] | None:
    """Return the shards' local replicas, or None where other servers have any of the data."""
    here = [at(shard, "local") for shard in shards]
    whole_here = all(isinstance(shard, Mapping) for shard in here)
    return here if whole_here and not any(at(shard, "remote") for shard in shards) else None


def is_cluster(telemetry: object) -> bool:
    """Whether the server that told this telemetry is one of several."""
    cluster = at(telemetry, "result", "cluster")
    peers = at(cluster, "peers")
    several = len(peers) if isinstance(peers, Mapping) else at(cluster, "status", "number_of_peers")
    return at(cluster, "enabled") is True and (whole(several) or 0) > 1


def figure_of_shard(shard: object, name: str) -> int | None:
    """Return a shard's figure: since Qdrant 1.14 its own, before that its segments' sum."""
    own = whole(at(shard, name))
    return own if own is not None else _in_segments(shard, name)


def _in_segments(shard: object, name: str) -> int | None:
    segments = at(shard, "segments")
    if not isinstance(segments, list):
        return None
    return _sum(whole(at(segment, "info", name)) for segment in segments)


def indexed_of_shard(shard: object) -> int | None:
    """Return how many vectors of a shard its indexes have, where its segments are told."""
    return _in_segments(shard, "num_indexed_vectors")


def bytes_of_shard(shard: object) -> int | None:
    """Return vectors and, where the version says them (since 1.13), payloads."""
    vectors = figure_of_shard(shard, "vectors_size_bytes")
    payloads = figure_of_shard(shard, "payloads_size_bytes")
    return None if vectors is None else vectors + (payloads or 0)


def _sum(figures: Iterable[int | None]) -> int | None:
    """Sum figures; None where one of them is not known."""
    found = list(figures)
    return None if None in found else sum(figure or 0 for figure in found)


def worst(statuses: Iterable[object]) -> str:
    """Return the worst status; an empty collection has none, and is well."""
    found = [str(status) for status in statuses]
    known = [status for status in found if status in _WORST_LAST]
    if len(known) < len(found):
        return "unknown"
    return max(known, key=_WORST_LAST.index, default="green")


def _index_on_tenant(shards: list[object]) -> bool | None:
    """Whether tenant_id is indexed, where the telemetry says it (before Qdrant 1.14)."""
    schemas = [
        at(segment, "info", "index_schema")
        for shard in shards
        for segment in at(shard, "segments") or ()
    ]
    return any(at(schema, TENANT) for schema in schemas) if schemas else None


def _vectors(config: object) -> tuple[int | None, str | None]:
    """Return dimension and metric of a collection's dense vectors, where there is one sort."""
    vectors = at(config, "params", "vectors")
    if not isinstance(vectors, Mapping):
        return None, None
    sorts = [vectors] if whole(vectors.get("size")) is not None else list(vectors.values())
    if len(sorts) != 1:
        return None, None
    distance = at(sorts[0], "distance")
    return whole(at(sorts[0], "size")), distance if isinstance(distance, str) else None
