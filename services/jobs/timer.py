"""A thread that does something again and again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from services.errors import KatoTenantsError

logger = logging.getLogger(__name__)


class Timer:
    """Does `look` every so many seconds, the first time after that; `wake` does not wait.

    What fails is tried again.
    """

    def __init__(self, name: str, seconds: float, look: Callable[[], object]) -> None:
        self._name, self._seconds, self._look = name, seconds, look
        self._over, self._wake = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Do it no more; one that is under way is waited for so many seconds."""
        self._over.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def wake(self) -> None:
        """Do it at once."""
        self._wake.set()

    def _work(self) -> None:
        while True:
            self._wake.wait(self._seconds)
            self._wake.clear()
            if self._over.is_set():
                return
            self._try(self._look)

    def _try(self, deed: Callable[[], object]) -> None:
        try:
            deed()
        except KatoTenantsError as exc:
            logger.warning("%s: could not be done now: %s", self._name, exc)
        except Exception:  # the thread has to live
            logger.exception("%s: could not be done now", self._name)
