"""How many alerts ask for somebody, for the menu.

Every page draws it, so that it is read at most every five seconds for all who see the same.
"""

from __future__ import annotations

from dashboard.app import runtime
from dashboard.app.cache import cached, forget
from services.access.viewer import Action
from services.errors import KatoTenantsError

SECONDS = 5.0


def firing() -> int | None:
    """Return how many fire that the viewer may see and nobody silenced; None where unknown.

    Before the services are there it is unknown: nobody waits for them here.
    """
    if runtime.started() is None:
        return None
    try:
        return _firing()
    except KatoTenantsError:
        return None


def changed() -> None:
    """Count anew: somebody silenced some, or ended a silence."""
    forget(_firing)


@cached(Action.SEE_ALERTS, seconds=SECONDS)
def _firing() -> int:
    return runtime.desk().alerts.firing()
