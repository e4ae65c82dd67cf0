"""Which servers hold the keys, and whether their replicas have what was written to them.

A replica that takes the place of its primary brings back what was erased and had not reached it,
and takes back whatever else was acknowledged.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import hiredis

from services.errors import StoreMisconfigured
from services.stores.redis.errors import STORE
from services.stores.redis.link import Link, packed
from services.stores.redis.server import asked, fields_of

_WAITS = 3.0
"""Seconds in which replicas are to say that they have it all: they do so once a second."""

_POLL = 0.1
_FOLLOWER = "slave"


@dataclass(frozen=True, slots=True)
class Following:
    """How far a server has written, in bytes, and how far each of its replicas has followed."""

    written: int
    followed: tuple[int, ...]

    def behind(self, written: int) -> int:
        """Return how many replicas have not yet what was written by then."""
        return sum(each < written for each in self.followed)


def replicas(link: Link) -> int:
    """Return how many replicas follow. Raises what was answered where a server does not tell."""
    return sum(len(following(each).followed) for each in link.primaries)


def behind(link: Link) -> tuple[int, int]:
    """Wait for the replicas to have all that was written; how many have not, of how many.

    Raises what was answered where a server does not tell.
    """
    late = whole = 0
    ends = time.monotonic() + _WAITS
    for each in link.primaries:
        now = following(each)
        written = now.written
        while now.behind(written) and time.monotonic() < ends:
            time.sleep(_POLL)
            now = following(each)
        late, whole = late + now.behind(written), whole + len(now.followed)
    return late, whole


def following(link: Link) -> Following:
    """Ask one server for its replicas, by ROLE or else by INFO."""
    link.send(packed("ROLE") + packed("INFO", "replication"))
    role, told = link.replies(2)
    if isinstance(role, list) and role[0] == b"master":
        return Following(int(role[1]), tuple(int(offset) for _, _, offset in role[2]))
    if isinstance(told, hiredis.ReplyError):
        raise link.error(told)
    return _by_info(fields_of(told))


def _by_info(facts: Mapping[str, str]) -> Following:
    number = facts.get("connected_slaves", "")
    if not number.isdigit():
        raise StoreMisconfigured(STORE, "asking for its replicas", "it does not tell how many")
    lines = (facts.get(f"{_FOLLOWER}{at}", "") for at in range(int(number)))
    pairs = (dict(pair.split("=", 1) for pair in line.split(",") if "=" in pair) for line in lines)
    offsets = (pair.get("offset", "0") for pair in pairs)
    return Following(
        int(facts.get("master_repl_offset", "0")),
        tuple(int(offset) if offset.isdigit() else 0 for offset in offsets),
    )


def servers(link: Link) -> frozenset[str]:
    """Return what the processes are known by that hold the keys; none where one does not tell.

    Another process in its place is a replica that took over, or the same one started again.
    """
    found = set()
    for each in link.primaries:
        (told,) = asked(each, ("INFO", "server"))
        name = None if told is None else fields_of(told).get("run_id")
        if not name:
            return frozenset()
        found.add(name)
    return frozenset(found)
