"""Wires restores: what they read, what they write, and what they bring back into the records."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        records=own.bring_back, schemes=settings.naming, service=settings.service_name,
        now=services.now, ownership=services.usage.ownership,
    )  # fmt: skip
