"""How a cold start opens: quick figures first, and the long passes once these are on the screen."""

from __future__ import annotations

import threading

from services.ask_stores import Emit, attempt
from services.usage.patterns import Patterns
from services.usage.ports import KeySource, PatternSource
from services.usage.readings import KeyReading, PatternReading

HEAD_START = 0.5
"""Longest wait, in seconds, of one step for the step before it."""


class Opening:
    """Orders the passes over ClickHouse and Redis, each of which runs in a thread of its own.

    The catalogue names the kb_ids, KATO's counters of these give an estimate, and when that is
    shown both long passes begin. None waits for another longer than `HEAD_START`: where one
    store is slow or down, the other's pass begins anyway.
    """

    def __init__(self) -> None:
        self._kb_ids: list[str] | None = None
        self._named = threading.Event()
        self._shown = threading.Event()

    def patterns(self, source: PatternSource, emit: Emit) -> PatternReading:
        """Hand out what the catalogue says, then read everything exactly."""
        try:
            quick = source.quick()
            emit("patterns", quick)
            kb_ids = Patterns.of(quick.usages).kb_ids
            self._kb_ids = [kb_id for kb_id in kb_ids if kb_id is not None]
        finally:
            self._named.set()
        self._shown.wait(HEAD_START)
        return source.read()

    def keys(self, source: KeySource, emit: Emit) -> KeyReading:
        """Hand out what KATO's counters say, then read everything exactly."""
        self._named.wait(HEAD_START)
        if self._kb_ids is not None:
            kb_ids = self._kb_ids
            estimate = attempt(lambda: source.estimate(kb_ids))
            if estimate.reading is not None:
                emit("keys", estimate.reading)
                self._shown.wait(HEAD_START)
        return source.read(progress=lambda reading: emit("keys", reading))

    def shown(self, name: str) -> None:
        """Take note that news of one store is on the screen."""
        if name in {"keys", "patterns"}:
            self._shown.set()
