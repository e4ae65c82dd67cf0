"""Instances as table rows and words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from dashboard.draw.formatting import visible
from services.instances.models import Instance, Plan, State, Vital
from services.instances.plan import CALLED
from services.instances.written import cpus_words, size_words

STATES = {
    State.SERVING: "serves it", State.PLANNED: "planned", State.ENDED: "ended",
}  # fmt: skip


def instances_frame(
    instances: Sequence[Instance], vitals: Mapping[str, Vital], *, whole: bool
) -> pd.DataFrame:
    """Return one row an instance, those that serve first; what is not known is missing.

    By whom it is there is a column for who is told that, the `whole`.
    """
    order = list(STATES)
    rows = sorted(instances, key=lambda each: (order.index(each.state), str(each.tenant)))
    frame = pd.DataFrame({
        "Tenant": [visible(str(each.tenant)) for each in rows],
        "Instance": [each.name for each in rows],
        "State": [STATES[each.state] for each in rows],
        "Version": [visible(_vital(each, vitals).version or "") for each in rows],
        "Health": [health_words(each, vitals.get(each.name)) for each in rows],
        "Latency": [_latency(_vital(each, vitals)) for each in rows],
        "Address": [visible(each.url) for each in rows],
        "SERVICE_NAME": [visible(each.service) for each in rows],
        "Stores": [stores_words(each) for each in rows],
        "Since": [each.since for each in rows],
        "By": [visible(each.by) for each in rows],
    })  # fmt: skip
    shown = [name for name in ("Address", "By") if not whole and not frame[name].any()]
    return frame.drop(columns=shown)


def _vital(each: Instance, vitals: Mapping[str, Vital]) -> Vital:
    return vitals.get(each.name, Vital())


def _latency(vital: Vital) -> float | None:
    """Return milliseconds, None where it is not known."""
    return None if vital.latency is None else 1000 * vital.latency


def health_words(each: Instance, vital: Vital | None) -> str:
    """Say how one is: its own word, or that it is unknown, and why."""
    if each.state is State.ENDED:
        return "not asked: it ended"
    if vital is None:
        return "not asked: its address is not known" if not each.url else "not asked"
    if vital.version is None:
        return f"unknown: {visible(str(vital.problem))}" if vital.problem else "unknown"
    return visible(vital.detail) or "answers"


def stores_words(each: Instance) -> str:
    """Say where an instance keeps what it learns."""
    if each.elsewhere:
        return f"its own, called {visible(each.elsewhere)}"
    return "shared with all" if each.is_here else "its own"


def plan_frame(plan: Plan) -> pd.DataFrame:
    """Return one row for each thing that would be so."""
    each, resources = plan.instance, plan.instance.resources
    rows = {
        "Name": each.name, "Run by": each.tool.value, "Address": each.url or "not known",
        "Stores": stores_words(each), "SERVICE_NAME": visible(each.service),
        "Database": visible(each.database),
        **{f"Image of {CALLED[part]}": image for part, image in each.images.items()},
        **{f"Port of {CALLED[part]}": str(port) for part, port in each.ports.items()},
        "At most": f"{cpus_words(resources.cpus)} processors, {size_words(resources.memory)} of "
                   "memory",
        "Workers": str(resources.workers), "Secrets, by reference": ", ".join(plan.secrets),
    }  # fmt: skip
    return pd.DataFrame({"What": list(rows), "Value": list(rows.values())})
