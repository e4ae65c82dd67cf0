"""Limits and standings as JSON. `docs/limits.md` describes it; keys stay. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from services.limits.models import Kept, Standing, State, in_order
from services.limits.preview import Preview
from services.usage.formats import Json, stamp


def rules_json(kept: Iterable[Kept]) -> Json:
    """Return every rule, in the order of the list; `limit` null says that there is none."""
    return {
        "limits": [
            {
                "for": str(each.rule.scope), "measure": each.rule.quantity,
                "limit": each.rule.most, "by": each.by or None, "at": stamp(each.at),
                "why": each.why or None,
            }
            for each in in_order(kept)
        ]
    }  # fmt: skip


def standings_json(standings: Iterable[Standing]) -> Json:
    """Return each limit of each tenant; `used` null is not known, and `reason` says why."""
    return {"standings": [_standing(each) for each in standings]}


def _standing(each: Standing) -> Json:
    return {
        "tenant": str(each.tenant), "measure": each.quantity,
        "used": None if each.used is None else each.used.value,
        "margin": None if each.used is None else each.used.margin,
        "at_least": each.at_least, "limit": each.most, "from": str(each.source),
        "state": each.state.value, "now": each.now.value, "since": stamp(each.since),
        "reason": None if each.reason is None else str(each.reason),
    }  # fmt: skip


def changes_json(done: Preview | None, *, put: int, removed: int, refused: int = 0) -> Json:
    """Return what changed, or would; `tenants` by state only where a preview was asked for."""
    counts = None if done is None else {state.value: done.counts[state] for state in State}
    return {"set": put, "removed": removed, "refused": refused, "tenants": counts}
