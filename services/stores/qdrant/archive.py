"""What an archive takes of Qdrant: collections of a surface, and its points in shared ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel
from qdrant_client import QdrantClient, models

from services.archive.formats import Lines, json_line
from services.archive.models import Format, Part, Piece, Print
from services.purge.models import Surface
from services.stores.qdrant.answers import answers_of
from services.stores.qdrant.calls import EVERYTHING, asking
from services.stores.qdrant.cluster_calls import calls_now
from services.stores.qdrant.facts import at
from services.stores.qdrant.targets import Aim

_PAGE_BYTES = 4 * 1024 * 1024
_FEWEST, _MOST = 8, 512  # points of a page
_NUMBER_BYTES = 12  # of one component, as JSON


@dataclass(frozen=True, slots=True)
class _Collection:
    """What is taken of a collection: all of it, or the points that a filter may match."""

    name: str
    part: Part
    only: models.Filter
    page: int


class VectorArchive:
    """Reads one Qdrant; collections that tenants share by payload are the surface's own word.

    Points come in the order of their ids, with all their vectors. Every method raises StoreError.
    """

    def __init__(self, client: QdrantClient, *, shared_collections: frozenset[str]) -> None:
        self._client = client
        self._answers = answers_of(client)
        self._shared = shared_collections

    def read(self, surface: Surface) -> Iterator[Piece]:
        """Yield the points of the surface, collection by collection.

        A collection that other owners' names reach too is not taken, nor a point that names
        somebody else as well: the purge's look says so of both.
        """
        calls = calls_now(self._client, seconds=None)
        aim = Aim(replace(
            surface, shared_collections=surface.shared_collections | self._shared
        ), calls.standing())  # fmt: skip
        for name in (*aim.whole, *aim.shared):
            calls.whole(name)  # of which a part may be where nobody answers
        for each in self._taken(aim):
            yield from self._read(each, aim)

    def prints(self, surface: Surface) -> Mapping[str, Print]:
        """Return how much there is of each part now, and its fingerprint."""
        counts: dict[str, int] = {}
        prints: dict[str, Print] = {}
        for piece in self.read(surface):
            name = piece.part.name
            counts[name] = counts.get(name, 0) + piece.count
            if not piece.content:
                prints[name] = Print(counts[name], piece.fingerprint)
        return prints

    def _taken(self, aim: Aim) -> Iterator[_Collection]:
        for name in aim.whole:
            if not aim.others(name):
                yield self._collection(name, aim, EVERYTHING)
        if aim.named:
            for name in aim.shared:
                yield self._collection(name, aim, aim.named.filter)

    def _collection(self, name: str, aim: Aim, only: models.Filter) -> _Collection:
        with asking("read a collection"):
            answer = at(self._answers.info(name), "result")
        params = at(answer, "config", "params")
        about = {
            "collection": name, "asked_as": aim.asked(name),
            "aliases": aim.standing.aliases_of(name), "config": at(answer, "config"),
            "payload_schema": at(answer, "payload_schema"), "whole": only is EVERYTHING,
        }  # fmt: skip
        part = Part(f"qdrant/{name}", Format.JSON_LINES, description=about)
        size = _numbers_of(at(params, "vectors")) * _NUMBER_BYTES
        page = max(_FEWEST, min(_MOST, _PAGE_BYTES // max(size, 1)))
        return _Collection(name, part, only, page)

    def _read(self, each: _Collection, aim: Aim) -> Iterator[Piece]:
        lines = Lines(each.part)
        for record in self._records(each):
            if each.only is not EVERYTHING:
                naming = aim.named.read(record.payload)
                if naming is None or not naming.alone:
                    continue
            yield from lines.add(json_line(point_of(record)))
        yield from lines.end()

    def _records(self, each: _Collection) -> Iterator[models.Record]:
        offset = None
        while True:
            with asking("read points"):
                page, offset = self._client.scroll(
                    each.name, scroll_filter=each.only, limit=each.page, offset=offset,
                    with_payload=True, with_vectors=True,
                )  # fmt: skip
            yield from page
            if offset is None:
                return


def point_of(record: models.Record) -> Mapping[str, Any]:
    """Return a point as Qdrant's own JSON has it, without a shard key where it has none."""
    found = {"id": _plain(record.id), "payload": record.payload, "vector": _plain(record.vector)}
    return found if record.shard_key is None else {**found, "shard_key": record.shard_key}


def _plain(value: Any) -> Any:
    """Return a value as plain JSON: sparse vectors are models of the driver's."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return value if isinstance(value, int | list | None) else str(value)


def _numbers_of(vectors: object) -> int:
    """Return how many components a point has, over all dense vectors."""
    if not isinstance(vectors, Mapping):
        return 1
    size = vectors.get("size")
    return size if isinstance(size, int) else sum(map(_numbers_of, vectors.values())) or 1
