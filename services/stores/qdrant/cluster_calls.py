"""What purging asks of a Qdrant on several peers: of every replica, and of shards by key by name.

- A count with consistency `all` fails where a replica is not Active or does not answer, and is the
  *least* of what the replicas count (Qdrant's `resolve.rs`, read at several versions): a point that
  is left on one replica alone is not in it. So each peer is asked by itself too, which answers for
  the replicas of its own, and the most counts.
- A write is done when enough replicas took it; one that did not is Dead from then on, and has the
  points still. It takes over what an Active one has when it comes back. Until then nobody can look.
- Of shards by key a write names every key (some versions refuse one without), and a read without a
  key passes over those of which no replica is Active.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from qdrant_client import QdrantClient, models

from services.errors import StoreUnavailable
from services.stores.qdrant.calls import Found, VectorCalls, asking
from services.stores.qdrant.cluster import Cluster, refuse_lost
from services.stores.qdrant.connect import STORE
from services.stores.qdrant.facts import facts_of_telemetry, is_cluster
from services.stores.qdrant.peers import Reached
from services.usage.vector_cluster import Peer, Placement, amiss

_ROUNDS = 3
"""How often points are deleted where a shard for another key is made meanwhile."""

_PATIENCE = 300.0
T = TypeVar("T")


class ClusterCalls(VectorCalls):
    """Calls of one look or one step that erases. What it could not prove is in `unsure`."""

    def __init__(
        self, client: QdrantClient, members: tuple[Peer, ...], asked: int | None, *,
        seconds: float | None,
    ) -> None:  # fmt: skip
        super().__init__(client, seconds=seconds)
        self._cluster = Cluster(client)
        self._asked = asked
        self._members = {each.id: each for each in members}
        self._each: Reached | None = None
        self._placed: dict[str, Placement | None] = {}
        self._unsure: dict[str, None] = {}
        self._silent: dict[int, str] = {}

    @property
    def unsure(self) -> tuple[str, ...]:
        """Why what was looked at may not be all there is, in words."""
        return tuple(self._unsure)

    @property
    def disclosed(self) -> tuple[str, ...]:
        """Which peers were not asked by themselves, in words."""
        return tuple(
            f"Qdrant's {self._named(number)} could not be asked on its own ({why}): what it has is "
            "known by the others alone, and snapshots on it were not looked for"
            for number, why in sorted(self._silent.items())
        )

    def _named(self, number: int) -> str:
        return self._members.get(number, Peer(number)).name

    # --- looking ---

    def placement(self, name: str) -> Placement | None:
        """Return where a collection's shards are, as this look met it first."""
        if name not in self._placed:
            self._placed[name] = self._cluster.placement(name)
        return self._placed[name]

    def whole(self, name: str) -> None:
        """Note what of a collection is not whole; raise StoreUnavailable where a shard is lost."""
        placement = self.placement(name)
        refuse_lost(placement, self._members, "count points")
        if placement is not None:
            self._unsure |= dict.fromkeys(amiss(placement, self._members))

    def every_replica(self, name: str, only: models.Filter | None = None) -> int:
        """Count on all replicas together: the least of them; note where one did not answer."""
        try:
            with asking("count points on every replica"):
                request = models.CountRequest(filter=only, exact=True)
                found = self._client.http.points_api.count_points(
                    name, consistency=models.ReadConsistencyType.ALL, count_request=request
                ).result
        except StoreUnavailable as exc:
            placement = self._placed.get(name)
            if placement is None or placement.settled:  # else that is why
                self._unsure[f"not every replica of {name} answered: {exc.reason}"] = None
            return 0
        return found.count if found else 0

    def most(self, name: str, only: models.Filter | None = None) -> int:
        """Count points on every replica, and return the most that a peer counts."""
        each = self._told(partial(_counted, name, only)).values()
        return max(self.every_replica(name, only), self.count(name, only), *each)

    def pages(
        self, name: str, only: models.Filter, paths: tuple[str, ...]
    ) -> Iterator[list[Found]]:
        """Yield the points that match on any replica, each once."""
        seen = set[object]()
        for page in super().pages(name, only, paths):
            seen.update(point for point, _ in page)
            yield page
        left = self._told(partial(_left, name, only, paths, frozenset(seen)))
        more = {point: payload for pages in left.values() for point, payload in pages}
        if more:
            yield list(more.items())

    def snapshots(self, collection: str) -> list[str]:
        """Name a collection's snapshots on every peer that can be asked."""
        there = self._told(partial(_snapshots, collection))
        return [each for names in there.values() for each in names]

    def full_snapshots(self) -> int:
        """Count the snapshots of the whole storage on every peer that can be asked."""
        return sum(self._told(_full_snapshots).values())

    def _told(self, ask: Callable[[VectorCalls], T]) -> dict[int, T]:
        """Ask every peer for its own replicas; note those that do not answer."""
        if self._each is None:
            self._each = self._cluster.each(tuple(self._members.values()), self._asked)
        seconds = self._seconds
        told, silent = self._each.ask(
            lambda client: ask(VectorCalls(client, seconds=seconds)), seconds=seconds or _PATIENCE
        )
        self._silent |= silent
        self._each = self._each.without(silent)  # it delays nothing a second time
        return told

    # --- erasing ---

    def delete(self, name: str, only: models.Filter) -> None:
        """Delete the points that match, on every shard and replica, and wait for it.

        A shard of which no replica is Active takes no write; one that is made for another key
        meanwhile is written to as well.
        """
        for _ in range(_ROUNDS):
            placement = self._cluster.placement(name)
            if placement is None or not placement.keys:
                self._delete(name, only)
                return
            keys = placement.readable_keys
            if keys:
                self._delete(name, only, list(keys))
            after = self._cluster.placement(name)
            if after is None or after.readable_keys == keys:
                return
        why = f"shards of {name} are made or taken away all the time"
        raise StoreUnavailable(STORE, "erase points", why)

    def delete_snapshots(self, collection: str) -> None:
        """Delete a collection's snapshots on every peer that can be asked."""
        self._told(lambda calls: calls.delete_snapshots(collection))


def _counted(name: str, only: models.Filter | None, calls: VectorCalls) -> int:
    return calls.count(name, only)


def _left(
    name: str, only: models.Filter, paths: tuple[str, ...], seen: frozenset[object],
    calls: VectorCalls,
) -> list[Found]:  # fmt: skip
    """Return the points that match on this peer, besides those that were seen."""
    every = (found for page in calls.pages(name, only, paths) for found in page)
    return [found for found in every if found[0] not in seen]


def _snapshots(collection: str, calls: VectorCalls) -> list[str]:
    return calls.snapshots(collection)


def _full_snapshots(calls: VectorCalls) -> int:
    return calls.full_snapshots()


def calls_now(client: QdrantClient, *, seconds: float | None) -> VectorCalls:
    """Return what one look or step goes by: by every peer, where there are several by now.

    Raises StoreError.
    """
    found = Cluster(client).members()
    if found is None:
        return VectorCalls(client, seconds=seconds)
    return ClusterCalls(client, *found, seconds=seconds)


def reported(client: QdrantClient, telemetry: object) -> dict[str, int]:
    """Return the points of the collections as the server reports them, of those it does.

    Of several peers as their replicas say together; not where a point may be on two shards.
    """
    told = {each.name: each.points for each in facts_of_telemetry(telemetry) or ()}
    if is_cluster(telemetry):
        placements = Cluster(client).picture(telemetry).placements
        told |= {name: None if each.keys else each.points for name, each in placements.items()}
    return {name: points for name, points in told.items() if points is not None}
