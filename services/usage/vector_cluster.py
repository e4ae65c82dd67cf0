"""Qdrant on several peers: its shards with their replicas, each counted once. Pure.

A collection is cut into shards, and each shard has a replica on one peer or on several. What a
shard holds is what an `Active` replica of it holds: the others are behind it, or being filled.
Source of the words: Qdrant's `ReplicaState`, `ShardTransferInfo` and `ReshardingInfo` (1.20).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

ACTIVE = "Active"
"""The state of a replica that has all of its shard and answers for it."""

BEING_FILLED = frozenset({"Initializing", "Partial", "Resharding"})
"""The states of a replica that is made anew: what it is to hold, another shard has still."""

ShardKey = int | str
"""The name of a shard where a collection has shards by key: the number 5 is not the text "5"."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One server of a cluster. `uri` is where the other peers reach it, which is not for clients.

    `problem` says why it did not answer, and is empty where it did. `pending` counts operations
    of the consensus that it has not applied yet. None is *not known*.
    """

    id: int
    uri: str = ""
    problem: str = ""
    version: str | None = None
    role: str | None = None
    pending: int | None = None

    @property
    def name(self) -> str:
        """What it is called in words: its id, and where it is."""
        return f"peer {self.id} ({self.uri})" if self.uri else f"peer {self.id}"


@dataclass(frozen=True, slots=True)
class Replica:
    """One copy of a shard. Figures are None where its peer did not tell them."""

    peer: int
    state: str
    points: int | None = None
    bytes: int | None = None
    status: str | None = None
    indexed: int | None = None

    @property
    def active(self) -> bool:
        """Whether it has all of its shard and answers for it."""
        return self.state == ACTIVE


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard with its replicas, by the ids of their peers."""

    id: int
    key: ShardKey | None = None
    replicas: tuple[Replica, ...] = ()

    @property
    def active(self) -> tuple[Replica, ...]:
        """The replicas that answer for it."""
        return tuple(each for each in self.replicas if each.active)

    @property
    def name(self) -> str:
        """What it is called in words."""
        return f"shard {self.id}" if self.key is None else f"shard {self.id} (key {self.key})"


@dataclass(frozen=True, slots=True)
class Transfer:
    """A shard on its way from one peer to another; `to_shard` where it goes into another shard."""

    shard: int
    source: int
    target: int
    to_shard: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the shards of one collection are, and what is on its way.

    `resharding` has the directions, `up` or `down`, of changes to the number of shards.
    """

    collection: str
    shards: tuple[Shard, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    resharding: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[ShardKey, ...]:
        """The keys of its shards, each once; none where it has no shards by key."""
        return tuple(dict.fromkeys(each.key for each in self.shards if each.key is not None))

    @property
    def readable_keys(self) -> tuple[ShardKey, ...]:
        """The keys of which every shard has a replica that answers for it."""
        shut = {each.key for each in self.shards if not each.active}
        return tuple(key for key in self.keys if key not in shut)

    @property
    def settled(self) -> bool:
        """Whether nothing is on its way and each replica has all of its shard."""
        whole = all(replica.active for shard in self.shards for replica in shard.replicas)
        return whole and not (self.transfers or self.resharding)

    @property
    def full(self) -> tuple[Shard, ...]:
        """Its shards without those that are made anew of what other shards have."""
        return tuple(each for each in self.shards if not self._is_made_anew(each))

    def _is_made_anew(self, shard: Shard) -> bool:
        by_key = shard.key is not None or bool(self.resharding)
        states = {each.state for each in shard.replicas}
        return by_key and bool(states) and states <= BEING_FILLED

    @property
    def lost(self) -> tuple[Shard, ...]:
        """The shards for which no replica answers: what they hold is not known."""
        return tuple(each for each in self.full if not each.active)

    @property
    def points(self) -> int | None:
        """Its points, each shard once; None where that cannot be told by what replicas say.

        Replicas that differ do not tell, nor does a collection whose points move between shards, or
        of which no shard was told.
        """
        if self.resharding or not self.shards:
            return None
        found = [{each.points for each in shard.active} for shard in self.full]
        if any(len(told) != 1 or None in told for told in found):
            return None
        return sum(points or 0 for told in found for points in told)

    @property
    def bytes(self) -> int | None:
        """Its bytes, each shard once, by the largest of its replicas; None where not known."""
        told = [[r.bytes for r in s.active if r.bytes is not None] for s in self.full]
        return sum(map(max, told)) if told and all(told) else None


@dataclass(frozen=True, slots=True)
class VectorCluster:
    """The peers of a Qdrant, and where its collections are.

    `unsettled` are the collections in which something is on its way, or a replica is not
    `Active`; `replicas` counts those of all collections by the id of their peer.
    """

    peers: tuple[Peer, ...]
    unsettled: tuple[Placement, ...] = ()
    replicas: Mapping[int, int] = field(default_factory=dict)

    def peer(self, number: int) -> Peer:
        """Return a peer by its id; one that is not known by now has no address."""
        return next((each for each in self.peers if each.id == number), Peer(number))


def merged(looks: Iterable[Placement]) -> Placement:
    """Put together what several peers say of one collection: each shard and replica once.

    A replica's figures are told by its own peer. It is `Active` where every peer says so: one
    that has not heard yet of a failure does not make it whole. Order does not matter.
    """
    found = list(looks)
    keys: dict[int, ShardKey | None] = {}
    replicas: dict[tuple[int, int], list[Replica]] = {}
    for look in found:
        for shard in look.shards:
            if keys.get(shard.id) is None:
                keys[shard.id] = shard.key
            for replica in shard.replicas:
                replicas.setdefault((shard.id, replica.peer), []).append(replica)
    shards = tuple(
        Shard(
            number,
            key,
            tuple(_one(told) for (of, _), told in sorted(replicas.items()) if of == number),
        )
        for number, key in sorted(keys.items())
    )
    return Placement(
        found[0].collection,
        shards,
        tuple(sorted({each for look in found for each in look.transfers}, key=_order)),
        tuple(sorted({each for look in found for each in look.resharding})),
    )


def _one(told: list[Replica]) -> Replica:
    """Return one replica of what several peers say of it."""
    own = min(told, key=lambda each: (each.points is None, each.bytes is None, _figures(each)))
    states = {each.state for each in told}
    state = ACTIVE if states == {ACTIVE} else min(states - {ACTIVE})
    return Replica(own.peer, state, own.points, own.bytes, own.status, own.indexed)


def _figures(replica: Replica) -> tuple[int, int, str, int]:
    points, size = replica.points or 0, replica.bytes or 0
    return -points, -size, replica.status or "", -(replica.indexed or 0)


def _order(transfer: Transfer) -> tuple[int, int, int, int]:
    to_shard = -1 if transfer.to_shard is None else transfer.to_shard
    return transfer.shard, transfer.source, transfer.target, to_shard


def amiss(placement: Placement, peer: Mapping[int, Peer]) -> tuple[str, ...]:
    """Say what keeps a collection from being known whole: replicas, moves, resharding."""

    def named(number: int) -> str:
        return peer.get(number, Peer(number)).name

    said = [
        f"{shard.name} of {placement.collection} on {named(replica.peer)} is {replica.state}"
        for shard in placement.shards
        for replica in shard.replicas
        if not replica.active
    ]
    said += [
        f"shard {each.shard} of {placement.collection} is on its way from "
        f"{named(each.source)} to {named(each.target)}"
        for each in placement.transfers
    ]
    said += [f"{placement.collection} is being resharded ({way})" for way in placement.resharding]
    return tuple(said)
