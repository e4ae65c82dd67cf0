"""Has backups begin when they are due, and follows each until it is proven or given up."""

from __future__ import annotations

from collections.abc import Callable

from services.archive.run import KIND
from services.audit_log.service import warning
from services.backups.models import Backup, Run
from services.backups.service import BackupService
from services.jobs.models import Job
from services.jobs.timer import Timer

POLL_SECONDS = 15.0


class Scheduler:
    """Once, however many dashboards there are. It makes no call of the screen's.

    `begun`, `came` and `gone` write into the audit log that a backup began by itself, what it came
    to, and which older ones went for it.
    """

    def __init__(
        self, service: BackupService, *, begun: Callable[[Run], None],
        came: Callable[[Backup], None], gone: Callable[[Backup, tuple[str, ...]], None],
    ) -> None:  # fmt: skip
        self._service = service
        self._begun, self._came, self._gone = begun, came, gone
        self.timer = Timer("backups", POLL_SECONDS, self.look)

    def look(self) -> tuple[Run, ...]:
        """Begin what is due. Raises KatoTenantsError."""
        runs = self._service.begin_due()
        for run in runs:
            self._begun(run)
        return runs

    def ran(self, job: Job) -> None:
        """Follow a run of a job of any kind: what a proven backup makes needless goes.

        Raises nothing: what cannot be removed now is when the next one is proven.
        """
        if job.kind != KIND:
            return
        with warning(f"how the backup of job {job.id} is could not be followed"):
            backup = self._service.follow(str(job.plan["archive"]))
            if backup is None:
                return
            self._came(backup)
            self.timer.wake()  # there is room for another
            gone = self._service.prune(backup.tenant) if backup.proven else ()
            if gone:
                self._gone(backup, gone)
