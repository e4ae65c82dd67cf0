"""Taking a shared kb_id apart in Qdrant: its collection described, and its points by their name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qdrant_client import QdrantClient, models

from services.archive.models import Format, Part
from services.stores.qdrant.answers import answers_of
from services.stores.qdrant.archive import point_of
from services.stores.qdrant.calls import VectorCalls, asking
from services.stores.qdrant.cluster_calls import calls_now
from services.stores.qdrant.facts import at

PREFIX = "vectors_"
"""What KATO puts before a kb_id to name its collection."""

_NAMED = "vctr_name"
_BATCH = 256


class PointsApart:
    """One Qdrant; a deletion may take `seconds`. Every method raises StoreError."""

    def __init__(self, client: QdrantClient, *, seconds: float) -> None:
        self._client, self._seconds = client, seconds
        self._answers = answers_of(client)

    def part(self, kb_id: str) -> Part | None:
        """Describe the collection of a kb_id, by its name or an alias; None where there is none."""
        name = self._calls().standing().behind(PREFIX + kb_id)
        if name is None:
            return None
        with asking("read a collection"):
            answer = at(self._answers.info(name), "result")
        about = {
            "collection": name, "config": at(answer, "config"),
            "payload_schema": at(answer, "payload_schema"),
        }  # fmt: skip
        return Part(f"qdrant/{name}", Format.JSON_LINES, description=about)

    def count(self, kb_id: str) -> int:
        """Count the points of a kb_id; none where it has no collection."""
        calls = self._calls()
        return calls.if_there(PREFIX + kb_id, calls.most, 0)

    def named(self, kb_id: str, tokens: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """Yield the points whose `vctr_name` is one of these."""
        for start in range(0, len(tokens), _BATCH):
            some = models.MatchAny(any=list(tokens[start : start + _BATCH]))
            only = models.Filter(must=[models.FieldCondition(key=_NAMED, match=some)])
            offset = None
            while True:
                with asking("read points"):
                    page, offset = self._client.scroll(
                        PREFIX + kb_id, scroll_filter=only, limit=_BATCH, offset=offset,
                        with_payload=True, with_vectors=True,
                    )  # fmt: skip
                yield from map(point_of, page)
                if offset is None:
                    break

    def erase(self, kb_id: str, points: Sequence[Mapping[str, Any]]) -> None:
        """Erase points by their ids, and wait for it."""
        calls = self._calls()
        for start in range(0, len(points), _BATCH):
            ids = [each["id"] for each in points[start : start + _BATCH]]
            has = models.HasIdCondition(has_id=ids)
            calls.delete(PREFIX + kb_id, models.Filter(must=[has]))

    def _calls(self) -> VectorCalls:
        return calls_now(self._client, seconds=self._seconds)
