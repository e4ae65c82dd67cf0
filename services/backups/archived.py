"""Backups as archives of whole tenants (services.backups.ports.Archives)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from services.archive.errors import ArchiveError
from services.archive.models import Archive, State as Taken
from services.archive.service import ArchiveService
from services.backups.models import Backup, Rule, State
from services.purge.models import Request, Target
from services.tenancy.kb_ids import TenantKey

REASON = "backup"
_STATES: Mapping[Taken, State] = {
    Taken.TAKING: State.TAKING,
    Taken.PROVEN: State.PROVEN,
    Taken.FAILED: State.FAILED,
    Taken.BROKEN: State.FAILED,
    Taken.REMOVED: State.FAILED,
}


class TenantArchives:
    """Every method raises StoreError and ArchiveError."""

    def __init__(self, service: Callable[[], ArchiveService]) -> None:
        self._service = service

    def begin(
        self, tenant: TenantKey, rule: Rule, *, by: str, noted: Callable[[str], None]
    ) -> None:
        """Begin to take and prove one, as a job whose id is noted. Raises PurgeRefused too."""
        service = self._service()
        plan = service.plan(Request(Target(tenant=tenant)))
        service.begin(
            plan, by=by, reason=REASON, to=rule.to, quiesce=rule.quiesce, noted=noted
        )  # fmt: skip

    def known(self, archives: Collection[str]) -> Mapping[str, Backup]:
        """Return what the records know of these."""
        return {each.id: self._backup(each) for each in self._service().some(archives)}

    def under_way(self) -> frozenset[TenantKey]:
        """Return the tenants of whose whole an archive is being taken, also by hand."""
        found = (each for each in self._service().taking() if each.target.whole)
        return frozenset(
            tenant for each in found for tenant in each.target.whole
            if self._how(each)[0] is State.TAKING
        )  # fmt: skip

    def newest_proven(self, tenants: Collection[TenantKey]) -> Mapping[TenantKey, Backup]:
        """Return the newest proven archive of the whole of each of these tenants that has one."""
        asked = {str(tenant): tenant for tenant in tenants}
        found = self._service().newest_proven(asked, all_of_it=True)
        return {
            asked[name]: _backup(archive, asked[name], State.PROVEN)
            for name, archive in found.items()
        }  # fmt: skip

    def give_up(self, archive: str) -> None:
        """End the job of one that failed for good, unless it alone has content of sessions."""
        service = self._service()
        found = service.archive(archive)
        job = service.job(found)
        if job is not None and job.state.halted:
            service.give_up(found)

    def remove(self, archive: str) -> None:
        """Delete the file of one for good, and note that it is gone. Raises OnHold."""
        service = self._service()
        self.give_up(archive)
        service.remove(archive)

    def _backup(self, archive: Archive) -> Backup:
        if archive.target.tenant is None:
            raise ArchiveError("it is no archive of one tenant")
        return _backup(archive, archive.target.tenant, *self._how(archive))

    def _how(self, archive: Archive) -> tuple[State, str]:
        """Return how one is, and why: it is taken no more where its job halted."""
        state, problem = _STATES[archive.state], archive.problem
        if state is State.TAKING:
            job = self._service().job(archive)
            if job is None or job.state.halted:
                state = State.FAILED
                problem = problem or (job.problem if job else "") or "it was stopped"
        return state, problem


def _backup(archive: Archive, tenant: TenantKey, state: State, problem: str = "") -> Backup:
    return Backup(archive.id, tenant, archive.created_at, state, archive.bytes, problem)
