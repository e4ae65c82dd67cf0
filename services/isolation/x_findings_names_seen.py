"""Every kb_id that is known of, and samples of names: what the rules about names share. Pure.

These rules look at names from whichever store has them. A store that is not configured has none;
one that could not be read may hide some, and then they cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterable

from services.figures import Measure
from services.isolation.evidence import every_part
from services.isolation.models import SAMPLES, CannotTell, Seen
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import bytes_of


def wholly_read(seen: Seen, *measures: Measure) -> None:
    """Raise CannotTell where one of these was not read, or only in part; without any, all."""
    for measure in measures or Measure:
        why = seen.snapshot.stores[measure].unread
        if why is not None:
            raise CannotTell(f"the names in the store of {measure.value} are not all known: {why}")


def kb_ids_of(seen: Seen) -> tuple[str, ...]:
    """Return every kb_id that anything is stored under or that a seen node_id falls on."""
    stored = {part.name for part in every_part(seen) if part.is_kb}
    return in_order(stored.union(seen.ownership.nodes_by_kb))


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return names in the order of their bytes."""
    return tuple(sorted(names, key=bytes_of))


def samples(names: Iterable[str]) -> tuple[str, ...]:
    """Return the first few names, in their order."""
    return in_order(names)[:SAMPLES]


def listed(tenants: Iterable[TenantKey]) -> str:
    """Say who, in one line: all of a few tenants, the first of many."""
    names = sorted(map(str, tenants))
    if len(names) <= _NAMED:
        return " and ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED:,} more"


_NAMED = 3
