"""Wires restores: what they read, what they write, and what they bring back into the records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from services.figures import Measure
from services.purge.models import Request, Surface
from services.restore.models import Plan
from services.restore.own_records import OwnRecords
from services.restore.source import Tools
from services.stores.restore_sinks import RestoreSinks
from services.wiring.archiving import identities, place_of

if TYPE_CHECKING:
    from services.wiring.working import Working


def restore_tools(services: Working) -> Tools:
    """Return what restores need of these services' stores and records."""
    settings = services.settings
    sinks = RestoreSinks(services.stores.engines, settings)
    own = OwnRecords(
        services.saw, services.state, services.usage.ownership, services.limits, services.cards,
        services.history_records, services.history, services.now,
    )  # fmt: skip
    return Tools(
        rows=sinks.rows, points=sinks.points, keys=sinks.keys,
        place=lambda url: place_of(settings, url), identities=lambda: identities(settings),
        records=own.bring_back, saw=services.saw, schemes=settings.naming,
        service=settings.service_name, now=services.now, ownership=services.usage.ownership,
        there=lambda plan: _there(services, plan),
    )  # fmt: skip


def _there(services: Working, plan: Plan) -> Mapping[Measure, int | None]:
    """Look by a plan's exact names, as a purge does; all stores at once, and no longer than it."""
    shared = frozenset(services.settings.shared_collections)
    into = {each.into for each in plan.parts if each.part.startswith("qdrant/")}
    surface = Surface(
        frozenset(plan.kb_ids), frozenset(plan.tenant_ids), frozenset(plan.nodes),
        frozenset(into - shared), shared & into,
    )  # fmt: skip
    request = Request(plan.target, stores=frozenset(Measure))
    looks = services.erasers.look(request, surface, surface.nodes.__contains__)
    counts = dict.fromkeys(request.stores - set(looks.absent), 0)
    for item in looks.items:
        counts[item.store] += item.count
    return {store: None if store in looks.problems else n for store, n in sorted(counts.items())}
