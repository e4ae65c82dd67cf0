"""Imports as JSON. `docs/imports.md` describes it; keys stay. Pure."""

from __future__ import annotations

from services.imports.models import Elsewhere, GivenUp, Order, Preview, Refused, Run
from services.usage.formats import Json, stamp


def preview_json(preview: Preview) -> Json:
    """Return what writing a file would come to; `refused_rows` has the first of them."""
    return {
        "import": preview.run, **_order(preview.order), "rows": preview.rows,
        "new": preview.fresh, "there_already": preview.there, "refused": preview.refused,
        "would_write": 0 if preview.obstacle else preview.will_write,
        "obstacle": preview.obstacle or None, "columns_lacking": list(preview.lacking),
        "refused_rows": [_refused(each) for each in preview.told],
    }  # fmt: skip


def run_json(run: Run) -> Json:
    """Return how an import went; null is not known."""
    new, replaced = (run.written, run.replaced) if run.is_counted else (None, None)
    return {
        "import": run.id, **_order(run.order), "state": run.state.value, "by": run.by or None,
        "at": stamp(run.at), "new": new, "replaced": replaced,
        "problem": run.problem or None, "given_up": given_up_json(run.given_up),
    }  # fmt: skip


def elsewhere_json(each: Elsewhere) -> Json:
    """Return what is known here of an import whose rows are on another machine."""
    return {
        "import": each.id, "tenant": str(each.tenant), "what": each.kind and each.kind.value,
        "machine": each.machine or None, "by": each.by or None, "at": stamp(each.at),
        "attended": each.attended, "problem": each.problem or None,
        "given_up": given_up_json(each.given_up),
    }  # fmt: skip


def given_up_json(told: GivenUp | None) -> Json | None:
    """Return what stays of an import that was given up; null is not known."""
    if told is None:
        return None
    return {
        "by": told.by, "reason": told.reason, "begun": told.begun, "at_least": told.at_least,
        "rows": told.rows, "taken_back": told.taken_back, "left": told.left,
        "tables": told.tables,
    }  # fmt: skip


def _order(order: Order) -> Json:
    return {
        "tenant": str(order.tenant), "what": order.kind.value, "layout": order.layout.value,
        "node_id": order.node_id or None, "existing": order.existing.value,
    }  # fmt: skip


def _refused(each: Refused) -> Json:
    return {"row": each.number, "why": each.why.value, "about": each.about or None}
