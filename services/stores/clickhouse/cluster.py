"""All servers of a ClickHouse cluster, asked by way of the one that is connected to.

Each server answers a question about itself, in one row, by `clusterAllReplicas` over a `view`; so
who answered is known, and a shard that did not is never taken for an empty one. Rows of tables
are read through `cluster`, one replica of each shard, by `Asking`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clickhouse_connect.driver.binding import quote_identifier
from clickhouse_connect.driver.client import Client

from services.errors import StoreMisconfigured, StoreUnavailable
from services.stores.clickhouse.connect import PATTERNS, STORE, Identifier, Names
from services.stores.clickhouse.servers import (
    LATE,
    Answer,
    Copy,
    Misplaced,
    Server,
    named,
    placed,
    servers_of,
    silent,
    speakers,
)
from services.tenancy.layout import text_of

if TYPE_CHECKING:
    from services.stores.clickhouse.query import Asking

_SKIPS = "skip_unavailable_shards"
_WHOLE: Mapping[str, Any] = {
    _SKIPS: 0,
    "fallback_to_stale_replicas_for_distributed_queries": 0,
    "max_replica_delay_for_distributed_queries": LATE,
    "load_balancing": "in_order",
    "distributed_product_mode": "global",
}
"""With these a question is answered by all shards, by replicas that are not behind, or not."""

_ABOUT = """
SELECT (SELECT groupArray((shard_num, replica_num, host_name, port))
        FROM system.clusters WHERE cluster = {the_cluster:String}),
       (SELECT groupArray((name, engine_full))
        FROM system.tables WHERE database = {db:String} AND engine = 'Distributed')
"""
_EVERYONE = """
SELECT * FROM clusterAllReplicas(%s, view(
    SELECT hostName() AS __host, toUInt16(tcpPort()) AS __port,
           (SELECT groupArray((shard_num, replica_num)) FROM system.clusters
            WHERE cluster = {the_cluster:String} AND is_local) AS __at,
           (SELECT groupArray((database, table, zookeeper_path, is_readonly, is_session_expired,
                               absolute_delay, queue_size, total_replicas))
            FROM system.replicas WHERE database IN {the_homes:Array(String)}) AS __copies,
           *
    FROM (%s)
))
"""
_FRESH = 5.0
_NOTHING = "SELECT 1"
_LISTED = "SELECT groupArray(tuple(*)) FROM (%s)"
_NAME = r"('(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|\w+)"
_TARGET = re.compile(rf"Distributed\(\s*{_NAME}\s*,\s*{_NAME}\s*,\s*{_NAME}", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MEANS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "0": "\0", "a": "\a", "v": "\v"}


def whole(client: Client, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the settings of a question, with those that make its answer whole.

    Raises StoreMisconfigured where this user's answers leave out shards, and have to.
    """
    known = client.server_settings.get(_SKIPS)
    if known is not None and known.readonly and str(known.value) not in {"0", "false"}:
        reason = f"{_SKIPS} is set for this user, who may not set it back: figures would be short"
        raise StoreMisconfigured(STORE, "asking a cluster", reason)
    return {**_WHOLE, **(settings or {})}


@dataclass(frozen=True, slots=True)
class Target:
    """What a Distributed table stands before: a table of every server of a cluster."""

    cluster: str
    database: str
    table: str

    @classmethod
    def of(cls, engine_full: str, home: str) -> Target | None:
        """Read it out of `engine_full`, as ClickHouse writes that; `home` where it has none.

        An empty database is each server's own default one: then it is the Distributed table's.
        """
        found = _TARGET.match(engine_full)
        if found is None:
            return None
        cluster, database, table = map(_plain, found.groups())
        return cls(cluster, database or home, table)


def _plain(name: str) -> str:
    if name[0] not in "'`":
        return name
    return _ESCAPE.sub(lambda found: _MEANS.get(found[1], found[1]), name[1:-1])


@dataclass(frozen=True, slots=True)
class Roll:
    """Who is in a cluster, and what each answered that did."""

    servers: tuple[Server, ...]
    answers: Mapping[Server, Answer]

    @property
    def silent(self) -> tuple[Server, ...]:
        """Who did not answer."""
        return silent(self.servers, self.answers)


