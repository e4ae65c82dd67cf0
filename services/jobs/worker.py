"""The thread that runs jobs, and takes over those whose process died."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from services.jobs.timer import Timer

POLL_SECONDS = 2.0


class Worker(Timer):
    """Runs one job at a time. It makes no call of the screen's.

    `runnable` names the jobs that wait at a time, oldest first; `run` runs one in the caller's
    thread and is False when there is none, it does not run, or another process has it. Both may
    raise, and the other jobs are run all the same. A step under way when it is stopped is left to
    its journal.
    """

    def __init__(
        self, name: str, runnable: Callable[[datetime], tuple[str, ...]],
        run: Callable[[str], bool],
    ) -> None:  # fmt: skip
        super().__init__(name, POLL_SECONDS, self._run_all)
        self._runnable, self.run = runnable, run

    def start(self) -> None:
        """Begin to run jobs, in a thread; those that wait already at once."""
        super().start()
        self.wake()

    def _run_all(self) -> None:
        for job_id in self._runnable(datetime.now(UTC)):
            if not self._over.is_set():
                self._try(partial(self.run, job_id))
