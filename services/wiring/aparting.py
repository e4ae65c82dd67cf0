"""Wires what takes shared kb_ids apart, over the stores."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from services.apart.tools import Tools
from services.errors import StoreNotConfigured
from services.purge.tools import SETTLE_AFTER_SESSIONS
from services.stores.restore_sinks import RestoreSinks

if TYPE_CHECKING:
    from services.wiring.working import Working


def apart_tools(services: Working) -> Tools:
    """Return what it takes of these services' stores and records."""
    settings, writers = services.settings, services.stores.writers
    sinks = RestoreSinks(services.stores.engines, settings)

    def flush() -> None:
        with suppress(StoreNotConfigured):
            services.erasers.patterns.flush()

    told = settings.settle_seconds
    settle = SETTLE_AFTER_SESSIONS if told is None else told
    return Tools(
        rows=writers.rows_apart, keys=writers.keys_apart, points=writers.points_apart,
        key_writer=sinks.keys, point_writer=sinks.points, flush=flush,
        ownership=services.usage.ownership, saw=services.saw, holds=services.card_book.holds,
        book=services.apart_book, jobs=services.job_book, settle_seconds=settle,
        now=services.now,
    )  # fmt: skip
