"""Every key of a cluster exactly once, whatever moves: slot by slot, at all nodes at once.

A slot is listed by CLUSTER GETKEYSINSLOT, which the server does in one go. Before and after it, the
node is asked for a key of the slot: only who serves it does not point elsewhere. A slot that is
just being moved key by key is listed where it leaves and then where it arrives: what is no longer
here is there by then. So nothing is missed or met twice, which SCAN promises of no node whose slots
come and go; and it takes less of the server than SCAN does.

A node that dies, or is no primary any more at the end, makes the whole pass void.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import hiredis

from services.errors import StoreUnavailable
from services.stores.redis.cluster.lane import ASKING, Lane
from services.stores.redis.cluster.slots import SLOTS, tags
from services.stores.redis.cluster.topology import Address, redirection, roles_of
from services.stores.redis.errors import STORE
from services.stores.redis.link import form, packed

if TYPE_CHECKING:
    from services.stores.redis.cluster.link import ClusterLink
    from services.stores.redis.cluster.nodes import Nodes

_FIRST, _MOST = 16, 1_024
_AT_ONCE = 10_000
"""Keys of one slot that are asked for at once, before it is known to have more."""

_MORE, _TRIES = 1_000, 50
_PROBE = form("EXISTS", None)
_NODES = packed("CLUSTER", "NODES")

_Asked = tuple[Sequence[int], "Address"]


class Walk:
    """One pass over all keys, over connections of its own, some `count` keys a round and node."""

    def __init__(self, link: ClusterLink, nodes: Nodes, *, count: int) -> None:
        self._link, self._nodes, self._count = link, nodes, count
        self._lanes: dict[Address, Lane] = {}
        self._todo: dict[Address, deque[int]] = {}
        self._size = _FIRST
        self._tries = _TRIES * SLOTS

    def keys(self) -> Iterator[list[bytes]]:
        """Yield keys, the next of each node under way. Raises StoreError."""
        self._nodes.all()
        for slot in range(SLOTS):
            self._leave(slot, self._nodes.owner(slot))
        waiting = deque(asked for address in list(self._todo) if (asked := self._ask(address)))
        while waiting:
            slots, address = waiting.popleft()
            lane = self._lanes[address]
            replies = lane.take(3 * len(slots))
            more = self._ask(address)
            if more:
                waiting.append(more)
            keys = self._judged(lane, slots, replies)
            known = {each for _, each in waiting}
            waiting.extend(
                asked for one in list(self._todo)
                if one not in known and (asked := self._ask(one))
            )  # fmt: skip
            self._size = max(1, min(_MOST, len(slots) * self._count // max(1, len(keys))))
            if keys:
                yield keys
        self._prove()

    def _leave(self, slot: int, address: Address) -> None:
        """Leave a slot to be listed by who serves it."""
        self._todo.setdefault(address, deque()).append(slot)

    def _lane(self, address: Address) -> Lane:
        found = self._lanes.get(address)
        if found is None:
            found = self._lanes[address] = Lane(self._nodes.opened(address), address)
        return found

    def _ask(self, address: Address) -> _Asked | None:
        """Ask a node for the keys of its next slots."""
        todo = self._todo[address]
        slots = [todo.popleft() for _ in range(min(self._size, len(todo)))]
        if not slots:
            return None
        listings = _listings()
        self._lane(address).send(b"".join([listings[slot] for slot in slots]), 3 * len(slots))
        return slots, address

    def _judged(self, lane: Lane, slots: Sequence[int], replies: list[Any]) -> list[bytes]:
        """Return the keys of slots that were listed soundly; the others are listed again."""
        found: list[bytes] = []
        for slot, before, keys, after in zip(
            slots, replies[::3], replies[1::3], replies[2::3], strict=True
        ):
            if isinstance(before, int) and isinstance(after, int) and isinstance(keys, list):
                found += keys if len(keys) < _AT_ONCE else self._large(lane, slot)
            else:
                found += self._moved(lane, slot, before, keys, after)
        return found

    def _large(self, lane: Lane, slot: int) -> list[bytes]:
        """List a slot of many keys, as those of one hash tag: in one command all the same."""
        (number,) = lane.now(packed("CLUSTER", "COUNTKEYSINSLOT", slot))
        before, keys, after = lane.now(*_listing(slot, self._sound(number) + _MORE))
        if isinstance(before, int) and isinstance(after, int) and len(keys) < number + _MORE:
            return list(keys)
        return self._again(slot, lane.address)

    def _again(self, slot: int, address: Address) -> list[bytes]:
        """List a slot later; the keys are none by now."""
        self._tries -= 1
        if not self._tries:
            raise self._gone("slots are moved on and on")
        self._nodes.learn(slot, address)
        self._leave(slot, address)
        return []

    def _moved(self, lane: Lane, slot: int, before: Any, keys: Any, after: Any) -> list[bytes]:
        for reply in (before, after):
            if isinstance(reply, hiredis.ReplyError) and str(reply).startswith("MOVED "):
                return self._again(*redirection(str(reply), lane.address))
        self._sound(keys)
        if not str(after).startswith("ASK "):
            for reply in (before, after):
                if not str(reply).startswith("ASK "):
                    self._sound(reply)
            return self._again(slot, lane.address)
        if len(keys) == _AT_ONCE:
            (number,) = lane.now(packed("CLUSTER", "COUNTKEYSINSLOT", slot))
            (keys,) = lane.now(_list(slot, self._sound(number) + _MORE))
            self._sound(keys)
        return self._arriving(slot, keys, redirection(str(after), lane.address)[1], lane)

    def _arriving(
        self, slot: int, left: Sequence[bytes], address: Address, source: Lane
    ) -> list[bytes]:
        """Return what was left of a slot where it leaves, and what is there where it arrives."""
        lane = self._lane(address)
        (number,) = lane.now(packed("CLUSTER", "COUNTKEYSINSLOT", slot))
        probe = _probe(slot)
        most = self._sound(number) + len(left) + _MORE
        keys, _, after = lane.now(_list(slot, most), ASKING, probe)
        self._sound(keys)
        if not isinstance(after, int) or len(keys) == most:
            return self._again(slot, source.address)
        return list(dict.fromkeys((*left, *keys)))

    def _prove(self) -> None:
        """Raise StoreUnavailable where a node that was listed is not held to be a primary."""
        told = {}
        for lane in self._lanes.values():
            told[lane.address] = roles_of(self._sound(lane.now(_NODES)[0]))
        names = {
            address: name
            for address, roles in told.items()
            for name, flags in roles.items() if "myself" in flags
        }  # fmt: skip
        for roles in told.values():
            for address, name in names.items():
                flags = roles.get(name, frozenset())
                if "master" not in flags or "fail" in flags:
                    raise self._gone(f"{address} lost its part meanwhile")

    def _sound(self, reply: Any) -> Any:
        if isinstance(reply, hiredis.ReplyError):
            raise self._link.error(reply)
        return reply

    def _gone(self, reason: str) -> StoreUnavailable:
        return StoreUnavailable(STORE, "going through the slots of a cluster", reason)


def _probe(slot: int) -> bytes:
    """Return what asks for a key of a slot that is not there."""
    name = b"kato:session:{%b}:none" % tags()[slot]
    return _PROBE % (len(name), name)


def _list(slot: int, most: int) -> bytes:
    return packed("CLUSTER", "GETKEYSINSLOT", slot, most)


def _listing(slot: int, most: int) -> tuple[bytes, bytes, bytes]:
    probe = _probe(slot)
    return probe, _list(slot, most), probe


@cache
def _listings() -> tuple[bytes, ...]:
    """Return what lists each slot as a rule."""
    return tuple(b"".join(_listing(slot, _AT_ONCE)) for slot in range(SLOTS))
