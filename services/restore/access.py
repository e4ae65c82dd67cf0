"""Restores, as one viewer may plan, begin and follow them."""

from __future__ import annotations

from collections.abc import Callable

from services.access.gate import Gate, digest_of_words
from services.access.viewer import Action, Viewer
from services.approvals.models import REASON
from services.archive.confined import holders_of
from services.archive.errors import ArchiveError
from services.archive.hearing import Hears, unheard
from services.archive.service import ArchiveService
from services.errors import AccessDenied
from services.jobs.access import DeskJobs
from services.jobs.desk_looks import DeskLooks
from services.jobs.looks import Look, LookBook
from services.jobs.models import Job
from services.restore.confined import confined_job, confined_plan, tenants_of
from services.restore.formats import plan_of
from services.restore.models import Plan, RestoreRefused
from services.restore.planning import about
from services.restore.service import RestoreService
from services.setup.clashes import stored
from services.setup.models import Clash
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership
from services.usage.snapshot import Snapshot


class DeskRestore(DeskJobs[RestoreService]):
    """Restores of archives in scope; a file by its address is for who sees all."""

    _begins, _shows = Action.RESTORE, Action.SEE_ARCHIVES

    def __init__(
        self, gate: Gate, inner: Callable[[], RestoreService], *,
        ownership: Callable[[], Ownership], archives: Callable[[], ArchiveService],
        plans: Callable[[], LookBook[Plan]],
    ) -> None:  # fmt: skip
        super().__init__(gate, inner, ownership=ownership)
        self._archives, self._plans = archives, plans
        self._looks = DeskLooks(gate, Action.PLAN_RESTORE, plans, confined=confined_plan)

    def plan(
        self, which: str, named: TenantKey | None = None, *, hears: Hears = unheard
    ) -> Plan:  # fmt: skip
        """Return what a restore would do, by reading all of the archive here and now. Logged.

        Raises AccessDenied, RestoreRefused, ArchiveError, StoreError.
        """
        url, tenants, viewer = self._allowed(Action.PLAN_RESTORE, which, named)
        with self._gate.doing(
            Action.PLAN_RESTORE, tenants=tenants, target=_target(which, url)
        ) as doing:  # fmt: skip
            plan = self._inner().plan(url, named, hears=hears)
            doing.digest = plan.digest
        return confined_plan(plan, viewer)

    def ask(self, which: str, named: TenantKey | None = None) -> None:
        """Have it planned in the background, unless that is under way. Logged.

        Raises AccessDenied, ArchiveError, StoreError.
        """
        url, tenants, _ = self._allowed(Action.PLAN_RESTORE, which, named)
        self._looks.ask(about(url, named), tenants=tenants, target=_target(which, url))

    def planned(
        self, which: str, named: TenantKey | None = None
    ) -> tuple[Look, Plan | None] | None:
        """Return the newest planning that was asked for, with what it came to.

        None where none was. Raises AccessDenied, ArchiveError, StoreError.
        """
        url, tenants, _ = self._allowed(Action.PLAN_RESTORE, which, named)
        return self._looks.newest(about(url, named), tenants=tenants)

    def stop_planning(self, which: str, named: TenantKey | None = None) -> None:
        """Let the planning that is under way end as soon as it can. Raises AccessDenied."""
        url, tenants, _ = self._allowed(Action.PLAN_RESTORE, which, named)
        self._looks.stop(about(url, named), tenants=tenants)

    def near(self, named: TenantKey, snapshot: Snapshot | None) -> tuple[Clash, ...]:
        """Return what stands near a name as which something is to come back.

        `snapshot` is what the viewer sees of the fleet. Raises AccessDenied.
        """
        self._gate.allow(Action.PLAN_RESTORE, tenants=[named])
        return stored(named, snapshot)

    def begin(self, which: str, named: TenantKey | None = None, *, reason: str, seen: str) -> Job:
        """Begin a restore that was shown as a plan with this digest.

        Where none such is known any more it is planned anew. Nothing is written where it is
        otherwise by then. Raises AccessDenied, ApprovalNeeded, RestoreRefused, JobRefused,
        ArchiveError, StoreError.
        """
        url, _, viewer = self._allowed(Action.RESTORE, which, named)
        inner = self._inner()
        known = (each for each in self._plans().every(about(url, named)) if each.digest == seen)
        plan = next(known, None) or inner.plan(url, named)
        plan = inner.held_now(plan)  # it may be of long ago, and this says whom it concerns
        if plan.digest != seen:
            raise RestoreRefused("it is not as it was planned any more: look at the plan again")
        reason = reason.strip()
        with self._gate.doing(
            Action.RESTORE, tenants=tenants_of(plan), digest=plan.digest, reason=reason,
            target=str(plan.named or plan.target), details={REASON: reason},
        ):  # fmt: skip
            job = inner.begin(plan, by=viewer.id, reason=reason, as_seen=True)
        return confined_job(job, viewer)

    def give_up(self, job_id: str, *, reason: str) -> Job:
        """End one for good that stopped, failed, or that no process runs. Logged.

        Raises AccessDenied, ApprovalNeeded, JobRefused, StoreError.
        """
        job, viewer = self._known(job_id, Action.RESTORE)
        reason = reason.strip()
        with self._gate.doing(
            Action.RESTORE, tenants=self._concerns(job), target=f"give up {self._name(job)}",
            digest=digest_of_words("give up", job.id), reason=reason, details={REASON: reason},
        ):  # fmt: skip
            ended = self._inner().give_up(job.id, by=viewer.id, reason=reason)
        return confined_job(ended, viewer)

    # --- what these share ---

    def _allowed(
        self, action: Action, which: str, named: TenantKey | None
    ) -> tuple[str, tuple[TenantKey, ...], Viewer]:
        """Return where an archive is, whose data a restore of it touches, and who asks."""
        self._gate.allow(action)
        if "/" in which or "\\" in which:
            return which, (), self._gate.allow(action, tenants=())
        archive = self._archives().archive(which)
        tenants = holders_of(archive)
        try:
            viewer = self._gate.allow(action, tenants=tenants, target=archive.name)
        except AccessDenied:
            raise ArchiveError("there is no such archive in the records") from None
        if named is not None:
            tenants = (*tenants, named) if tenants else ()
            viewer = self._gate.allow(action, tenants=tenants, target=archive.name)
        place = archive.place.rstrip("/")
        return f"{place}/{archive.name}" if place else archive.name, tenants, viewer

    # --- what a restore says of its jobs ---

    def _concerns(self, job: Job) -> tuple[TenantKey, ...]:
        return tenants_of(plan_of(job.plan))

    def _unknown(self) -> RestoreRefused:
        return RestoreRefused("there is no such restore")

    def _seen(self, job: Job, viewer: Viewer) -> Job:
        return confined_job(job, viewer)

    def _name(self, job: Job) -> str:
        plan = plan_of(job.plan)
        return str(plan.named or plan.target)


def _target(which: str, url: str) -> str:
    """Say what is read: where it is kept is in no log."""
    return "a file by its address" if which == url and "/" in url else url.rpartition("/")[2]
