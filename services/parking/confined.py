"""What a viewer who has a tenant in scope sees of its being parked. Pure."""

from __future__ import annotations

from dataclasses import replace

from services.access.viewer import PERMISSIONS, Action, Viewer
from services.jobs.confined import UNTOLD_REASON
from services.parking.models import Parked, Plan
from services.purge.confined import confined_plan as confined_purge
from services.tenancy.ownership import Ownership


def confined_parked(parked: Parked, viewer: Viewer) -> Parked:
    """Return what may be seen of it: that and since when, and how much that is.

    Archive, purge and reason are for whoever may see archives; who it was for who sees all.
    """
    if not viewer.role.includes(PERMISSIONS[Action.SEE_ARCHIVES].role):
        parked = replace(parked, archive="", name="", purge="", reason="")
    if viewer.sees_all:
        return parked
    reason = parked.reason if parked.by == viewer.id or not parked.reason else UNTOLD_REASON
    return replace(parked, by="", reason=reason)


def confined_plan(plan: Plan, viewer: Viewer, ownership: Ownership) -> Plan:
    """Return what may be seen of a plan."""
    return replace(plan, purge=confined_purge(plan.purge, viewer, ownership))
