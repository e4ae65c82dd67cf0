"""What a confined viewer is told of an instance. Pure."""

from __future__ import annotations

from dataclasses import replace

from services.access.viewer import Role, Viewer
from services.instances.models import Instance, Plan, Vital


def confined_instance(instance: Instance, viewer: Viewer) -> Instance:
    """Return what of an instance of a tenant in scope a viewer may be told.

    By whom and why it is there, those are told who see all tenants; where it can be reached,
    which takes no password, those who may create sessions there.
    """
    if not viewer.sees_all:
        instance = replace(instance, by="", why="", ports={})
    if not viewer.role.includes(Role.OPERATOR):
        instance = replace(instance, url="", ports={})
    return instance


def confined_vital(vital: Vital, viewer: Viewer) -> Vital:
    """Return how one is; what it said of itself is for who sees all."""
    if viewer.sees_all:
        return vital
    problem = None if vital.problem is None else vital.problem.nameless()
    return replace(vital, detail="", problem=problem)


def confined_plan(plan: Plan, viewer: Viewer) -> Plan:
    """Return a plan that tells nothing of what else runs on this machine."""
    if viewer.sees_all:
        return plan
    return replace(plan, busy=(), instance=replace(plan.instance, by="", why=""))
