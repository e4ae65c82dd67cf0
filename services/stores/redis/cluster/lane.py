"""One node's part in a conversation with a cluster; replies that come too early are kept."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from services.stores.redis.cluster.topology import Address
from services.stores.redis.link import Link, packed

ASKING = packed("ASKING")


class Lane:
    """A link to one node, over which commands wait for their replies."""

    def __init__(self, link: Link, address: Address) -> None:
        self.link, self.address = link, address
        self._due = 0
        self._early: deque[Any] = deque()

    def send(self, commands: bytes, number: int) -> None:
        """Send so many packed commands."""
        self.link.send(commands)
        self._due += number

    def take(self, number: int) -> list[Any]:
        """Return the next replies."""
        early = self._early
        found = [early.popleft() for _ in range(min(number, len(early)))]
        left = number - len(found)
        if left:
            found += self.link.replies(left)
            self._due -= left
        return found

    def now(self, *commands: bytes) -> list[Any]:
        """Send packed commands out of turn and return their replies; those before them are kept."""
        self._early.extend(self.link.replies(self._due))
        self._due = 0
        self.link.send(b"".join(commands))
        return self.link.replies(len(commands))


class Held(NamedTuple):
    """Where keys are watched: over which lane, and whether their slot is being moved there."""

    lane: Lane
    slot: int
    is_asking: bool = False
