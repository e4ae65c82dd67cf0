"""Makes collections, the tenants' index and shards by key in Qdrant, for a new tenant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qdrant_client import QdrantClient, models

from services.errors import StoreRejected
from services.setup.ports import CollectionFacts
from services.stores.qdrant.answers import EmbeddedAnswers, answers_of
from services.stores.qdrant.calls import asking
from services.stores.qdrant.connect import STORE, patient
from services.stores.qdrant.facts import TENANT, at, facts_of_info

_SETTING_UP = "setting up a tenant"


class VectorSetup:
    """One Qdrant, which may take `seconds` for what it makes. Every method raises a StoreError."""

    def __init__(self, client: QdrantClient, *, seconds: float | None = None) -> None:
        self._client, self._seconds = client, seconds
        self._answers = answers_of(client)
        self._embedded = isinstance(self._answers, EmbeddedAnswers)

    def facts(self, name: str) -> CollectionFacts | None:
        """Return a collection by its name or an alias; None where there is none."""
        with asking("read a collection"):
            answer = self._answers.info(name)
        if answer is None:
            return None
        info = at(answer, "result")
        told, index = facts_of_info(name, info), at(info, "payload_schema", TENANT)
        return CollectionFacts(
            name, told.size, told.distance,
            tenant_index=isinstance(index, Mapping),
            by_tenant=at(index, "params", "is_tenant") is True,
            indexes=not self._embedded,
            shard_keys=self._shard_keys(name, info),
        )  # fmt: skip

    def _shard_keys(self, name: str, info: object) -> tuple[str, ...] | None:
        if at(info, "config", "params", "sharding_method") != "custom":
            return None
        with asking("list shard keys"):
            listed: Any = self._client.list_shard_keys(name)
        return tuple(str(each.key) for each in listed.shard_keys or ())

    def create(self, name: str, *, size: int, distance: str) -> None:
        """Make a collection; one that is there is refused, whoever made it meanwhile."""
        params = models.VectorParams(size=size, distance=models.Distance(distance))
        with asking(_SETTING_UP):
            there = self._client.collection_exists(name)
        if there:
            raise StoreRejected(STORE, _SETTING_UP, "a collection of that name is there")
        with asking(_SETTING_UP), patient(self._seconds):
            self._client.create_collection(name, vectors_config=params)

    def index_tenants(self, name: str) -> None:
        """Make the index on tenant_id that keeps each tenant's points together.

        The embedded engine keeps no index, and makes none.
        """
        if self._embedded:
            return
        kind = models.KeywordIndexType.KEYWORD
        schema = models.KeywordIndexParams(type=kind, is_tenant=True)
        with asking(_SETTING_UP), patient(self._seconds):
            self._client.create_payload_index(name, TENANT, field_schema=schema, wait=True)

    def create_shard_key(self, name: str, key: str) -> None:
        """Make a shard for a key. The embedded engine has none."""
        if self._embedded:
            raise StoreRejected(STORE, _SETTING_UP, "the embedded Qdrant has no shards by key")
        with asking(_SETTING_UP), patient(self._seconds):
            self._client.create_shard_key(name, key)
