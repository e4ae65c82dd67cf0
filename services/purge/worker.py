"""The thread that runs purge jobs, and takes over those whose process died."""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from services.errors import KatoTenantsError
from services.purge.job import Job
from services.purge.run import PurgeRun
from services.purge.tools import Tools

POLL_SECONDS = 2.0

logger = logging.getLogger(__name__)


class PurgeWorker:
    """Runs one job at a time. It makes no call of the screen's."""

    def __init__(self, tools: Tools, *, on_end: Callable[[Job], None] = lambda _: None) -> None:
        self._tools = tools
        self.on_end = on_end
        self._over = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look for jobs, in a thread."""
        self._thread = threading.Thread(target=self._work, name="purge", daemon=True)
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

    def run(self, job_id: str) -> bool:
        """Run one job here and now, in the caller's thread. Raises StoreError.

        False when there is none, it does not run, or another process has it.
        """
        job = self._tools.jobs.job(job_id)
        if job is None or not PurgeRun(self._tools, job, owner=new_owner()).run():
            return False
        ran = self._tools.jobs.job(job_id)
        if ran is not None:
            self.on_end(ran)
        return True

    def _work(self) -> None:
        while not self._over.is_set():
            self._wake.clear()
            try:
                for job_id in self._tools.jobs.runnable(datetime.now(UTC)):
                    if not self._over.is_set():
                        self.run(job_id)
            except KatoTenantsError as exc:
                logger.warning("purge jobs could not be looked for: %s", exc)
            except Exception:  # the thread has to live
                logger.exception("a purge job failed")
            self._wake.wait(POLL_SECONDS)


def new_owner() -> str:
    """Name one run for its lease: two threads of one process are not to share it."""
    return f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"
