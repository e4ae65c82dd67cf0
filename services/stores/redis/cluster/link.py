"""One conversation with a whole cluster, with the face of one with a single server.

Each command goes to the primary that serves its key's slot, over one connection a primary; replies
come back in the order of the commands. One that meets a slot which has moved, or is being moved,
follows it; nothing else is ever sent twice.
"""

from __future__ import annotations

import time
from binascii import crc_hqx
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import hiredis

from services.errors import StoreUnavailable
from services.stores.redis.cluster.joined import (
    JOINS,
    Joined,
    Wire,
    flat,
    is_moved,
    last,
    refuse_half,
    slot_of_first,
)
from services.stores.redis.cluster.lane import ASKING, Held, Lane
from services.stores.redis.cluster.nodes import Nodes
from services.stores.redis.cluster.slots import SLOTS, is_split, key_of, slot_of, tags
from services.stores.redis.cluster.topology import Address, redirection
from services.stores.redis.cluster.walk import Walk
from services.stores.redis.errors import STORE
from services.stores.redis.link import EXEC, MULTI, Link, packed

if TYPE_CHECKING:
    from services.stores.redis.cluster.client import Cluster

_END = object()
_TIMES = 12
_PAUSE, _LONGEST_PAUSE = 0.002, 0.5
_PLAIN = frozenset({
    b"GET", b"GETRANGE", b"HSET", b"PEXPIRETIME", b"PTTL", b"SADD", b"SET", b"SISMEMBER", b"SREM",
    b"TYPE",
})  # fmt: skip
"""What most commands are: of one key, which comes first."""

_MASK = SLOTS - 1
_EVERYWHERE = (b"DBSIZE", b"TIME", b"PING")

Batches = defaultdict[Lane, list[bytes]]


