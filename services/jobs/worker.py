"""The thread that runs jobs, and takes over those whose process died."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from services.errors import KatoTenantsError

POLL_SECONDS = 2.0

logger = logging.getLogger(__name__)


class Worker:
    """Runs one job at a time. It makes no call of the screen's.

    `runnable` names the jobs that wait at a time, oldest first; `run` runs one in the caller's
    thread and is False when there is none, it does not run, or another process has it. Both may
    raise StoreError.
    """

    def __init__(
        self, name: str, runnable: Callable[[datetime], tuple[str, ...]],
        run: Callable[[str], bool],
    ) -> None:  # fmt: skip
        self._name, self._runnable, self.run = name, runnable, run
        self._over = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look for jobs, in a thread."""
        self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Look for no more jobs. A step under way is left to its journal after `timeout` s."""
        self._over.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def wake(self) -> None:
        """Look for a job at once."""
        self._wake.set()

    def _work(self) -> None:
        while not self._over.is_set():
            self._wake.clear()
            try:
                for job_id in self._runnable(datetime.now(UTC)):
                    if not self._over.is_set():
                        self.run(job_id)
            except KatoTenantsError as exc:
                logger.warning("%s jobs could not be looked for: %s", self._name, exc)
            except Exception:  # the thread has to live
                logger.exception("a %s job failed", self._name)
            self._wake.wait(POLL_SECONDS)
