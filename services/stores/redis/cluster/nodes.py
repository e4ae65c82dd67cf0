"""The nodes of a cluster in one conversation: who serves a slot, and a lane to each that is met."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from services.errors import StoreUnavailable
from services.stores.redis.cluster.lane import Lane
from services.stores.redis.cluster.topology import Address
from services.stores.redis.errors import STORE
from services.stores.redis.link import Link, conversation

if TYPE_CHECKING:
    from services.stores.redis.cluster.client import Cluster


class Nodes:
    """What is known of them; a connection that is opened closes with the `stack`."""

    def __init__(
        self, cluster: Cluster, stack: ExitStack, *, operation: str, seconds: float
    ) -> None:
        self._cluster, self._stack = cluster, stack
        self._operation, self._seconds = operation, seconds
        self._owners = list(cluster.topology().owners)
        self._lanes: dict[Address, Lane] = {}
        self._links: list[Link] = []

    def all(self) -> list[Lane]:
        """Return the lanes to all primaries. Raises StoreUnavailable where a slot has none."""
        topology = self._cluster.topology(anew=True)
        self._owners = list(topology.owners)
        if topology.unserved:
            raise self._gone(f"no node serves the slots {topology.unserved}")
        return [self.lane(address) for address in topology.primaries]

    def lane(self, address: Address) -> Lane:
        """Return the lane to one node, which is opened where it is not yet."""
        found = self._lanes.get(address)
        if found is None:
            found = self._lanes[address] = Lane(self.opened(address), address)
        return found

    def opened(self, address: Address) -> Link:
        """Open one more connection to a node."""
        link = self._stack.enter_context(
            conversation(
                self._cluster.at(address),
                operation=f"{self._operation}, at {address}",
                seconds=self._seconds,
            )
        )
        self._links.append(link)
        return link

    def owner(self, slot: int) -> Address:
        """Return who serves a slot, as far as is known."""
        found = self._owners[slot]
        if found is None:
            self._owners = list(self._cluster.topology(anew=True).owners)
            found = self._owners[slot]
        if found is None:
            raise self._gone(f"no node serves the slot {slot}")
        return found

    def learn(self, slot: int, address: Address) -> None:
        """Take note of who serves a slot now."""
        self._owners[slot] = address

    def serving(self, slot: int) -> Lane:
        """Return the lane to who serves a slot; one that is gone by now has a successor."""
        owner = self.owner(slot)
        found = self._lanes.get(owner)
        if found is not None:
            return found
        try:
            return self.lane(owner)
        except StoreUnavailable:
            self._owners = list(self._cluster.topology(anew=True).owners)
            if self.owner(slot) == owner:
                raise
            return self.lane(self.owner(slot))

    def prolong(self) -> None:
        """Give every connection as much time as it had at first."""
        for link in self._links:
            link.prolong()

    def _gone(self, reason: str) -> StoreUnavailable:
        return StoreUnavailable(STORE, self._operation, reason)
