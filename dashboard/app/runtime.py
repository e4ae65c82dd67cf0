"""The services of this process, and the desk at which whoever is there uses them."""

from __future__ import annotations

import atexit
import logging
import threading

from dashboard.app import viewer as access
from services import bootstrap
from services.access.viewer import Viewer
from services.bootstrap import Services
from services.desk import Desk
from services.errors import KatoTenantsError, StartFailed
from services.settings.environment import load_settings
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.refresh import CollectorState
from services.wiring import alerting

logger = logging.getLogger(__name__)


class _Holder:
    """Builds the services once, for the whole process, however many ask at the same time.

    Not st.cache_resource, because the server starts them before there is a visitor. A failed
    start is tried again when next asked.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._built: Services | None = None
        self.failure = ""

    def get(self) -> Services:
        with self._turn:
            if self._built is None:
                self._built = self._start()
            return self._built

    def _start(self) -> Services:
        try:
            settings = load_settings()
            alerting.check(settings)
            built = bootstrap.build(settings)
            built.start()
        except KatoTenantsError as exc:
            if isinstance(exc, StartFailed):
                logger.exception("the start failed")
            self.failure = str(exc)
            raise
        atexit.register(built.close)
        self.failure = ""
        return built

    @property
    def built(self) -> Services | None:
        return self._built

    def stop(self) -> None:
        with self._turn:
            if self._built is not None:
                self._built.close()

    def forget(self) -> None:
        with self._turn:
            self._built, self.failure = None, ""


_holder = _Holder()


def services() -> Services:
    """Return this process's services, started once. Raises KatoTenantsError.

    Pages and what they are made of use `desk`.
    """
    return _holder.get()


def started() -> Services | None:
    """Return this process's services where they are there; waits for no start."""
    return _holder.built


def stop() -> None:
    """Close the services, if they were started."""
    _holder.stop()


def failure() -> str:
    """Say why the last start failed; empty where it did not, or has not ended."""
    return _holder.failure


def desk() -> Desk:
    """Return every use case as whoever is there may use it, looked up anew for every action."""
    return Desk(services(), access.viewer)


def is_embedded() -> bool:
    """Whether the stores run inside this dashboard."""
    return services().embedded is not None


def schemes() -> NamingSchemes:
    """Return the naming schemes in force."""
    return services().settings.naming


def last_collected() -> CollectorState:
    """Return what the collector has, of everyone: what a cache goes by, and nothing to show."""
    return services().collector.state


def ownership_of(viewer: Viewer) -> tuple[Ownership, Ownership | None]:
    """Return who owns what, by every node_id seen: whole, and for one who sees all, to show."""
    whole = services().usage.ownership()
    return whole, whole if viewer.sees_all else None


def forget() -> None:
    """Forget the services; for tests."""
    _holder.forget()
