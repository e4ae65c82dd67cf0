"""Deployments as JSON and as a table. `docs/deployments.md` describes the JSON; keys stay. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.deployments.models import Figure, Standing
from services.figures import Measure
from services.usage.formats import Json, stamp

UNKNOWN = "unknown"


def standings_json(standings: Iterable[Standing]) -> Json:
    """Return how each deployment stands; null is what is not known."""
    return {"deployments": [_json(each) for each in standings]}


def _json(each: Standing) -> Json:
    return {
        "name": each.name, "labels": dict(each.labels), "state": each.state.value,
        "problem": each.problem or each.wrong or None, "tenants": each.tenants,
        "figures": {measure.value: _figure(each.figures.get(measure)) for measure in Measure},
        "down": list(each.down), "read_at": stamp(each.at) if each.at else None,
    }  # fmt: skip


def _figure(found: Figure | None) -> Json | None:
    if found is None or found.amount is None:
        return None
    return {"count": found.amount.count, "bytes": found.amount.bytes}


def rows(standings: Iterable[Standing]) -> Sequence[tuple[str, ...]]:
    """Return a table's head, and one row a deployment."""
    head = ("DEPLOYMENT", "STATE", "TENANTS", "PATTERNS", "KEYS", "VECTORS", "SESSIONS")
    return (head, *map(_row, standings))


def _row(each: Standing) -> tuple[str, ...]:
    counts = (_cell(each.figures.get(measure, Figure())) for measure in Measure)
    tenants = UNKNOWN if each.tenants is None else f"{each.tenants:,}"
    return (each.name, each.state.value, tenants, *counts)


def _cell(found: Figure) -> str:
    if found.absent:
        return "-"
    return UNKNOWN if found.amount is None else f"{found.amount.count:,}"


def is_whole(each: Standing) -> bool:
    """Whether every figure of a deployment is known, but for stores that it does not have."""
    known = (found.amount is not None or found.absent for found in each.figures.values())
    return each.at is not None and each.tenants is not None and all(known)
