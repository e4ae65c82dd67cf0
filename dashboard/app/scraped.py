"""What a scrape is told of several deployments."""

from __future__ import annotations

from dashboard.app import current
from services.bootstrap import Services
from services.desk import Desk
from services.metrics.access import SCRAPER
from services.metrics.models import Exposition
from services.metrics.several import Parts, Together

_together = Together()


def expose_every(accept: str) -> Exposition:
    """Return the metrics of every deployment; one that does not run is told as such."""
    found = current.several()
    held = () if found is None else found.held
    parts = {each.deployment.name: _parts(each.holder.built) for each in held}
    is_read = found is not None and found.unread is None
    return _together.expose(parts, accept, is_read=is_read)


def _parts(services: Services | None) -> Parts | None:
    return None if services is None else Desk(services, lambda: SCRAPER).metrics.parts
