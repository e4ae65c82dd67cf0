"""What purging asks of Qdrant, each call with its errors translated.

Nothing here is sent twice by itself: qdrant-client (1.20) repeats only uploads in batches, which
are not used, and httpx repeats nothing unless it is told to. A server that is alone has no shards
by key; what several peers are asked besides is in `cluster_calls`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from qdrant_client import QdrantClient, models

from services.errors import StoreDenied, StoreMisconfigured, StoreRejected
from services.stores.faults import Verdict, guarded
from services.stores.qdrant.aliases import Standing, aliases_listed, standing_of
from services.stores.qdrant.answers import EmbeddedAnswers, answers_of
from services.stores.qdrant.connect import NOT_QDRANT, STORE, judge, patient
from services.stores.qdrant.facts import TENANT, at
from services.usage.vector_cluster import Placement, ShardKey

PAGE = 1_000
"""Points that are read at a time."""

EVERYTHING = models.Filter()
"""Matches every point, as a filter without a condition does on a server and in local mode."""

Found = tuple[models.ExtendedPointId, Mapping[str, Any] | None]

T = TypeVar("T")


class VectorCalls:
    """Calls one Qdrant, which may take `seconds` to erase. Raises StoreErrors."""

    def __init__(self, client: QdrantClient, *, seconds: float | None) -> None:
        self._client, self._seconds = client, seconds
        self._answers = answers_of(client)
        self.embedded = isinstance(self._answers, EmbeddedAnswers)

    @property
    def unsure(self) -> tuple[str, ...]:
        """Why what was looked at may not be all there is: it is, of one server."""
        return ()

    @property
    def disclosed(self) -> tuple[str, ...]:
        """What else is to be said of the looks: nothing, of one server."""
        return ()

    # --- looking ---

    def whole(self, name: str) -> None:
        """Raise StoreUnavailable where a part of a collection cannot be looked at."""

    def placement(self, name: str) -> Placement | None:
        """Return where a collection's shards are; None for one server."""
        del name
        return None

    def every_replica(self, name: str, only: models.Filter | None = None) -> int:
        """Return how many points all replicas have: nothing is asked of one server."""
        del name, only
        return 0

    def most(self, name: str, only: models.Filter | None = None) -> int:
        """Count points exactly, wherever there are the most."""
        return self.count(name, only)

    def standing(self) -> Standing:
        """Return the collections with all their names."""
        return standing_of(self._answers, asking)

    def aliases(self) -> dict[str, str]:
        """Return the collection of every alias."""
        return aliases_listed(self._answers, asking)

    def if_there(self, name: str, ask: Callable[[str], T], gone: T) -> T:
        """Ask about a name that may vanish meanwhile, and return `gone` when it did."""
        try:
            return ask(name)
        except (StoreRejected, StoreMisconfigured):
            if self.standing().behind(name) is not None:
                raise
            return gone

    def count(self, name: str, only: models.Filter | None = None) -> int:
        """Count points exactly, by a collection's name or an alias of it."""
        with asking("count points"):
            return self._client.count(name, count_filter=only, exact=True).count

    def telemetry(self) -> object:
        """Return what the server says of all collections at once; None where it does not."""
        try:
            with asking("read the telemetry"):
                return self._answers.telemetry()
        except (StoreDenied, StoreRejected, StoreMisconfigured):
            return None  # whether that holds for more than the telemetry, the counts will tell

    def is_split(self, name: str) -> bool:
        """Whether a collection has an index on the payload's tenant_id."""
        with asking("read a collection"):
            answer = self._answers.info(name)
        return at(answer, "result", "payload_schema", TENANT) is not None

    def pages(
        self, name: str, only: models.Filter, paths: tuple[str, ...]
    ) -> Iterator[list[Found]]:
        """Yield the points that match, page by page, with these parts of their payloads."""
        offset = None
        while True:
            with asking("read points"):
                page, offset = self._client.scroll(
                    name, scroll_filter=only, limit=PAGE, offset=offset,
                    with_payload=list(paths), with_vectors=False,
                )  # fmt: skip
            yield [(each.id, each.payload) for each in page]
            if offset is None:
                return

    def snapshots(self, collection: str) -> list[str]:
        """Name a collection's snapshots."""
        with asking("list snapshots"):
            return [each.name for each in self._client.list_snapshots(collection)]

    def full_snapshots(self) -> int:
        """Count the snapshots of the whole storage that the asked server has."""
        with asking("list the snapshots of the whole storage"):
            return len(self._client.list_full_snapshots())

    # --- erasing ---

    def delete(self, name: str, only: models.Filter) -> None:
        """Delete the points that match, on every shard and replica, and wait for it."""
        self._delete(name, only)

    def _delete(
        self, name: str, only: models.Filter, keys: list[ShardKey] | None = None
    ) -> None:  # fmt: skip
        with asking("erase points"), patient(self._seconds):
            self._client.delete(
                name,
                points_selector=models.FilterSelector(filter=only),
                wait=True,
                ordering=models.WriteOrdering.STRONG,
                shard_key_selector=keys,
            )

    def delete_snapshots(self, collection: str) -> None:
        """Delete a collection's snapshots, which would outlive it."""
        for snapshot in self.snapshots(collection):
            with asking("delete a snapshot"), patient(self._seconds):
                self._client.delete_snapshot(collection, snapshot, wait=True)

    def may_drop(self, nowhere: str) -> bool:
        """Whether this key may drop collections, tried on one that is not there.

        A server looks at the rights first, and answers 403 or that it dropped nothing.
        """
        try:
            with asking("try to drop a collection that is not there"):
                self._client.delete_collection(nowhere)
        except StoreDenied:
            return False
        except StoreRejected:  # there is none, in the words of other versions
            return True
        return True

    def drop(self, collection: str) -> None:
        """Drop a collection, by its own name; its aliases go with it.

        An alias is never deleted before: were that all that was done, nothing would lead to the
        collection any more, and its points would pass for erased.
        """
        with asking("drop a collection"), patient(self._seconds):
            self._client.delete_collection(collection)

    def delete_aliases(self, aliases: Iterable[str]) -> None:
        """Delete aliases that lead nowhere: with them, KATO could not make a collection anew."""
        changes = [
            models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))
            for alias in aliases
        ]
        with asking("delete aliases"), patient(self._seconds):
            self._client.update_collection_aliases(changes)


@contextmanager
def asking(operation: str) -> Iterator[None]:
    """Translate the driver's errors."""
    with guarded(STORE, operation, _judge):
        yield


def _judge(exc: Exception) -> Verdict | None:
    """Say what a driver's error means; it asserts that an answer has a result."""
    if isinstance(exc, AssertionError):
        return StoreMisconfigured, NOT_QDRANT
    return judge(exc)
