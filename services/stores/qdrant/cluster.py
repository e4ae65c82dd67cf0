"""Asking a Qdrant that runs on several peers: who they are, and where shards and replicas are.

One call tells it all since Qdrant 1.17 (`GET /cluster/telemetry`); before that, each peer's own
telemetry does, at its own address. A server that is alone is asked nothing of this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from qdrant_client import QdrantClient

from services.errors import StoreError, StoreMisconfigured, StoreRejected, StoreUnavailable
from services.stores.qdrant.answers import Answers, answers_of
from services.stores.qdrant.calls import asking
from services.stores.qdrant.cluster_answers import (
    peer_of,
    peers_of_all,
    peers_of_cluster,
    peers_of_telemetry,
    placement_of_collection,
    placements_of_all,
    placements_of_telemetry,
)
from services.stores.qdrant.connect import STORE
from services.stores.qdrant.peers import Reached, peers_of
from services.usage.vector_cluster import Peer, Placement, VectorCluster, amiss, merged

_NOWHERE = "no address is known for it"
_LOOKING = "looking where its shards are"


@dataclass(frozen=True, slots=True)
class Picture:
    """A cluster at one time: its peers, and the placement of each collection."""

    peers: tuple[Peer, ...]
    placements: Mapping[str, Placement] = field(default_factory=dict)

    @property
    def by_id(self) -> Mapping[int, Peer]:
        """The peers by their ids."""
        return {each.id: each for each in self.peers}

    def cluster(self) -> VectorCluster:
        """Return what is shown of it."""
        every = self.placements.values()
        replicas = Counter(r.peer for p in every for shard in p.shards for r in shard.replicas)
        return VectorCluster(self.peers, tuple(p for p in every if not p.settled), dict(replicas))


class Cluster:
    """One Qdrant, by the peer that is configured, and the others at addresses of their own."""

    def __init__(self, client: QdrantClient) -> None:
        self._client = client
        self._answers = answers_of(client)
        self._peers = peers_of(client)

    def members(self) -> tuple[tuple[Peer, ...], int | None] | None:
        """Return the peers, and which of them answered; None for a server that is alone.

        Raises StoreError.
        """
        answer: object = None
        with suppress(StoreMisconfigured, StoreRejected), asking("asking for its peers"):
            answer = self._answers.cluster()  # which is not in old versions
        found = peers_of_cluster(answer)
        return None if found is None else (found, peer_of(answer))

    def placement(self, name: str) -> Placement | None:
        """Return where a collection's shards are; None when it is gone. Raises StoreError."""
        with asking(_LOOKING):
            return placement_of_collection(name, self._answers.placement(name))

    def each(self, members: Sequence[Peer], asked: int | None) -> Reached:
        """Reach every peer on its own; `asked` is which of them answered the last call.

        The client that is configured stands for a peer that no address reaches, where the same one
        answers it again: a balancer would lead to others too.
        """
        reached = self._reached(members)
        if asked is None or asked in reached.clients:
            return reached
        with asking("asking which peer it is"):
            again = peer_of(self._answers.cluster())
        return reached.with_client(asked, self._client) if again == asked else reached

    def _reached(self, others: Sequence[Peer]) -> Reached:
        if self._peers is None:
            return Reached(problems={each.id: _NOWHERE for each in others})
        return self._peers.reached(others)

    def picture(self, telemetry: object) -> Picture:
        """Return everything, by one peer's telemetry and more."""
        everything = self._everything()
        peers = peers_of_all(everything)
        if peers is not None:
            return Picture(peers, placements_of_all(everything))
        return self._one_by_one(telemetry, placements_of_telemetry(telemetry))

    def _everything(self) -> object:
        try:
            with asking("read the telemetry of all peers"):
                return self._answers.cluster_telemetry()
        except StoreError:
            return None  # before 1.17, or not for this key: each peer is asked

    def _one_by_one(self, telemetry: object, own: Mapping[str, Placement]) -> Picture:
        members = peers_of_telemetry(telemetry)
        me = peer_of(telemetry)
        others = [each for each in members if each.id != me]
        reached = self._reached(others)
        told, silent = reached.ask(lambda client: _telemetry(answers_of(client)))
        peers = {each.id: each for each in members}
        for number, answer in told.items():
            peers |= {each.id: each for each in peers_of_telemetry(answer) if each.id == number}
        for each in others:
            if each.id not in told:
                peers[each.id] = replace(each, problem=silent[each.id])
        looks = [placements_of_telemetry(answer) for answer in told.values()]
        return Picture(tuple(peers.values()), _put_together(own, *looks))


def _telemetry(answers: Answers) -> object:
    with asking("read the telemetry"):
        return answers.telemetry()


def _put_together(*looks: Mapping[str, Placement]) -> dict[str, Placement]:
    names = dict.fromkeys(name for look in looks for name in look)
    return {name: merged(look[name] for look in looks if name in look) for name in names}


def refuse_lost(placement: Placement | None, peers: Mapping[int, Peer], operation: str) -> None:
    """Raise StoreUnavailable, which names the peers, where no replica of a shard answers."""
    if placement is None or not placement.lost:
        return
    told = amiss(replace(placement, shards=placement.lost, transfers=(), resharding=()), peers)
    raise StoreUnavailable(STORE, operation, "; ".join(told) or "a shard has no replica")
