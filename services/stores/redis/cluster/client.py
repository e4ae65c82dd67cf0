"""A Redis Cluster: how each of its nodes is reached, and which of them serves which slots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import redis

from services.errors import StoreError, StoreUnavailable
from services.stores.redis.cluster.link import ClusterLink
from services.stores.redis.cluster.topology import Address, Topology, topology_of
from services.stores.redis.link import Link, conversation

ASKING = "asking for its nodes"


class Cluster:
    """Knows the nodes by whichever of the `seeds`, or of the nodes known by then, answers first.

    `make` builds a client of one node, `patience` is how many seconds each has to tell of the
    others. Threads may share it.
    """

    def __init__(
        self, seeds: Sequence[Address], make: Callable[[Address], redis.Redis], *, patience: float
    ) -> None:
        self.seeds = tuple(seeds)
        self._make = make
        self._patience = patience
        self._clients: dict[Address, redis.Redis] = {}
        self._topology: Topology | None = None

    def at(self, address: Address) -> redis.Redis:
        """Return the client of one node."""
        known = self._clients.get(address)
        return known or self._clients.setdefault(address, self._make(address))

    def topology(self, *, anew: bool = False) -> Topology:
        """Return who serves what, asked for where it is not known. Raises StoreError."""
        known = self._topology
        if known is not None and not anew:
            return known
        problems: list[StoreError] = []
        nodes = known.addresses if known is not None else ()
        for address in dict.fromkeys((*nodes, *self.seeds)):
            try:
                self._topology = self._told_by(address)
            except StoreError as exc:
                problems.append(exc)
            else:
                return self._topology
        raise next((exc for exc in problems if not isinstance(exc, StoreUnavailable)), problems[0])

    def _told_by(self, address: Address) -> Topology:
        asking = f"{ASKING}, at {address}"
        with conversation(self.at(address), operation=asking, seconds=self._patience) as link:
            return topology_of(link.ask("CLUSTER", "SLOTS"), told_by=address)

    def nodes(self) -> Sequence[redis.Redis]:
        """Return a client of each node, the primaries first."""
        return [self.at(address) for address in self.topology(anew=True).addresses]

    @contextmanager
    def conversation(self, *, operation: str, seconds: float) -> Iterator[Link]:
        """Open a link to all of it for one operation that may take so many seconds."""
        with ExitStack() as stack:
            yield ClusterLink(self, stack, operation=operation, seconds=seconds)

    def close(self) -> None:
        """Close every connection."""
        for client in list(self._clients.values()):
            client.close()
