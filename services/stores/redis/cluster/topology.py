"""Which node of a cluster serves which slots, as one of the nodes tells it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

from services.stores.redis.cluster.slots import SLOTS

_NOWHERE = (None, b"", b"?")


class Address(NamedTuple):
    """Where a node is reached."""

    host: str
    port: int

    def __str__(self) -> str:
        """Write it as an operator does."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Topology:
    """The primary of each slot, None for a slot that nobody serves; ids and replicas by primary."""

    owners: Sequence[Address | None] = (None,) * SLOTS
    ids: Mapping[Address, str] = field(default_factory=dict)
    replicas: Mapping[Address, Sequence[Address]] = field(default_factory=dict)

    @property
    def primaries(self) -> tuple[Address, ...]:
        """The primaries that serve a slot, in the order of their first."""
        return tuple(dict.fromkeys(owner for owner in self.owners if owner is not None))

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Every node that is named, the primaries first."""
        followers = (each for some in self.replicas.values() for each in some)
        return tuple(dict.fromkeys((*self.primaries, *followers)))

    @property
    def unserved(self) -> str:
        """The slots that nobody serves, as `0-99, 200`; empty where there are none."""
        return ranges_of(slot for slot, owner in enumerate(self.owners) if owner is None)


def topology_of(reply: Any, *, told_by: Address) -> Topology:
    """Read the answer to CLUSTER SLOTS.

    A node that has no endpoint is reached where the one that tells is, on its own port.
    """
    owners: list[Address | None] = [None] * SLOTS
    ids: dict[Address, str] = {}
    replicas: dict[Address, list[Address]] = {}
    for first, last, primary, *others in reply:
        owner = _address(primary, told_by)
        owners[first : last + 1] = [owner] * (last + 1 - first)
        ids[owner] = primary[2].decode()
        followers = replicas.setdefault(owner, [])
        followers += [one for each in others if (one := _address(each, told_by)) not in followers]
    return Topology(owners, ids, replicas)


def _address(node: Sequence[Any], told_by: Address) -> Address:
    host = told_by.host if node[0] in _NOWHERE else node[0].decode()
    return Address(host, int(node[1]))


def redirection(text: str, told_by: Address) -> tuple[int, Address]:
    """Read `MOVED 3999 127.0.0.1:6381`, or ASK: a slot, and where it is."""
    _, slot, place = text.split(" ", 2)
    host, _, port = place.rpartition(":")
    return int(slot), Address(told_by.host if host in ("", "?") else host, int(port))


def ranges_of(slots: Iterable[int]) -> str:
    """Write slots as an operator does: `0-99, 200`."""
    found = []
    for _, some in groupby(enumerate(sorted(slots)), lambda pair: pair[1] - pair[0]):
        run = [slot for _, slot in some]
        found.append(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}")
    return ", ".join(found)


def roles_of(nodes: bytes) -> dict[str, frozenset[str]]:
    """Read CLUSTER NODES: the flags of each node by its id, as `master`, `slave`, `fail`."""
    lines = (line.split(" ") for line in nodes.decode("utf-8", "replace").splitlines() if line)
    return {words[0]: frozenset(words[2].split(",")) for words in lines}
