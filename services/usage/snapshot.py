"""The whole fleet at one moment, owner by owner: frozen values. Pure.

Units as in `services.figures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from services.errors import Problem
from services.figures import Amount, Measure, Precision, StoreState, Usage
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Claim, ClaimState
from services.usage.readings import CollectionUsage, KeyReading, SessionRecord, TableInfo

if TYPE_CHECKING:
    from services.usage.ports import Reading
    from services.usage.vector_cluster import VectorCluster

PASSING = (Precision.RUNNING, Precision.ESTIMATE)
"""How figures come about while their pass has not ended."""

COLLECTION_PART = "collection:"
"""How a part is called that is a collection under names of several tenants."""


@dataclass(frozen=True, slots=True)
class KbUsage:
    """Usage of one kb_id or, in the guide layout, of what carries a tenant's id.

    `name` is the kb_id, or a label (then `is_kb` is False): `tenant:{id}` for the guide layout,
    `collection:{name}` for a collection that stands under names of several tenants.
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

    @property
    def is_guides(self) -> bool:
        """Whether it is what carries a tenant's id in the guide layout."""
        return not self.is_kb and not self.name.startswith(COLLECTION_PART)


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


@runtime_checkable
class ByTenant(Protocol):
    """Tenants of whom one is found without a look at the others."""

    def of(self, tenant: TenantKey) -> TenantUsage | None:
        """Return one tenant's usage, or None when nothing of it was found."""


@dataclass(frozen=True, slots=True)
class Unattributed:
    """What belongs to nobody, with samples of its names."""

    usage: Usage
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """One measure over the whole fleet, and how its pass went.

    `total` is the store's own sum and `difference` that sum less the sum of all parts: 0 unless
    the store changed while it was read, None where the store does not tell us its own count (then
    `total` is what its parts sum up to). When `state` is not ok, `total` is None, `reason` says
    why, `last_good` with `collected_at` tell what was last read and when, and `failing_since` when
    the first pass in a row failed, where it was asked and did not answer. `seconds` is how long the
    pass took, `bytes_note` what the store's bytes are, where that needs saying. `memory_at` is
    when memory was read that was carried over since, None where it was not.
    """

    measure: Measure
    state: StoreState
    total: Amount | None = None
    reason: Problem | None = None
    collected_at: datetime | None = None
    precision: Precision = Precision.EXACT
    share: float = 1.0
    difference: Amount | None = field(default_factory=Amount)
    seconds: float | None = None
    last_good: Amount | None = None
    bytes_note: str = ""
    failing_since: datetime | None = None
    memory_at: datetime | None = None

    @property
    def whole(self) -> bool:
        """Whether it was read to the end: what was not found then is not there."""
        passing = self.precision in PASSING or self.share < 1
        return self.state is StoreState.OK and self.total is not None and not passing

    @property
    def failed(self) -> bool:
        """Whether the store was asked and did not answer; not so before its first answer."""
        return self.state is StoreState.UNKNOWN and self.precision is not Precision.RUNNING

    @property
    def unread(self) -> Problem | None:
        """Why not all of it is known; None where it was read to the end or is not configured."""
        if self.state is StoreState.UNKNOWN:
            return self.reason or Problem("it was not read")
        if self.share < 1:
            return Problem(f"only {self.share:.0%} of it was read in time")
        return None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole fleet at one moment. Conserved: tenants + shared + unattributed = total.

    `sessions` is None where they are not known. `keys` is the pass over Redis without its groups
    and sessions. `kato_problem` says why KATO's API could not be asked which node_ids it has in
    memory, and `kato_failing_since` when the first pass in a row got no answer at all from it.
    `vector_cluster` are Qdrant's peers, None where it is one server alone.
    """

    collected_at: datetime
    stores: Mapping[Measure, StoreFigures]
    tenants: Sequence[TenantUsage]
    shared: tuple[KbUsage, ...]
    unattributed: Unattributed
    sessions: tuple[SessionRecord, ...] | None = None
    tables: tuple[TableInfo, ...] = ()
    collections: tuple[CollectionUsage, ...] = ()
    keys: KeyReading | None = None
    kato_problem: Problem | None = None
    kato_failing_since: datetime | None = None
    vector_cluster: VectorCluster | None = None

    def tenant(self, tenant: TenantKey) -> TenantUsage | None:
        """Return one tenant's usage, or None when nothing of it was found."""
        if isinstance(self.tenants, ByTenant):
            return self.tenants.of(tenant)
        return next((usage for usage in self.tenants if usage.tenant == tenant), None)

    @property
    def parts(self) -> tuple[KbUsage, ...]:
        """Every part that has an owner: those of tenants, then those that several hold."""
        return (*(part for tenant in self.tenants for part in tenant.parts), *self.shared)

    @property
    def kb_ids(self) -> frozenset[str]:
        """Every kb_id that somebody holds."""
        return frozenset(part.name for part in self.parts if part.is_kb)

    @property
    def unread(self) -> Mapping[Measure, Problem]:
        """The measures of which not the whole is known, with why."""
        reasons = {measure: figures.unread for measure, figures in self.stores.items()}
        return {measure: why for measure, why in reasons.items() if why is not None}

    @property
    def in_part(self) -> tuple[Measure, ...]:
        """The measures of which something may be there that was not found."""
        return tuple(measure for measure, figures in self.stores.items() if not figures.whole)

    @property
    def settled(self) -> bool:
        """Whether no figure is still being worked out."""
        return all(figures.precision not in PASSING for figures in self.stores.values())


def own_total(measure: Measure, reading: KeyReading | Reading, parts: Amount) -> Amount:
    """Return what a store says it holds, apart from what its parts add up to.

    Redis says how many keys it has (DBSIZE), not how many bytes their values take and not how
    many of the keys are sessions: these come from the parts. So do the keys where it does not
    let us ask.
    """
    if isinstance(reading, KeyReading):
        if measure is Measure.SESSIONS or reading.sessions is None or reading.keys_after is None:
            return parts
        return replace(parts, count=reading.keys_after - len(reading.sessions))
    return reading.total


def is_untold(reading: object) -> bool:
    """Whether Redis did not tell us how many keys it has."""
    return isinstance(reading, KeyReading) and reading.keys_after is None


def difference(total: Amount, parts: Amount) -> Amount:
    """Return the store's own total less the sum of its parts."""
    if total.bytes is None or parts.bytes is None:
        return Amount(total.count - parts.count, None)
    return Amount(total.count - parts.count, total.bytes - parts.bytes)
