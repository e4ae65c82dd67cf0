"""What runs purge jobs: the thread of every kind of job, with a purge's run."""

from __future__ import annotations

from collections.abc import Callable

from services.jobs.lease import new_owner
from services.jobs.worker import Worker
from services.purge.job import Job
from services.purge.run import purge_run
from services.purge.tools import Tools


class PurgeWorker(Worker):
    """Runs one purge at a time. `on_end` is told of each job that ran."""

    def __init__(self, tools: Tools, *, on_end: Callable[[Job], None] = lambda _: None) -> None:
        super().__init__("purge", tools.jobs.runnable, self._run)
        self._tools = tools
        self.on_end = on_end

    def _run(self, job_id: str) -> bool:
        """Run one job here and now, in the caller's thread. Raises StoreError."""
        job = self._tools.jobs.job(job_id)
        if job is None or not purge_run(self._tools, job, owner=new_owner()).run():
            return False
        ran = self._tools.jobs.job(job_id)
        if ran is not None:
            self.on_end(ran)
        return True