class Cluster:
    """Asks the servers of a cluster. Every method raises StoreError.

    Who is in it is asked again when that is `_FRESH` seconds old.
    """

    def __init__(self, asking: Asking) -> None:
        self._asking, self._name = asking, asking.cluster or ""
        self._known: tuple[float, tuple[tuple[Server, ...], dict[str, Target]]] | None = None

    def about(self, operation: str) -> tuple[tuple[Server, ...], dict[str, Target]]:
        """Return the servers, and what each Distributed table of KATO's database stands before.

        One of another cluster is left out: it is no table of these servers.
        """
        if self._known is not None and time.monotonic() - self._known[0] < _FRESH:
            return self._known[1]
        found, faces = self._asking.row(operation, _ABOUT, {"the_cluster": self._name})
        servers = servers_of(found)
        if not servers:
            reason = "system.clusters has no cluster of the name in CLICKHOUSE_CLUSTER"
            raise StoreMisconfigured(STORE, operation, reason)
        targets = {
            text_of(name): Target.of(text_of(full), self._asking.database) for name, full in faces
        }
        own = {name: at for name, at in targets.items() if at and at.cluster == self._name}
        self._known = time.monotonic(), (servers, own)
        return servers, own

    def roll(
        self,
        operation: str,
        query: str = _NOTHING,
        bound: Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> Roll:
        """Ask every server a question about itself that has one row."""
        servers, faces = self.about(operation)
        homes = {self._asking.database, *(at.database for at in faces.values())}
        there = {**(bound or {}), "the_cluster": self._name, "the_homes": Names(sorted(homes))}
        asked = _EVERYONE % (quote_identifier(self._name), query)
        rows = self._asking.local(operation, asked, there, settings={**(settings or {}), _SKIPS: 1})
        answers = [
            Answer((text_of(host), port), tuple(map(tuple, at)), row, tuple(map(Copy.of, copies)))
            for host, port, at, copies, *row in rows
        ]
        try:
            return Roll(servers, placed(servers, answers))
        except Misplaced as exc:
            raise StoreMisconfigured(STORE, operation, str(exc)) from None

    def each(
        self, operation: str, query: str, bound: Mapping[str, Any]
    ) -> list[Sequence[Sequence[Any]]]:
        """Return the rows of one server of each shard, in the order of the shards.

        Raises StoreUnavailable where nobody speaks for one.
        """
        roll = self.roll(operation, _LISTED % query, bound)
        speaks = speaking(roll, operation).values()
        return [roll.answers[server].row[0] for server in speaks]

    def replicas(
        self,
        operation: str,
        query: str,
        bound: Mapping[str, Any],
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> list[tuple[int, str, Sequence[Any]]]:
        """Return shard, name and answer of every server. Raises StoreUnavailable for the silent."""
        roll = self.roll(operation, query, bound, settings=settings)
        if roll.silent:
            reason = f"no answer from {named(roll.silent)}"
            raise StoreUnavailable(STORE, operation, reason)
        return [(each.shard, str(each), roll.answers[each].row) for each in roll.servers]

    def patterns(self) -> dict[str, Identifier]:
        """Return database and name of the tables that hold KATO's patterns on each server."""
        target = self.about("looking for the patterns")[1].get(PATTERNS)
        at = (target.database, target.table) if target else (self._asking.database, PATTERNS)
        return dict(zip(("home", "table"), map(Identifier, at), strict=True))


def speaking(roll: Roll, operation: str) -> dict[int, Server]:
    """Return who speaks for each shard. Raises StoreUnavailable where nobody does."""
    found = dict[int, Server]()
    for shard, server in speakers(roll.servers, roll.answers).items():
        if server is None:
            of = [each for each in roll.servers if each.shard == shard]
            mute = silent(of, roll.answers)
            late = [each for each in of if each in roll.answers]
            said = [f"no answer from {named(mute)}"] if mute else []
            said += [f"{named(late)} is {LATE} s or more behind"] if late else []
            raise StoreUnavailable(STORE, operation, " and ".join(said))
        found[shard] = server
    return found
