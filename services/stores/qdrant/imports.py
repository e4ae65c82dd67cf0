"""Writes points of one tenant in batches, each of which can be taken back by its ids."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qdrant_client import QdrantClient, models

from services.imports.models import ImportRefused, Item
from services.imports.ports import Before, Collection, There
from services.stores.qdrant.answers import answers_of
from services.stores.qdrant.calls import asking
from services.stores.qdrant.connect import patient
from services.stores.qdrant.facts import TENANT, at, facts_of_info

_LOOKING, _WRITING, _BACK = "read points", "importing points", "taking an import back"
_CHANGED = "something else wrote the same points meanwhile"


class PointImports:
    """Writes to one Qdrant; a batch may take `seconds`. Every method raises a StoreError."""

    def __init__(self, client: QdrantClient, *, seconds: float | None = None) -> None:
        self._client, self._seconds = client, seconds
        self._answers = answers_of(client)

    def collection(self, name: str) -> Collection | None:
        """Return a collection by its name or an alias; None where there is none."""
        with asking("read a collection"):
            answer = self._answers.info(name)
        if answer is None:
            return None
        info = at(answer, "result")
        by_key = at(info, "config", "params", "sharding_method") == "custom"
        return Collection(name, facts_of_info(name, info).size, by_key)

    def there(self, place: str, items: Sequence[Item], *, whose: str) -> There:
        """Return which ids are there; in a shared collection those of another are `taken`."""
        found = {_key(each.id): each.payload or {} for each in self._read(place, items, [TENANT])}
        taken = {key for key, payload in found.items() if whose and payload.get(TENANT) != whose}
        return There(frozenset(found.keys() - taken), frozenset(taken))

    def before(self, place: str, items: Sequence[Item]) -> Before:
        """Return what these points are now, as JSON."""
        found = {_key(each.id): _kept(each) for each in self._read(place, items, True)}
        return {item.key: found.get(item.key) for item in items}

    def write(self, place: str, items: Sequence[Item], before: Before) -> None:
        """Write a batch and wait until it is there, where all is as `before` still."""
        if not items:
            return
        if self.before(place, items) != before:
            raise ImportRefused(_CHANGED)
        points = [
            models.PointStruct(
                id=json.loads(item.key), vector=_vector(item.body), payload=_payload(item.body)
            )
            for item in items
        ]
        self._upsert(_WRITING, place, points)

    def take_back(self, place: str, before: Before, wrote: Sequence[Item]) -> int:
        """Make points again what they were, where they have the payload that was written.

        One that is gone, or has another, is as others made it, and stays so.
        """
        now = self.before(place, wrote)
        changed = {key for key, was in before.items() if now[key] != was}
        mine = {item.key for item in wrote if item.key in changed and _has(now[item.key], item)}
        self._put_back(place, {key: before[key] for key in mine})
        return len(changed - mine)

    def _put_back(self, place: str, before: Before) -> None:
        gone = [json.loads(key) for key, was in before.items() if was is None]
        if gone:
            these = models.Filter(must=[models.HasIdCondition(has_id=gone)])
            with asking(_BACK), patient(self._seconds):
                self._client.delete(
                    place, points_selector=models.FilterSelector(filter=these), wait=True,
                    ordering=models.WriteOrdering.STRONG,
                )  # fmt: skip
        old = [models.PointStruct(**json.loads(was)) for was in before.values() if was is not None]
        if old:
            self._upsert(_BACK, place, old)

    def _upsert(self, operation: str, place: str, points: list[models.PointStruct]) -> None:
        with asking(operation), patient(self._seconds):
            self._client.upsert(place, points=points, wait=True)

    def _read(
        self, place: str, items: Iterable[Item], payload: bool | list[str]
    ) -> list[models.Record]:  # fmt: skip
        ids = [json.loads(item.key) for item in items]
        these = models.Filter(must=[models.HasIdCondition(has_id=ids)])
        with asking(_LOOKING):
            found, _ = self._client.scroll(
                place, scroll_filter=these, limit=max(1, len(ids)), with_payload=payload,
                with_vectors=payload is True,
            )  # fmt: skip
        return found


def _key(point: object) -> str:
    """Return a point's id as the key of its item."""
    return json.dumps(point if isinstance(point, int) else str(point))


def _kept(record: models.Record) -> str:
    told = record.model_dump(mode="json", include={"id", "vector", "payload"})
    return json.dumps({**told, "payload": told.get("payload") or {}}, sort_keys=True)


def _has(now: str | None, item: Item) -> bool:
    """Whether a point has the payload that was written; its vector is kept as Qdrant likes."""
    if now is None:
        return False
    written = json.loads(json.dumps(_payload(item.body) or {}))
    return bool(json.loads(now)["payload"] == written)


def _vector(body: Mapping[str, object]) -> Any:
    return body["vector"]


def _payload(body: Mapping[str, object]) -> Any:
    return body["payload"]
