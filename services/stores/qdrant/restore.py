"""Writing points out of an archive: into a collection as it was configured, over no point there."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from pydantic import BaseModel
from qdrant_client import QdrantClient, models

from services.archive.models import Part
from services.errors import StoreRejected
from services.restore.models import Misfit, PointsWritten, Unfit
from services.stores.qdrant.answers import answers_of
from services.stores.qdrant.archive import point_of
from services.stores.qdrant.calls import asking
from services.stores.qdrant.connect import patient
from services.stores.qdrant.facts import at

Point = Mapping[str, Any]
"""A point as a line of an archive has it: id, payload, vector, and a shard key where it has one."""

_BATCH = 256
_ALIKE = 1e-6  # of components: Cosine vectors are brought to length 1 anew
_SAME = ("size", "distance", "datatype", "multivector_config")

ModelT = TypeVar("ModelT", bound=BaseModel)


class VectorWriting:
    """Writes into one Qdrant; a write may take `seconds`. Every method raises StoreError."""

    def __init__(self, client: QdrantClient, *, seconds: float | None) -> None:
        self._client, self._seconds = client, seconds
        self._answers = answers_of(client)

    def misfit(self, part: Part, collection: str) -> Misfit | None:
        """Say why a collection that is there does not take these points; None where it does."""
        there = self._config(collection)
        if there is None or _vectors(there) == _vectors(part.description["config"]):
            return None
        return Misfit(part.name, Unfit.VECTORS, collection)

    def there(self, collection: str, points: Iterable[Point]) -> int:
        """Count the points whose id is there; none of a collection that is not."""
        is_there = self._config(collection) is not None
        found = 0
        for batch in _batches(points):
            found += len(self._there(collection, batch, whole=False)) if is_there else 0
        return found

    def make(self, part: Part, collection: str, aliases: Iterable[str] = ()) -> bool:
        """Make a collection as it was configured, with its payload indexes; False where it is.

        It is reached by these aliases then too, those that lead elsewhere already left as they are.
        """
        if self._config(collection) is not None:
            return False
        about = part.description
        with asking("make a collection"), patient(self._seconds):
            self._client.create_collection(collection, **_made(about["config"]))
        for name, index in (about.get("payload_schema") or {}).items():
            schema = _model(index.get("params")) or models.PayloadSchemaType(index["data_type"])
            with asking("make an index"), patient(self._seconds):
                self._client.create_payload_index(collection, name, schema, wait=True)
        for alias in aliases:
            create = models.CreateAlias(collection_name=collection, alias_name=alias)
            with suppress(StoreRejected), asking("make an alias"):
                self._client.update_collection_aliases(
                    [models.CreateAliasOperation(create_alias=create)]
                )
        return True

    def write(self, collection: str, points: Iterable[Point]) -> PointsWritten:
        """Write points and wait for it; one whose id is there stays as it is. May be repeated."""
        written, there = 0, list[str]()
        config = self._config(collection)
        by_key = at(config, "params", "sharding_method") == "custom"  # else it takes no key
        for batch in _batches(points):
            found = {str(each.id) for each in self._there(collection, batch, whole=False)}
            there += [str(each["id"]) for each in batch if str(each["id"]) in found]
            new = [each for each in batch if str(each["id"]) not in found]
            for key in dict.fromkeys(each.get("shard_key") for each in new):
                mine = [p for p in new if p.get("shard_key") == key]
                self._upsert(collection, mine, key if by_key else None)
            written += len(new)
        return PointsWritten(written, tuple(there))

    def differing(self, collection: str, points: Iterable[Point]) -> Iterator[str]:
        """Yield the ids of points that are not there with this payload and these vectors."""
        for batch in _batches(points):
            records = self._there(collection, batch, whole=True)
            found = {str(each.id): point_of(each) for each in records}
            for each in batch:
                if not _alike(each, found.get(str(each["id"]))):
                    yield str(each["id"])

    def _config(self, collection: str) -> Mapping[str, Any] | None:
        with asking("read a collection"):
            answer = self._answers.info(collection)
        found = at(answer, "result", "config")
        return found if isinstance(found, Mapping) else None

    def _there(
        self, collection: str, batch: Sequence[Point], *, whole: bool
    ) -> list[models.Record]:
        with asking("read points"), patient(self._seconds):
            return self._client.retrieve(
                collection, [each["id"] for each in batch], with_payload=whole, with_vectors=whole
            )

    def _upsert(self, collection: str, points: Sequence[Point], shard_key: Any) -> None:
        if shard_key is not None:
            with suppress(StoreRejected), asking("make a shard key"):  # it is there, or needs none
                self._client.create_shard_key(collection, shard_key)
        structs = [
            models.PointStruct(id=each["id"], payload=each["payload"], vector=each["vector"] or {})
            for each in points
        ]
        with asking("write points"), patient(self._seconds):
            self._client.upsert(collection, structs, wait=True, shard_key_selector=shard_key)


def _batches(points: Iterable[Point]) -> Iterator[list[Point]]:
    """Yield points in batches, none twice in one."""
    batch: dict[str, Point] = {}
    for each in points:
        if len(batch) == _BATCH:
            yield list(batch.values())
            batch = {}
        batch[str(each["id"])] = each
    if batch:
        yield list(batch.values())


def _alike(one: Point, other: Point | None) -> bool:
    if other is None:
        return False
    if json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True):
        return True
    same = (one["payload"] or {}) == (other["payload"] or {})
    return same and _close(one["vector"] or {}, other["vector"] or {})


def _close(one: Any, other: Any) -> bool:
    """Whether vectors of any shape are the same, but for how their length was brought to 1."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_close(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_close, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=_ALIKE, abs_tol=_ALIKE)
    return bool(one == other)


