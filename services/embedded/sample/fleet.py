"""The sample fleet: a KATO deployment that could be somebody's, generated from a seed. Pure.

It is in KATO's layout, of very unequal tenants over several naming schemes, and has what a real
one has: two tenants on one kb_id, names that are prefixes of others, orphans of each sort,
sessions live and expired, a stream that nobody's purge can take apart, a kb_id that no scheme
reads, and a bit of the isolation guide's own layout.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from services.embedded.sample import guide_layout as fleet_guide, sessions as fleet_sessions
from services.embedded.sample.keys import keys
from services.embedded.sample.patterns import collection, patterns, random_of, row
from services.embedded.sample.tenants import Node, nodes
from services.embedded.write.dataset import Collection, Entry, Row


@dataclass(frozen=True, slots=True)
class Fleet:
    """A dataset that is the same for the same values, and is never whole in memory.

    `tenants` counts those in KATO's layout, `largest` is about the patterns of the largest of
    them, `now` the time to which ages and TTLs refer, `service` KATO's SERVICE_NAME.
    """

    seed: int
    tenants: int
    now: datetime
    largest: int
    service: str

    def nodes(self) -> Iterator[Node]:
        """Yield the nodes, tenant by tenant, then those that are odd."""
        return nodes(
            seed=self.seed, tenants=self.tenants, largest=self.largest, service=self.service
        )

    def rows(self) -> Iterator[Row]:
        """Yield the rows of `patterns_data`, those of one kb_id together."""
        for node in self.nodes():
            if node.rows:
                random = random_of(self.seed, "rows", node.kb_id)
                for pattern in patterns(node, seed=self.seed, now=self.now):
                    yield row(node, pattern, random=random)

    def entries(self) -> Iterator[Entry]:
        """Yield the Redis keys."""
        yield from self._kept()
        yield from self._sessions()
        yield from self._nobodys()

    def collections(self) -> Iterator[Collection]:
        """Yield the collections of vectors."""
        for node in self.nodes():
            if node.vectors and node.collection:
                yield collection(node, seed=self.seed)
        yield from fleet_guide.collections(random=random_of(self.seed, "guide", "vectors"))

    def _kept(self) -> Iterator[Entry]:
        for node in self.nodes():
            if node.patterns and node.keys:
                learnt = list(patterns(node, seed=self.seed, now=self.now))
                yield from keys(node, learnt, random=random_of(self.seed, "keys", node.kb_id))

    def _sessions(self) -> Iterator[Entry]:
        index = fleet_sessions.Index()
        for node in self.nodes():
            random = random_of(self.seed, "sessions", node.node_id)
            for session in fleet_sessions.sessions(node, random=random, now=self.now):
                yield from session.entries
                yield from index.add(session.session_id)
        yield from index.rest()

    def _nobodys(self) -> Iterator[Entry]:
        first = next(self.nodes())
        random = random_of(self.seed, "nobody")
        yield from fleet_sessions.streams(first, random=random, now=self.now)
        yield from fleet_sessions.caches()
        yield from fleet_guide.entries(random=random, now=self.now)


def fleet(
    seed: int = 7,
    *,
    tenants: int = 24,
    now: datetime | None = None,
    largest: int = 2800,
    service: str = "kato",
) -> Fleet:
    """Return the sample fleet. With 24 tenants or more it has every oddity."""
    return Fleet(seed, tenants, now or datetime.now(UTC), largest, service)
