"""What the stores bring back (frozen values, one reading a pass), and who brings it. Pure.

Units as in `services.figures`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from services.figures import Amount, Precision
from services.tenancy.layout import Owner
from services.tenancy.names import Origin, Source

if TYPE_CHECKING:
    from services.usage.vector_cluster import ShardKey, VectorCluster


@dataclass(frozen=True, slots=True)
class Mark:
    """By what a store tells that nothing was written since a pass during which nothing was.

    `state` is then as it was; `at` is when it was last seen to be, and from `until` on the reading
    does not hold any more, both in seconds since 1970 by the store's clock. `passed` is when the
    pass ended, by this process's monotonic clock.
    """

    state: tuple[str, ...]
    at: float = 0.0
    until: float = math.inf
    passed: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class PatternUsage:
    """What ClickHouse holds of one kb_id; of rows without one, where `kb_id` is None.

    `amount` counts the different names in `patterns_data`, and bytes on disk of every table with
    a kb_id; `rows_by_table` counts the rows of each table. `bytes_shared_out` is True where a
    table is not partitioned by kb_id and its bytes were divided by rows.
    """

    kb_id: str | None
    amount: Amount
    first_write: datetime | None = None
    last_write: datetime | None = None
    rows_by_table: Mapping[str, int] = field(default_factory=dict)
    bytes_shared_out: bool = False


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A table of KATO's database: rows and bytes on disk, and how it is laid out."""

    name: str
    engine: str
    partition_key: str
    has_kb_id: bool
    rows: int
    bytes: int
    parts: int
    partitions: int


@dataclass(frozen=True, slots=True)
class PatternReading:
    """One pass over ClickHouse.

    `total` is the store's own sum, asked for apart from the parts. `mark` tells whether it still
    holds, None where that cannot be told.
    """

    usages: Sequence[PatternUsage]
    tables: tuple[TableInfo, ...]
    total: Amount
    precision: Precision = Precision.EXACT
    mark: Mark | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """All keys of one kind with one owner, as their names say."""

    owner: Owner
    kind: str
    amount: Amount
    sure: bool = True


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One session as Redis holds it, in KATO's layout or the guide's.

    `owner` is the node_id (KATO) or the tenant's id (guide); a record that does not parse has
    `readable` False and says in `problem` why. `expires_in` is the TTL in seconds, None for a
    record that never expires. `bytes` is the record's memory.
    """

    key: str
    session_id: str
    owner: Owner
    created_at: datetime | None = None
    last_accessed: datetime | None = None
    expires_in: float | None = None
    stm_length: int | None = None
    bytes: int | None = None
    readable: bool = True
    problem: str = ""


@dataclass(frozen=True, slots=True)
class KeyReading:
    """One pass over Redis.

    `keys_before` and `keys_after` are what the server counts around the pass, None where it does
    not tell us; `share` the part of the keyspace
    that was scanned. `sessions` and the index are known once the pass has ended: `index_members`
    counts the active index, `stale_members` those of them whose session is gone, `unindexed` the
    sessions of KATO's that are not in it, which KATO does not count. `with_ttl`
    counts the keys that expire; it and `used_memory` are what the server says of itself.
    `samples` are names of keys that belong to nobody. `mark` tells whether it still holds, None
    where that cannot be told.

    Where memory was carried over from an earlier pass, `memory_at` is when that began. `base` is
    what the store carries it over by, for nobody else to read.
    """

    groups: Sequence[KeyGroup]
    sessions: tuple[SessionRecord, ...] | None
    keys_before: int | None
    keys_after: int | None
    with_ttl: int | None
    used_memory: int | None
    index_members: int | None = None
    stale_members: int | None = None
    unindexed: int | None = None
    samples: tuple[str, ...] = ()
    share: float = 1.0
    precision: Precision = Precision.EXACT
    memory_share: float = 1.0
    mark: Mark | None = field(default=None, compare=False)
    memory_at: datetime | None = None
    base: object = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CollectionUsage:
    """One Qdrant collection.

    `amount` counts points; its bytes are None where the server does not say. `size` is the
    vectors' dimension and `distance` its metric, None for a collection without a single vector
    config. `points_by_tenant` splits a collection that is shared by payload; None where it is
    not shared, or could not be split (`problem` says why). `aliases` are the other names that
    it is read and written by. `points_by_shard` splits it by the key of the shard and then by
    tenant, where it is shared and has shards by key: a point may be in two of them.
    """

    name: str
    amount: Amount
    status: str
    size: int | None = None
    distance: str | None = None
    indexed: int | None = None
    points_by_tenant: Mapping[str, int] | None = None
    problem: str = ""
    aliases: tuple[str, ...] = ()
    points_by_shard: Mapping[ShardKey, Mapping[str, int]] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that reaches it, its own first."""
        return (self.name, *self.aliases)


@dataclass(frozen=True, slots=True)
class VectorReading:
    """One pass over Qdrant. `total` is the sum over its collections as it reports them.

    `cluster` is None where it is one server alone, or does not tell.
    """

    collections: tuple[CollectionUsage, ...]
    total: Amount
    precision: Precision = Precision.EXACT
    bytes_note: str = ""
    cluster: VectorCluster | None = None


@dataclass(frozen=True, slots=True)
class CachedProcessor:
    """A processor in KATO's memory: a node_id paired with its kb_id."""

    node_id: str
    kb_id: str


@dataclass(frozen=True, slots=True)
class ProcessorReading:
    """What KATO's workers have in memory, all of them together as far as they answered.

    `unanswered` counts connections that got no answer: what only such a worker has is not known.
    """

    processors: tuple[CachedProcessor, ...] = ()
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class CreatedSession:
    """KATO's answer to a new session; `config` is what KATO accepted."""

    session_id: str
    node_id: str
    ttl_seconds: int
    created_at: datetime | None
    expires_at: datetime | None
    metadata: Mapping[str, object]
    config: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SeenNode:
    """A node_id that was seen: where first, and when first and last; `by` is who imported it."""

    node_id: str
    source: str
    first_seen: datetime
    last_seen: datetime
    by: str = ""


def origins_of(nodes: Iterable[SeenNode]) -> dict[str, Origin]:
    """Return since when, and from where, each node_id is known."""
    sources: dict[str, Source] = {}  # few: what they are written as is read once
    found = {}
    for node in nodes:
        source = sources.get(node.source) or sources.setdefault(node.source, Source.of(node.source))
        found[node.node_id] = Origin(node.first_seen, source, node.by)
    return found
