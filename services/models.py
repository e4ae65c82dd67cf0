"""What crosses layers: frozen values, no behaviour beyond arithmetic. Pure.

Units: `count` is a number of patterns, keys, points or sessions; `bytes` are bytes; times are
aware datetimes in UTC; durations are seconds. `None` means *not known*, never zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.attribution import Claim, ClaimState, Owner
from services.identity import TenantKey


class Measure(StrEnum):
    """The four things that are counted for every tenant."""

    __hash__ = str.__hash__  # Enum's own is not written in C

    PATTERNS = "patterns"
    KEYS = "keys"
    VECTORS = "vectors"
    SESSIONS = "sessions"


class StoreState(StrEnum):
    """Whether a store's figures are there."""

    OK = "ok"
    UNKNOWN = "unknown"
    NOT_CONFIGURED = "not_configured"


class Precision(StrEnum):
    """How a figure came about: the whole was read, a part of it was, or KATO's own counters."""

    EXACT = "exact"
    SAMPLED = "sampled"
    RUNNING = "running"
    ESTIMATE = "estimate"


@dataclass(frozen=True, slots=True)
class Amount:
    """A count and its bytes.

    `bytes` is None where they are not known. The margins are half the width of the 95 %
    confidence interval, 0 for an exact figure.
    """

    count: int = 0
    bytes: int | None = 0
    count_margin: float = 0.0
    bytes_margin: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        """Add two amounts; bytes are summed where known, independent errors in quadrature."""
        return Amount(
            self.count + other.count,
            _sum_known(self.bytes, other.bytes),
            math.hypot(self.count_margin, other.count_margin),
            math.hypot(self.bytes_margin, other.bytes_margin),
        )


def _sum_known(a: int | None, b: int | None) -> int | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b


# --- what a pass over one store brings back -------------------------------------------------


@dataclass(frozen=True, slots=True)
class PatternUsage:
    """What ClickHouse holds of one kb_id.

    `amount` counts rows of `patterns_data` and bytes on disk of every table with a kb_id;
    `rows_by_table` counts the rows of each table. `bytes_shared_out` is True where a table is
    not partitioned by kb_id and its bytes were divided by rows.
    """

    kb_id: str
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

    `total` is the store's own sum, asked for apart from the parts.
    """

    usages: tuple[PatternUsage, ...]
    tables: tuple[TableInfo, ...]
    total: Amount
    precision: Precision = Precision.EXACT


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

    `keys_before` and `keys_after` are DBSIZE around the pass, `share` the part of the keyspace
    that was scanned. `index_members` counts the active index, `stale_members` those of them
    whose session is gone. `samples` are names of keys that belong to nobody, `evicts` the
    server's eviction policy, where it says.
    """

    groups: tuple[KeyGroup, ...]
    sessions: tuple[SessionRecord, ...]
    keys_before: int
    keys_after: int
    with_ttl: int
    used_memory: int
    index_members: int = 0
    stale_members: int = 0
    samples: tuple[str, ...] = ()
    share: float = 1.0
    precision: Precision = Precision.EXACT
    memory_share: float = 1.0


@dataclass(frozen=True, slots=True)
class CollectionUsage:
    """One Qdrant collection.

    `amount` counts points; its bytes are None where the server does not say. `size` is the
    vectors' dimension and `distance` its metric, None for a collection without a single vector
    config. `points_by_tenant` splits a collection that is shared by payload; None where it is
    not shared, or could not be split (`problem` says why).
    """

    name: str
    amount: Amount
    status: str
    size: int | None = None
    distance: str | None = None
    indexed: int | None = None
    points_by_tenant: Mapping[str, int] | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class VectorReading:
    """One pass over Qdrant. `total` is the sum over its collections as it reports them."""

    collections: tuple[CollectionUsage, ...]
    total: Amount
    precision: Precision = Precision.EXACT
    bytes_note: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """What a store answered when asked how it is. `latency` is in seconds."""

    store: str
    version: str
    latency: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """How one store is. `health` is None unless it answered; `advice` says what to do."""

    store: str
    state: StoreState
    health: Health | None
    problem: str | None = None
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class CachedProcessor:
    """A processor in KATO's memory: a node_id paired with its kb_id."""

    node_id: str
    kb_id: str


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


