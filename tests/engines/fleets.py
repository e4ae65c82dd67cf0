"""Small fleets in memory, of any node_ids: what KATO would have stored for each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha1

from services.embedded.write.dataset import Collection, Entry, KeyType, Point, Row
from services.tenancy.kb_ids import kb_id_of
from services.tenancy.layout import bytes_of

_WHEN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class SmallFleet:
    """Each node has some patterns with their keys, a session, and vectors.

    Nodes on one kb_id share its rows, keys and collection, as in KATO.
    """

    nodes: Sequence[str]
    patterns: int = 2
    more: Sequence[Entry] = field(default=())

    @property
    def kb_ids(self) -> list[str]:
        """Every kb_id, once."""
        return list(dict.fromkeys(map(kb_id_of, self.nodes)))

    def rows(self) -> Iterator[Row]:
        """Yield the rows of patterns_data."""
        for kb_id in self.kb_ids:
            for name in self._names(kb_id):
                yield Row("patterns_data", (
                    kb_id, name, [["a"], ["b"]], 2, ["a", "b"], 2, [1], [2], "a", "b", _WHEN, _WHEN,
                ))  # fmt: skip

    def entries(self) -> Iterator[Entry]:
        """Yield the Redis keys."""
        for kb_id in self.kb_ids:
            for name in self._names(kb_id):
                yield Entry(f"{kb_id}:frequency:{name}", KeyType.STRING, "3")
                yield Entry(f"{kb_id}:metadata:{name}", KeyType.STRING, "{}")
            yield Entry(f"{kb_id}:symbols:freq", KeyType.HASH, {"a": "3"})
            yield Entry(f"{kb_id}:symbol_to_patterns:a:*", KeyType.SET, tuple(self._names(kb_id)))
            yield Entry(f"{kb_id}:of no known kind", KeyType.STRING, "x")
        for number, node in enumerate(self.nodes):
            session = {"session_id": f"session-{number}", "node_id": node, "stm": []}
            text = json.dumps(session)
            yield Entry(f"kato:session:session-{number}", KeyType.STRING, text, ttl_ms=9_000_000)
        if self.nodes:
            ids = tuple(f"session-{number}" for number in range(len(self.nodes)))
            yield Entry("kato:session:_active_index", KeyType.SET, (*ids, "session-long-gone"))
        yield from self.more

    def collections(self) -> Iterator[Collection]:
        """Yield a collection for each kb_id that Qdrant would take as a name."""
        for kb_id in self.kb_ids:
            if kb_id.isprintable() and "/" not in kb_id and len(kb_id) < 200:
                point = Point(1, (1.0, 2.0), {"vctr_name": "VCTR|a"})
                yield Collection(f"vectors_{kb_id}", 2, "Euclid", (point,))

    def _names(self, kb_id: str) -> list[str]:
        seeds = (bytes_of(kb_id) + b"/%d" % number for number in range(self.patterns))
        return [sha1(seed, usedforsecurity=False).hexdigest() for seed in seeds]
