"""The services of one deployment: made once, closed once."""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable

from services import bootstrap
from services.bootstrap import Services
from services.errors import KatoTenantsError, SettingsError, StartFailed
from services.settings.environment import Settings
from services.settings.sign_in import DEPLOYMENTS
from services.usage.turns import Turns
from services.wiring import alerting

logger = logging.getLogger(__name__)


class Holder:
    """Builds the services once, for the whole process, however many ask at the same time.

    Not st.cache_resource, because the server starts them before there is a visitor. A failed
    start is tried again when next asked. `turns` are those of several deployments.
    """

    def __init__(self, settings: Callable[[], Settings], *, turns: Turns | None = None) -> None:
        self._settings, self._turns = settings, turns
        self._turn = threading.Lock()
        self._built: Services | None = None
        self._is_over = False
        self.failure = ""

    def get(self) -> Services:
        """Return the services, started. Raises KatoTenantsError."""
        with self._turn:
            if self._is_over:
                raise SettingsError(DEPLOYMENTS, "has this deployment no more, or has it changed")
            if self._built is None:
                self._built = self._start()
            return self._built

    def _start(self) -> Services:
        try:
            settings = self._settings()
            alerting.check(settings)
            built = bootstrap.build(settings)
            built.turns = self._turns
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
        """The services where they are there; waits for no start."""
        return self._built

    def stop(self) -> None:
        """Close the services, if they were started."""
        with self._turn:
            if self._built is not None:
                self._built.close()

    def retire(self) -> None:
        """Close them for good, and let go of the jobs under way."""
        with self._turn:
            self._is_over = True
            if self._built is not None:
                atexit.unregister(self._built.close)
                self._built.let_go()
                self._built.close()

    def forget(self) -> None:
        """Forget the services; for tests."""
        with self._turn:
            self._built, self.failure = None, ""
