"""How much of something a tenant of a snapshot has, as far as that is known. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from services.errors import Problem
from services.figures import PREDICTIONS, Amount, Measure, Precision, Usage
from services.history.models import Figure, measured
from services.limits.judge import Reading
from services.usage.snapshot import PASSING, Snapshot, StoreFigures, TenantUsage

NOT_READ = Problem("it was not read")
NO_SIZE = Problem("its size is not told")
NOT_WHOLE = Problem("it may be more")
STILL_READ = Problem("it is still being read")

Found = tuple[Reading | None, Problem | None]
"""What a tenant has of a quantity, and why its state may not be told."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one quantity of the tenants of one snapshot.

    `kind` is of keys alone, or empty; bytes are of predictions where there is one.
    """

    measure: Measure
    store: StoreFigures
    is_size: bool
    kind: str

    @classmethod
    def of(cls, quantity: str, snapshot: Snapshot) -> Reader:
        """Return what reads a quantity."""
        measure, kind, is_size = measured(quantity)
        return cls(measure, snapshot.stores[measure], is_size, kind)

    def read(self, usage: TenantUsage) -> Found:
        """Return what a tenant has, of what is its own."""
        amount, store = self._amount(usage.usage), self.store
        if amount is None:
            return None, store.unread or NOT_READ
        figure = self._figure(usage, amount)
        if figure is None:
            return None, NO_SIZE
        if store.precision in PASSING:
            return self._passing(figure)
        if store.share < 1 or (self.is_size and self._sized_in_part(usage)):
            return Reading(figure, at_least=True), NOT_WHOLE
        return Reading(figure), None

    def _amount(self, usage: Usage) -> Amount | None:
        return usage.of(PREDICTIONS if self.is_size and self.kind else self.measure)

    def _figure(self, usage: TenantUsage, amount: Amount) -> Figure | None:
        if self.is_size:
            size = amount.bytes
            return None if size is None else Figure(size, round(amount.bytes_margin))
        if not self.kind:
            return Figure(amount.count, round(amount.count_margin))
        kinds = usage.usage.keys_by_kind
        # while a pass runs they are scaled up: none of them is further off than their sum
        margin = round(amount.count_margin)
        return None if kinds is None else Figure(kinds.get(self.kind, 0), margin)

    def _passing(self, figure: Figure) -> Found:
        """Return what is sure of a figure that is still worked out: at least so much, or no word.

        KATO's own counters of keys are what was written at least; the catalogue of patterns
        counts what is deleted too.
        """
        if self.store.precision is Precision.ESTIMATE and self.measure is Measure.PATTERNS:
            return None, STILL_READ
        return Reading(figure, at_least=True), STILL_READ

    def _sized_in_part(self, usage: TenantUsage) -> bool:
        """Whether some part's size is not in the sum."""
        amounts = (self._amount(part.usage) for part in usage.parts)
        return any(each is not None and each.count and each.bytes is None for each in amounts)
