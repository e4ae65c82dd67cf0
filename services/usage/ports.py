"""What the snapshot asks of each store and of this product's records; adapters answer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from services.figures import Amount, Measure
from services.tenancy.kb_ids import TenantKey
from services.tenancy.names import Confirmation
from services.usage.readings import (
    KeyReading,
    PatternReading,
    ProcessorReading,
    SeenNode,
)


class PatternSource(Protocol):
    """What the snapshot asks of ClickHouse."""

    def quick(self) -> PatternReading:
        """Read counts and bytes from the catalogue alone."""

    def read(self, *, last: PatternReading | None = None) -> PatternReading:
        """Read everything exactly, or return the last reading where nothing was written since."""


class KeySource(Protocol):
    """What the snapshot asks of Redis."""

    def estimate(self, kb_ids: Sequence[str]) -> KeyReading:
        """Estimate the number of keys from KATO's own counters."""

    def read(
        self, *, memory: bool = True, progress: Callable[[KeyReading], None] | None = None,
        last: KeyReading | None = None,
    ) -> KeyReading:  # fmt: skip
        """Read the whole keyspace in one pass, or as it was last where nothing was written."""


class Reading(Protocol):
    """What a pass brings back: parts, and the store's own total of them."""

    @property
    def total(self) -> Amount:
        """The store's own sum, asked for apart from the parts."""


class Source(Protocol):
    """What the snapshot asks of a store that has nothing to say before its pass has ended."""

    def read(self) -> Reading:
        """Read everything in one pass."""


class ProcessorSource(Protocol):
    """What the snapshot asks of KATO."""

    def cached_processors(self) -> ProcessorReading:
        """Return the node_ids that KATO's workers have in memory."""


class UsageRecords(Protocol):
    """This product's own records of node_ids and totals. Every method raises StoreUnavailable."""

    def record_nodes(self, seen: Mapping[str, str], at: datetime) -> None:
        """Record node_ids (each with where it was seen) as seen at this time."""

    def nodes_version(self) -> int:
        """Return a number that is another one whenever what is known of names changed anywhere."""

    def nodes(self) -> tuple[SeenNode, ...]:
        """Return every node_id that was ever seen."""

    def confirmations(self) -> tuple[Confirmation, ...]:
        """Return what admins confirmed, one a kb_id."""

    def services(self) -> Mapping[TenantKey, tuple[str, ...]]:
        """Return each SERVICE_NAME of instances in which a tenant is, or was, in these stores.

        The one under which it writes now is the first; an empty one is that which all share.
        """

    def record_totals(self, totals: Mapping[Measure, Amount], at: datetime) -> None:
        """Add one point to the history of each measure."""

    def history(self, measure: Measure, since: datetime) -> tuple[tuple[datetime, Amount], ...]:
        """Return the recorded totals of one measure since a time, oldest first."""

    def last_totals(self) -> dict[Measure, tuple[datetime, Amount]]:
        """Return the newest recorded total of each measure."""