# --- the snapshot ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Usage:
    """The four figures of one owner; None where the store's figures are not known."""

    patterns: Amount | None
    keys: Amount | None
    vectors: Amount | None
    sessions: Amount | None
    keys_by_kind: Mapping[str, int] | None = None

    def of(self, measure: Measure) -> Amount | None:
        """Return the figure of one measure, whose value is the field's name."""
        amount: Amount | None = getattr(self, measure)
        return amount


@dataclass(frozen=True, slots=True)
class KbUsage:
    """Usage of one kb_id or, in the guide's layout, of what carries a tenant's id.

    `name` is the kb_id, or a label for the guide's layout (then `is_kb` is False).
    """

    name: str
    is_kb: bool
    claim: Claim
    usage: Usage
    nodes: tuple[str, ...] = ()
    first_write: datetime | None = None
    last_write: datetime | None = None
    collections: tuple[str, ...] = ()
    rows_by_table: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TenantUsage:
    """Usage of one tenant: what is only its own. `shared` names kb_ids it holds with others."""

    tenant: TenantKey
    claim: ClaimState
    usage: Usage
    parts: tuple[KbUsage, ...]
    shared: tuple[str, ...] = ()

    @property
    def kb_ids(self) -> tuple[str, ...]:
        """The kb_ids that are this tenant's alone."""
        own = (part.name for part in self.parts if part.is_kb)
        return tuple(name for name in own if name not in self.shared)

    @property
    def last_write(self) -> datetime | None:
        """When a pattern of this tenant was last written, or None when not known."""
        return max((p.last_write for p in self.parts if p.last_write), default=None)


@dataclass(frozen=True, slots=True)
class Unattributed:
    """What belongs to nobody, with samples of its names."""

    usage: Usage
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """One measure over the whole fleet, and how its pass went.

    `total` is the store's own sum and `difference` that sum less the sum of all parts: 0 unless
    the store changed while it was read. When `state` is not ok, `total` is None, `reason` says
    why, and `last_good` with `collected_at` tell what was last read and when. `seconds` is how
    long the pass took, `bytes_note` what the store's bytes are, where that needs saying.
    """

    measure: Measure
    state: StoreState
    total: Amount | None = None
    reason: str | None = None
    collected_at: datetime | None = None
    precision: Precision = Precision.EXACT
    share: float = 1.0
    difference: Amount = Amount()
    seconds: float | None = None
    last_good: Amount | None = None
    bytes_note: str = ""

    @property
    def failed(self) -> bool:
        """Whether the store was asked and did not answer; not so before its first answer."""
        return self.state is StoreState.UNKNOWN and self.precision is not Precision.RUNNING


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole fleet at one moment. Conserved: tenants + shared + unattributed = total.

    `keys` is the pass over Redis without its groups and sessions. `kato_problem` says why KATO's
    API could not be asked which node_ids it has in memory.
    """

    collected_at: datetime
    stores: Mapping[Measure, StoreFigures]
    tenants: tuple[TenantUsage, ...]
    shared: tuple[KbUsage, ...]
    unattributed: Unattributed
    sessions: tuple[SessionRecord, ...] = ()
    tables: tuple[TableInfo, ...] = ()
    collections: tuple[CollectionUsage, ...] = ()
    keys: KeyReading | None = None
    kato_problem: str | None = None

    def tenant(self, tenant: TenantKey) -> TenantUsage | None:
        """Return one tenant's usage, or None when nothing of it was found."""
        return next((usage for usage in self.tenants if usage.tenant == tenant), None)

    @property
    def settled(self) -> bool:
        """Whether no figure is still being worked out."""
        passing = (Precision.RUNNING, Precision.ESTIMATE)
        return all(figures.precision not in passing for figures in self.stores.values())
