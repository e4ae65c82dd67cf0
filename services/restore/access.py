"""Restores, as one viewer may plan, begin and follow them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from services.access.gate import Doing, Gate
from services.access.viewer import Action, Viewer
from services.archive.confined import holders_of
from services.archive.service import ArchiveService
from services.errors import AccessDenied, ArchiveError, RestoreRefused
from services.jobs.models import Job
from services.restore.confined import confined_job, confined_plan, tenants_of
from services.restore.formats import plan_of
from services.restore.models import Plan
from services.restore.service import RestoreService
from services.tenancy.kb_ids import TenantKey


class DeskRestore:
    """Restores of archives in scope; a file by its address is for who sees all."""

    def __init__(
        self, gate: Gate, inner: Callable[[], RestoreService],
        archives: Callable[[], ArchiveService],
    ) -> None:  # fmt: skip
        self._gate, self._inner, self._archives = gate, inner, archives

    def plan(self, which: str, named: TenantKey | None = None) -> Plan:
        """Return what a restore would do. Logged.

        Raises AccessDenied, RestoreRefused, ArchiveError, StoreError.
        """
        plan, viewer = self._planned(Action.PLAN_RESTORE, which, named)
        return confined_plan(plan, viewer)

    def begin(self, which: str, named: TenantKey | None = None, *, reason: str, seen: Plan) -> Job:
        """Begin a restore that was `seen` planned; it is planned anew, and has to be the same.

        Raises AccessDenied, ApprovalNeeded, RestoreRefused, JobRefused, ArchiveError, StoreError.
        """
        plan, viewer = self._planned(Action.RESTORE, which, named)
        if confined_plan(plan, viewer) != seen:
            raise RestoreRefused("it is not as it was planned any more: look at the plan again")
        with self._doing(plan, reason=reason.strip()):
            job = self._inner().begin(plan, by=viewer.id, reason=reason)
        return confined_job(job, viewer)

    def run_here(self, job_id: str) -> Job:
        """Run one in this process until it ends, stops or fails."""
        job, viewer = self._job(Action.RESTORE, job_id)
        return confined_job(self._inner().run_here(job.id), viewer)

    def jobs(self) -> tuple[Job, ...]:
        """Return the newest restores in scope, newest first."""
        viewer = self._gate.allow(Action.SEE_ARCHIVES)
        found = (job for job in self._inner().jobs() if viewer.sees_all or _sees(viewer, job))
        return tuple(confined_job(job, viewer) for job in found)

    def job(self, job_id: str) -> Job:
        """Return one. Raises RestoreRefused where it is not in scope."""
        job, viewer = self._job(Action.SEE_ARCHIVES, job_id)
        return confined_job(job, viewer)

    def stop(self, job_id: str) -> None:
        """Let one end as soon as it can. Logged."""
        job, _ = self._job(Action.RESTORE, job_id)
        with self._doing(plan_of(job.plan), what="stop "):
            self._inner().stop(job.id)

    def resume(self, job_id: str) -> None:
        """Let a stopped or failed one go on. Logged. Raises JobRefused."""
        job, _ = self._job(Action.RESTORE, job_id)
        with self._doing(plan_of(job.plan), what="resume "):
            self._inner().resume(job.id)

    # --- what these share ---

    def _planned(self, action: Action, which: str, named: TenantKey | None) -> tuple[Plan, Viewer]:
        self._gate.allow(action)
        more = () if named is None else (named,)
        if "/" in which or "\\" in which:
            viewer = self._gate.allow(action, tenants=())
            with self._gate.doing(Action.PLAN_RESTORE, tenants=(), target="a file by its address"):
                return self._inner().plan(which, named), viewer
        archive = self._archives().archive(which)
        try:
            viewer = self._gate.allow(action, tenants=holders_of(archive), target=archive.name)
        except AccessDenied:
            raise ArchiveError("there is no such archive in the records") from None
        tenants = (*holders_of(archive), *more) if holders_of(archive) else ()
        url = f"{archive.place.rstrip('/')}/{archive.name}" if archive.place else archive.name
        with self._gate.doing(Action.PLAN_RESTORE, tenants=tenants, target=archive.name):
            return self._inner().plan(url, named), viewer

    def _job(self, action: Action, job_id: str) -> tuple[Job, Viewer]:
        viewer = self._gate.allow(action)
        job = self._inner().job(job_id)
        if not (viewer.sees_all or _sees(viewer, job)):
            raise RestoreRefused("there is no such restore")
        return job, viewer

    def _doing(
        self, plan: Plan, *, what: str = "", reason: str = ""
    ) -> AbstractContextManager[Doing]:
        return self._gate.doing(
            Action.RESTORE, tenants=tenants_of(plan), digest=plan.manifest, reason=reason,
            target=what + str(plan.named or plan.target),
        )  # fmt: skip


def _sees(viewer: Viewer, job: Job) -> bool:
    tenants = tenants_of(plan_of(job.plan))
    return bool(tenants) and viewer.sees_each(tenants)
