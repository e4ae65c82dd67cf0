"""What takes an archive before a purge erases anything (services.purge.ports.Archiver)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.archive.errors import ArchiveError
from services.archive.models import Archive, State
from services.archive.service import ArchiveService
from services.errors import KatoTenantsError
from services.purge.models import Plan


class BeforePurge:
    """Takes the archive that a purge's plan asks for. `check` raises where there is no place."""

    def __init__(
        self, service: Callable[[], ArchiveService], *, check: Callable[[], object]
    ) -> None:
        self._service, self._check = service, check

    def obstacle(self) -> str:
        """Say why none can be taken here; empty where one can."""
        try:
            self._check()
        except KatoTenantsError as exc:
            return str(exc)
        return ""

    def take(self, plan: Plan, *, job_id: str, by: str) -> Mapping[str, str]:
        """Take an archive of what a plan is about, prove it, and return its id and its file's name.

        Asked again for the same job, it goes on with the one that it began. Raises ArchiveError
        where it is not proven.
        """
        service, reason = self._service(), f"before the purge {job_id}"
        archive = self._begun(plan, reason) or service.begin(plan, by=by, reason=reason)
        if archive.state is State.PROVEN:
            service.verify(archive.id)
        else:
            archive = self._run(archive)
        return {"archive": archive.id, "name": archive.name, "sha256": archive.sha256}

    def _begun(self, plan: Plan, reason: str) -> Archive | None:
        """Return the archive that an earlier run of the same purge began, by the same plan."""
        return next(
            (each for each in self._service().begun_for(reason) if each.digest == plan.digest),
            None,
        )  # fmt: skip

    def _run(self, archive: Archive) -> Archive:
        service = self._service()
        job = service.job(archive)
        if job is not None and job.state.halted:
            service.resume(archive)
        archive = service.run_here(archive)
        if archive.state is not State.PROVEN:
            job = service.job(archive)
            why = archive.problem or (job.problem if job is not None else "")
            raise ArchiveError(f"the archive was not taken, so nothing is erased: {why}")
        return archive
