"""The metrics, as one viewer may see them: they are about every tenant."""

from __future__ import annotations

from services.access.gate import Gate
from services.access.viewer import Action, Role, Viewer
from services.metrics.models import Exposition
from services.metrics.service import MetricsService

SCRAPER = Viewer("metrics", Role.VIEWER)
"""Whoever may scrape: by a token or a network, which name nobody."""


class DeskMetrics:
    """What is answered to a scrape, for who sees every tenant."""

    def __init__(self, gate: Gate, metrics: MetricsService) -> None:
        self._gate, self._metrics = gate, metrics

    def expose(self, accept: str) -> Exposition:
        """Return the metrics as `MetricsService.expose`. Raises AccessDenied."""
        self._gate.allow(Action.SEE_METRICS)
        return self._metrics.expose(accept)