def _vectors(config: Any) -> object:
    """Return what of a collection's configuration points have to fit."""
    params = at(config, "params")
    dense = at(params, "vectors") or {}
    named = {"": dense} if "size" in dense else dense
    sparse = sorted(at(params, "sparse_vectors") or {})
    return {name: [each.get(what) for what in _SAME] for name, each in named.items()}, sparse


def _made(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration as the driver takes it; what this version of it does not know, not."""
    params = config["params"]
    dense = params.get("vectors") or {}
    named = {"": dense} if "size" in dense else dense
    vectors = {name: _known(models.VectorParams, each) for name, each in named.items()}
    sparse = params.get("sparse_vectors") or {}
    found: dict[str, Any] = {
        "vectors_config": vectors.get("", vectors),
        "sparse_vectors_config": {
            name: _known(models.SparseVectorParams, each) for name, each in sparse.items()
        } or None,
        "hnsw_config": _known(models.HnswConfigDiff, config.get("hnsw_config")),
        "optimizers_config": _known(models.OptimizersConfigDiff, config.get("optimizer_config")),
        "quantization_config": config.get("quantization_config"),
    }  # fmt: skip
    for name in ("shard_number", "sharding_method", "replication_factor",
                 "write_consistency_factor", "on_disk_payload"):  # fmt: skip
        found[name] = params.get(name)
    return {name: value for name, value in found.items() if value is not None}


def _known(model: type[ModelT], value: Any) -> ModelT | None:
    if not isinstance(value, Mapping):
        return None
    fields = value.keys() & model.model_fields.keys()
    return model.model_validate({name: value[name] for name in fields if value[name] is not None})


_INDEXES: Mapping[str, type[BaseModel]] = {
    "keyword": models.KeywordIndexParams,
    "integer": models.IntegerIndexParams,
    "float": models.FloatIndexParams,
    "geo": models.GeoIndexParams,
    "text": models.TextIndexParams,
    "bool": models.BoolIndexParams,
    "datetime": models.DatetimeIndexParams,
    "uuid": models.UuidIndexParams,
}


def _model(params: Any) -> Any:
    """Return the parameters of an index, None where it has none or of a type that is not known."""
    model = _INDEXES.get(str(at(params, "type")))
    return None if model is None else _known(model, params)
