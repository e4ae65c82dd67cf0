"""The metrics, as one viewer may see them: they are about every tenant.

There is no confined form of them: sums of the others, and who is among the largest, tell of tenants
that are not in scope. Who scrapes is no person, and what a scrape reads is in no log, since it
comes each minute; one that is refused for its scope is logged, as every refusal.
"""

from __future__ import annotations

from services.access.gate import Gate
from services.access.viewer import Action, Role, Viewer
from services.metrics.formats import Format
from services.metrics.models import Exposition
from services.metrics.service import MetricsService

SCRAPER = Viewer("metrics", Role.VIEWER)
"""Whoever may scrape: by a token or a network, which name nobody.

The server has decided that before (`services/access/scraping.py`).
"""


class DeskMetrics:
    """What is answered to a scrape, for who sees every tenant."""

    def __init__(self, gate: Gate, metrics: MetricsService) -> None:
        self._gate, self._metrics = gate, metrics

    def expose(self, accept: str) -> Exposition:
        """Return the metrics as `MetricsService.expose`. Raises AccessDenied."""
        self._gate.allow(Action.SEE_METRICS)
        return self._metrics.expose(accept)

    def parts(self, form: Format) -> tuple[bytes, bytes, bytes]:
        """Return what is told of this deployment alone, as `MetricsService.parts`."""
        self._gate.allow(Action.SEE_METRICS)
        return self._metrics.parts(form)