class ClusterLink(Link):
    """A conversation with every primary of a cluster, each of which is met when it is needed."""

    def __init__(
        self, cluster: Cluster, stack: ExitStack, *, operation: str, seconds: float
    ) -> None:
        self._operation = operation
        self._nodes = Nodes(cluster, stack, operation=operation, seconds=seconds)
        self._awaited: deque[Wire | Joined] = deque()
        self._held: Held | None = None
        self._spoiled = False
        self._moving: dict[int, Address] = {}

    # --- where -----------------------------------------------------------------------------------

    @property
    def is_cluster(self) -> bool:
        """Several servers are behind it."""
        return True

    @property
    def primaries(self) -> Sequence[Link]:
        """The links to all primaries, asked for anew. Raises StoreUnavailable where one lacks."""
        return [lane.link for lane in self._nodes.all()]

    def walk(self, count: int) -> Iterator[list[bytes]]:
        """Yield every key once, some `count` at a time."""
        return Walk(self, self._nodes, count=count).keys()

    def at_once(self, keys: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
        """Cut keys into pieces that are of one slot each."""
        by_slot = defaultdict[int, list[bytes]](list)
        for key in keys:
            by_slot[slot_of(key)].append(key)
        for some in by_slot.values():
            yield from super().at_once(some, size)

    def beside(self, key: bytes) -> bytes:
        """Return a hash tag of a key's slot."""
        return b"{%b}" % tags()[slot_of(key)]

    # --- commands out ----------------------------------------------------------------------------

    def send(self, commands: bytes) -> None:
        """Send packed commands, each to where its key is."""
        reader, batches = hiredis.Reader(notEnoughData=_END), Batches(list)
        reader.feed(commands)
        for words in iter(reader.gets, _END):
            self._route(words, batches)
        for lane, some in batches.items():
            lane.send(b"".join(some), len(some))

    def send_each(self, command: bytes, keys: Sequence[bytes]) -> None:
        """Send one command for each key, which `send` would have to read first."""
        if self._held is not None:
            super().send_each(command, keys)
            return
        slots = [slot_of(key) if b"{" in key else crc_hqx(key, 0) & _MASK for key in keys]
        lanes = {slot: self._nodes.serving(slot) for slot in set(slots)}
        wires = [
            (lanes[slot], command % (len(key), key)) for slot, key in zip(slots, keys, strict=True)
        ]
        self._awaited.extend(wires)
        for lane in set(lanes.values()):
            some = [sent for to, sent in wires if to is lane]
            lane.send(b"".join(some), len(some))

    def _route(self, words: list[bytes], batches: Batches) -> None:
        verb = words[0]
        if verb in _PLAIN and self._held is None:
            lane, command = self._nodes.serving(slot_of(words[1])), packed(*words)
            batches[lane].append(command)
            self._awaited.append((lane, command))
            return
        verb = verb.upper()
        if verb in _EVERYWHERE:
            command = packed(*words)
            wires = [(lane, command) for lane in self._nodes.all()]
            self._await(Joined(wires, JOINS[verb]), batches)
        elif verb == b"WATCH":
            self._watch(words, batches)
        elif verb == b"UNWATCH":
            held, self._held = self._held, None
            wires = [] if held is None else [(held.lane, packed(*words))]
            self._await(Joined(wires, lambda _: b"OK"), batches)
        elif is_split(words):
            parts = [self._joined([words[0], key]) for key in words[1:]]
            wires = [wire for part in parts for wire in part.wires]
            self._await(Joined(wires, JOINS[verb], of_each=len(parts[0].wires)), batches)
        elif self._held is not None and self._held.is_asking:
            self._await(self._joined(words), batches)
        else:
            lane = self._held.lane if self._held else self._nodes.serving(slot_of(key_of(words)))
            command = packed(*words)
            batches[lane].append(command)
            self._awaited.append((lane, command))

    def _joined(self, words: list[bytes]) -> Joined:
        """Return a command of one key, asked for where its slot is on the way to."""
        held, command = self._held, packed(*words)
        lane = held.lane if held else self._nodes.serving(slot_of(key_of(words)))
        before = [(lane, ASKING)] if held and held.is_asking else []
        return Joined([*before, (lane, command)], last)

    def _await(self, joined: Joined, batches: Batches) -> None:
        for lane, command in joined.wires:
            batches[lane].append(command)
        self._awaited.append(joined)

    def _watch(self, words: list[bytes], batches: Batches) -> None:
        """Have keys of one slot watched: all until EXEC or UNWATCH goes to the same node."""
        slots = set(map(slot_of, words[1:]))
        if len(slots) > 1:
            raise ValueError("keys of several slots cannot be watched together")
        slot, self._spoiled = slots.pop(), False
        moving = self._moving.pop(slot, None)
        lane = self._nodes.lane(moving) if moving else self._nodes.serving(slot)
        self._held = Held(lane, slot, is_asking=moving is not None)
        self._await(self._joined(words), batches)

    # --- replies in ------------------------------------------------------------------------------

    def replies(self, number: int) -> list[Any]:
        """Return the next replies, in the order of their commands."""
        awaited = self._awaited
        entries = [awaited.popleft() for _ in range(number)]
        if Joined not in set(map(type, entries)):
            return self._read(entries)  # type: ignore[arg-type] # each is a wire
        wires: list[Wire] = []
        for entry in entries:
            if isinstance(entry, Joined):
                wires += entry.wires
            else:
                wires.append(entry)
        left = iter(self._read(wires))
        return [
            entry.reply( [next(left) for _ in entry.wires])
            if isinstance(entry, Joined) else next(left)
            for entry in entries
        ]  # fmt: skip

    def _read(self, wires: Sequence[Wire]) -> list[Any]:
        counts = Counter([lane for lane, _ in wires])
        by_lane = {lane: iter(lane.take(number)) for lane, number in counts.items()}
        found = [next(by_lane[lane]) for lane, _ in wires]
        errors = [at for at, reply in enumerate(found) if reply.__class__ is hiredis.ReplyError]
        for at in errors:
            found[at] = self._followed(*wires[at], found[at])
        return found

    def _followed(self, lane: Lane, command: bytes, reply: Any) -> Any:
        """Return the reply to a command from where its slot is by now."""
        pause = _PAUSE
        for _ in range(_TIMES):
            code = str(reply).partition(" ")[0] if isinstance(reply, hiredis.ReplyError) else ""
            if code not in ("MOVED", "ASK", "TRYAGAIN"):
                return reply
            self._spoiled = True
            if code != "TRYAGAIN":
                refuse_half(command, self._operation)
                slot, address = redirection(str(reply), lane.address)
                lane, before = self._redirected(code, slot, address)
            else:
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                before = []
            if b"WATCH" in command[:16]:
                return b"OK"  # it is spoiled: what is watched is written as if meanwhile
            reply = lane.now(*before, command)[-1]
        raise self._gone("a slot is moved on and on")

    def _redirected(self, code: str, slot: int, address: Address) -> tuple[Lane, list[bytes]]:
        if code == "MOVED":
            self._nodes.learn(slot, address)
            return self._nodes.lane(address), []
        self._moving[slot] = address
        return self._nodes.lane(address), [ASKING]

    def transaction(self, commands: Sequence[bytes]) -> list[Any] | None:
        """Do packed commands on keys of one slot, between MULTI and EXEC on its node.

        None where EXEC did nothing, also where the slot that is watched was moved meanwhile.
        """
        held, self._held = self._held, None
        if held is not None and self._spoiled:
            held.lane.now(packed("UNWATCH"))
            return None
        slot = held.slot if held else slot_of_first(commands)
        lane = held.lane if held else self._nodes.serving(slot)
        before = [ASKING] if held and held.is_asking else []
        for _ in range(_TIMES):
            words = [each for one in (MULTI, *commands, EXEC) for each in (*before, one)]
            replies = lane.now(*words)
            moved = next(filter(is_moved, flat(replies)), None)
            if moved is None:
                return self.done_of(replies)
            code = str(moved).partition(" ")[0]
            if code == "TRYAGAIN":
                time.sleep(_LONGEST_PAUSE / _TIMES)
            else:
                lane, before = self._redirected(code, *redirection(str(moved), lane.address))
            if held is not None:
                return None
        raise self._gone("a slot is moved on and on")

    def prolong(self) -> None:
        """Give what follows as much time as all had at first: the work goes on as it should."""
        self._nodes.prolong()

    def _gone(self, reason: str) -> StoreUnavailable:
        return StoreUnavailable(STORE, self._operation, reason)
