"""Purges, as one viewer may plan, run and read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from services.access.gate import digest_of_words
from services.access.viewer import Action, Viewer
from services.approvals.models import REASON
from services.errors import AccessDenied, NoSuchJob
from services.purge.confined import (
    confined_job,
    confined_plan,
    confined_tombstones,
    holders_of_plan,
    whose_of_plan,
)
from services.purge.erased import kb_ids_meant
from services.purge.formats import receipt_json, with_later_looks
from services.purge.job import Job, LaterLook, Receipt, Tombstone
from services.purge.plans_access import PurgePlans
from services.purge.receipt import receipt_of
from services.purge.tenant_receipt import tenant_receipt
from services.tenancy.kb_ids import TenantKey

_NONE: Mapping[str, str] = MappingProxyType({})


class DeskPurge(PurgePlans):
    """A job concerns every tenant that holds what it names, as its plan does."""

    def begin(self, digest: str, *, confirm: str, reason: str) -> Job:
        """Begin the purge that a plan describes, once its target's name was typed.

        Raises AccessDenied, ApprovalNeeded, PurgeRefused, StoreError.
        """
        plan, viewer, holders = self._kept(Action.RUN_PURGE, digest)
        target = str(plan.request.target)
        self._inner.check(confined_plan(plan, viewer, self._ownership()), confirm, reason)
        ownership = self._ownership()  # before: what is begun must not fail for want of it
        with self._gate.doing(
            Action.RUN_PURGE, tenants=holders, whose=whose_of_plan(plan), target=target,
            digest=digest, reason=reason.strip(), details={REASON: reason.strip()},
        ):  # fmt: skip
            job = self._inner.begin(digest, confirm=confirm, reason=reason, asked_by=viewer.id)
        return confined_job(job, viewer, ownership)

    def run_here(self, job_id: str) -> Job:
        """Run a job in this process until it ends, stops or fails: one whose beginning is logged.

        Raises AccessDenied, PurgeRefused, StoreError.
        """
        _, viewer, _ = self._known(Action.STEER_PURGE, job_id)
        return confined_job(self._inner.run_here(job_id), viewer, self._ownership())

    def run_soon(self) -> None:
        """Let the worker look for jobs at once."""
        self._gate.allow(Action.STEER_PURGE)
        self._inner.run_soon()

    def job(self, job_id: str) -> Job:
        """Return one job. Raises AccessDenied, and NoSuchJob where there is none in scope."""
        job, viewer, _ = self._known(Action.SEE_PURGES, job_id)
        return confined_job(job, viewer, self._ownership())

    def jobs(self) -> tuple[Job, ...]:
        """Return the newest jobs that are in scope."""
        viewer, ownership = self._gate.allow(Action.SEE_PURGES), self._ownership()
        return tuple(
            confined_job(job, viewer, ownership)
            for job in self._inner.jobs()
            if viewer.sees_all or viewer.sees_each(holders_of_plan(job.plan, ownership))
        )

    def stop(self, job_id: str) -> None:
        """Let a running job end before its next step."""
        with self._steering(job_id, "stop", Action.STOP_PURGE):
            self._inner.stop(job_id)

    def resume(self, job_id: str, *, digest: str = "", confirm: str = "") -> Job:
        """Let a stopped or failed job run again, by its own plan or by a new one.

        Raises PurgeRefused for one that ended, and what planning anew has to raise.
        """
        ownership = self._ownership()
        if digest:
            self.planned(digest)  # whoever may not see it may not go by it
        with self._steering(job_id, "resume", digest=digest) as viewer:
            job = self._inner.resume(job_id, digest=digest, confirm=confirm)
        return confined_job(job, viewer, ownership)

    def look_again(self, job_id: str) -> LaterLook:
        """Look at what an ended job erased, and keep with its receipt what is back. Logged."""
        with self._steering(job_id, "look again at", Action.PLAN_PURGE) as viewer:
            return self._inner.look_again(job_id, asked_by=viewer.id)

    def drop_emptied(self, job_id: str) -> tuple[str, ...]:
        """Drop the collections that an ended job emptied and kept, and return their names. Logged.

        It erases as a purge does, and takes the same rights. Raises PurgeRefused.
        """
        with self._steering(job_id, "drop the collections emptied by"):
            return self._inner.drop_emptied(job_id)

    def later_looks(self, job_id: str) -> tuple[LaterLook, ...]:
        """Return the later looks at what an ended job erased, oldest first."""
        self._known(Action.SEE_PURGES, job_id)
        return self._inner.later_looks(job_id)

    def abandon(self, job_id: str) -> Job:
        """End a stopped or failed job as it is, after one more look at what is left."""
        ownership = self._ownership()
        with self._steering(job_id, "end") as viewer:
            job = self._inner.abandon(job_id)
        return confined_job(job, viewer, ownership)

    def receipt(self, job_id: str, *, tenant: str | None = None) -> Receipt:
        """Return what came of a job, or of one tenant in it; so far, of one that has not ended."""
        job, viewer, _ = self._known(Action.SEE_PURGES, job_id)
        return self._receipt(job, viewer, tenant)

    def receipt_text(self, job_id: str, *, tenant: str | None = None) -> str:
        """Return the receipt as JSON: as it was kept, or what is known so far. It is logged.

        Of one tenant of many it is written anew, and so is a confined viewer's, of what they may
        see of the job.
        """
        with self._exporting(job_id) as (job, viewer):
            if viewer.sees_all and tenant is None:
                return self._inner.receipt_text(job_id)
            receipt, looks = self._receipt(job, viewer, tenant), self._inner.later_looks(job_id)
            return with_later_looks(receipt_json(receipt), receipt, looks, tenant=tenant)

    def receipt_to_print(self, job_id: str, *, tenant: str | None = None) -> Receipt:
        """Return what came of a job, or of one tenant in it, to keep elsewhere. It is logged.

        With the stores' versions at its end, which a confined viewer is not told.
        """
        with self._exporting(job_id) as (job, viewer):
            versions = self._inner.versions(job_id) if viewer.sees_all else {}
            return self._receipt(job, viewer, tenant, versions)

    @contextmanager
    def _exporting(self, job_id: str) -> Iterator[tuple[Job, Viewer]]:
        job, viewer, holders = self._known(Action.SEE_PURGES, job_id)
        with self._gate.doing(
            Action.EXPORT, tenants=holders, whose=whose_of_plan(job.plan),
            target=f"the receipt of {job_id}", digest=job.plan.digest,
        ):  # fmt: skip
            yield job, viewer

    def being_purged(self, names: Sequence[str]) -> str | None:
        """Return the id of a job in scope that holds one of these tenants or kb_ids."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        job_id = self._inner.being_purged(names)
        if job_id is None:
            return None
        try:
            holders = self._holders(self._inner.job(job_id).plan)
        except NoSuchJob:
            return None  # a job of another kind has them
        return job_id if viewer.sees_each(holders) else None

    def tombstones(self, kb_ids: Iterable[str]) -> tuple[Tombstone, ...]:
        """Return the tombstones of those of these kb_ids that are in scope."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        return confined_tombstones(self._inner.tombstones(kb_ids), viewer, self._ownership())

    def erased_as(self, typed: str) -> tuple[Tombstone, ...]:
        """Return the tombstones in scope of what a typed name may stand for, forgotten or not."""
        viewer, ownership = self._gate.allow(Action.FIND), self._ownership()
        stones = self._inner.tombstones()
        names = kb_ids_meant(typed, stones, ownership) if stones else ()
        return confined_tombstones(self._inner.tombstones(names), viewer, ownership)

    def _known(self, action: Action, job_id: str) -> tuple[Job, Viewer, tuple[TenantKey, ...]]:
        """Return a job as it is, who asks for it, and whom it concerns.

        Whether there is one that is not in scope is not told: it is refused in the log alone.
        """
        self._gate.allow(action, target=job_id)
        job = self._inner.job(job_id)
        holders = self._holders(job.plan)
        try:
            viewer = self._gate.allow(action, tenants=holders, target=job_id)
        except AccessDenied:
            raise NoSuchJob(job_id) from None
        return job, viewer, holders

    @contextmanager
    def _steering(
        self, job_id: str, deed: str, action: Action = Action.STEER_PURGE, *, digest: str = ""
    ) -> Iterator[Viewer]:
        job, viewer, holders = self._known(action, job_id)
        with self._gate.doing(
            action, tenants=holders, whose=whose_of_plan(job.plan), target=f"{deed} {job_id}",
            reason=job.reason, digest=digest_of_words(deed, job_id, digest or job.plan.digest),
            details={"Purge of": str(job.plan.request.target)},
        ):  # fmt: skip
            yield viewer

    def _receipt(
        self, job: Job, viewer: Viewer, tenant: str | None, versions: Mapping[str, str] = _NONE
    ) -> Receipt:
        at, seen = job.ended_at or datetime.now(UTC), confined_job(job, viewer, self._ownership())
        if tenant is not None:  # of the whole job: it names nobody else
            receipt = tenant_receipt(job, tenant, at=at, versions=versions)
            return replace(receipt, reason=seen.reason)
        return receipt_of(seen, at=at, versions=versions)
