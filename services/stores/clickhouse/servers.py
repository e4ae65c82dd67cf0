"""The servers of a cluster: who is where, who answered, and which replica speaks for a shard. Pure.

Parsed as ClickHouse 24 to 26 document `system.clusters` and `system.replicas`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from services.tenancy.layout import text_of

LATE = 30
"""Seconds by which a replica may be behind and still be read."""

_Key = TypeVar("_Key")
_Figure = TypeVar("_Figure", bound="_Summed")


class _Summed(Protocol):
    def __add__(self, other: Any, /) -> Any: ...


class Misplaced(Exception):
    """Servers that do not say which of the cluster's they are; the text says it of them."""


@dataclass(frozen=True, slots=True, order=True)
class Server:
    """One replica of one shard, under the name that the cluster's definition has for it.

    Shards and replicas are numbered from 1, as in `system.clusters`; `port` is the native one.
    """

    shard: int
    replica: int
    host: str
    port: int

    @property
    def address(self) -> str:
        """What a system table calls it."""
        return f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.address} (shard {self.shard}, replica {self.replica})"


@dataclass(frozen=True, slots=True)
class Copy:
    """A replicated table on one server, out of `system.replicas`.

    `path` is where Keeper has it: tables of one path are replicas of each other, whatever a
    cluster's definition says. `behind` is in seconds, `queue` counts operations that wait, `total`
    the replicas that Keeper knows. `alone`: it has no session with Keeper, or may only read.
    """

    table: str
    path: str
    alone: bool
    behind: int
    queue: int
    total: int

    @classmethod
    def of(cls, row: Sequence[Any]) -> Copy:
        """Read a row of `COPIES`."""
        database, table, path, *numbers = row
        readonly, expired, behind, queue, total = map(int, numbers)
        name = f"{text_of(database)}.{text_of(table)}"
        return cls(name, text_of(path), bool(readonly or expired), behind, queue, total)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said of itself when all were asked, and what it said to the question.

    `places` are the shards and replicas that it takes itself for; `called` its own name and port;
    `copies` its replicated tables.
    """

    called: tuple[str, int]
    places: tuple[tuple[int, int], ...]
    row: Sequence[Any] = ()
    copies: tuple[Copy, ...] = ()


def servers_of(rows: Iterable[Sequence[Any]]) -> tuple[Server, ...]:
    """Read shard, replica, host and port, in their order."""
    return tuple(sorted(Server(at, copy, text_of(host), port) for at, copy, host, port in rows))


def placed(servers: Sequence[Server], answers: Iterable[Answer]) -> dict[Server, Answer]:
    """Return what each server of a cluster answered: those that are not in it did not.

    A server knows by itself where in the cluster it is. One that does not, as where the
    definition has the name of a proxy, is found by its name and port. Raises Misplaced for one that
    is found nowhere, and where two answer in one place: what they hold would be counted wrong.
    """
    there = {(each.shard, each.replica): each for each in servers}
    named = defaultdict[tuple[str, int], list[Server]](list)
    for each in servers:
        named[_short(each.host), each.port].append(each)
    found = dict[Server, Answer]()
    for answer in answers:
        name, port = answer.called
        own = [there[at] for at in answer.places if at in there] or named[_short(name), port]
        if not own:
            raise Misplaced(f"{name}:{port} answers, and is not in its definition by that name")
        if len(own) > 1:
            raise Misplaced(f"{name}:{port} is in it more than once")
        for server in own:
            if server in found:
                raise Misplaced(f"two servers take themselves for {server}")
            found[server] = answer
    return found


def silent(servers: Iterable[Server], answered: Collection[Server]) -> tuple[Server, ...]:
    """Return who did not answer."""
    return tuple(each for each in servers if each not in answered)


def speakers(
    servers: Iterable[Server], answers: Mapping[Server, Answer]
) -> dict[int, Server | None]:
    """Return by shard who speaks for it: of those that answered, the one that is least behind.

    None for a shard of which nobody answered, and of which everyone is `LATE` or more. The lowest
    replica number among equals, so that questions that follow each other have the same speaker.
    """
    found = dict[int, Server | None]()
    for server in sorted(servers):
        best = found.setdefault(server.shard, None)
        if server not in answers or behind(answers[server].copies) >= LATE:
            continue
        if best is None or _worth(answers[server].copies) < _worth(answers[best].copies):
            found[server.shard] = server
    return found


def behind(copies: Iterable[Copy]) -> int:
    """Return by how many seconds a server is behind, in the table that is so the most."""
    return max((each.behind for each in copies), default=0)


def _worth(copies: Sequence[Copy]) -> tuple[bool, int]:
    """What counts is whether it hears of writes at all, then how much of them it lacks."""
    return any(each.alone for each in copies), sum(each.queue for each in copies)


def unlisted(answers: Iterable[Answer], mute: int = 0) -> dict[str, tuple[int, int]]:
    """Return the tables with more replicas, as Keeper knows them, than the cluster has.

    Each with how many there are, and how many answered: any of the `mute` servers may have one
    more. What the others hold nobody sees, and no statement of ours erases it by its own.
    """
    asked, known = defaultdict[tuple[str, str], int](int), dict[tuple[str, str], int]()
    for answer in answers:
        for each in answer.copies:
            asked[each.table, each.path] += 1
            known[each.table, each.path] = max(known.get((each.table, each.path), 0), each.total)
    more = {at: (known[at], count) for at, count in sorted(asked.items())
            if known[at] > count + mute}  # fmt: skip
    return {table: counts for (table, _), counts in more.items()}


def most(answers: Iterable[tuple[int, Mapping[_Key, int]]]) -> dict[_Key, int]:
    """Sum over shards what the replica has that has most: no copy of anything is overlooked.

    Each answer comes with the number of its shard.
    """
    shards = defaultdict[int, dict[_Key, int]](dict)
    for shard, figures in answers:
        for key, number in figures.items():
            shards[shard][key] = max(shards[shard].get(key, 0), number)
    return added(shards.values())


def added(figures: Iterable[Mapping[_Key, _Figure]]) -> dict[_Key, _Figure]:
    """Sum figures by their keys."""
    found = dict[_Key, _Figure]()
    for each in figures:
        for key, figure in each.items():
            found[key] = found[key] + figure if key in found else figure
    return found


def named(servers: Iterable[Server]) -> str:
    """Name servers, in their order."""
    return ", ".join(map(str, sorted(servers)))


def _short(host: str) -> str:
    """Return a name without its domain; an address as it is."""
    first, _, rest = host.partition(".")
    return host if not rest or first.isdigit() else first.lower()
