"""How much of each store a purge erases, for what erases as a part of something else. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import TypeAdapter

from services.figures import Amount, Measure
from services.purge.models import Plan
from services.usage.formats import Json

Amounts = Mapping[Measure, Amount]
"""How much each store has: a count, and bytes, None where they are not known."""

_AMOUNTS = TypeAdapter(Amounts)


def amounts_of_plan(plan: Plan) -> Amounts:
    """Return how much of each store a purge erases: bytes only where each is known."""
    found: dict[Measure, Amount] = {}
    for store in Measure:
        items = plan.counted(store)
        if items:
            known = [item.bytes for item in items if item.bytes is not None]
            all_known = len(known) == len(items)
            found[store] = Amount(plan.total(store), sum(known) if all_known else None)
    return found


def amounts_kept(amounts: Amounts) -> Mapping[str, object]:
    """Return amounts as a job keeps them."""
    found: Mapping[str, object] = _AMOUNTS.dump_python(amounts, mode="json")
    return found


def amounts_of(found: object) -> Amounts:
    """Read what `amounts_kept` wrote."""
    return _AMOUNTS.validate_python(found)


def amounts_json(amounts: Amounts) -> Json:
    """Return how much that is of each store, as JSON that is documented."""
    return {store.value: {"count": a.count, "bytes": a.bytes} for store, a in amounts.items()}
