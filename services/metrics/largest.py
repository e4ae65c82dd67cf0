"""Which tenants have series of their own: the largest, so that a scrape stays bounded. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nlargest
from operator import attrgetter

from services.figures import Measure
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot, TenantUsage

LONGEST_NAME = 300
"""A tenant whose name has more characters is among the others, however large it is."""


_amounts = attrgetter(*(measure.value for measure in Measure))


@dataclass(frozen=True, slots=True)
class Choice:
    """The tenants that have series of their own, by name, and the others, who are summed up."""

    named: tuple[TenantUsage, ...]
    others: tuple[TenantUsage, ...]


class Largest:
    """Chooses at most `most` tenants: those with most bytes in all stores together.

    While a store's figures are not known, those stay who were chosen before: by what is left of
    the figures they would be others.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._before: frozenset[TenantKey] = frozenset()

    def of(self, snapshot: Snapshot, *, without: frozenset[TenantKey] = frozenset()) -> Choice:
        """Return who has series of their own in a snapshot, leaving some tenants out."""
        there = [usage for usage in snapshot.tenants if usage.tenant not in without]
        able = [usage for usage in there if len(str(usage.tenant)) <= LONGEST_NAME]
        chosen = {id(usage) for usage in self._chosen(snapshot, able)}
        named = tuple(usage for usage in there if id(usage) in chosen)
        self._before = frozenset(usage.tenant for usage in named)
        return Choice(named, tuple(usage for usage in there if id(usage) not in chosen))

    def _chosen(self, snapshot: Snapshot, able: list[TenantUsage]) -> list[TenantUsage]:
        if len(able) <= self._most:
            return able
        if snapshot.unread or not snapshot.settled:
            return nlargest(self._most, able, key=lambda u: (u.tenant in self._before, size_of(u)))
        return nlargest(self._most, able, key=size_of)


def size_of(tenant: TenantUsage) -> int:
    """Return a tenant's bytes in all stores together, as far as they are known."""
    return sum([amount.bytes or 0 for amount in _amounts(tenant.usage) if amount is not None])
