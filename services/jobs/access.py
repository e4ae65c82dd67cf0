"""Jobs of one feature, as one viewer may follow and steer them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import ClassVar, Generic, Protocol, TypeVar

from services.access.gate import Doing, Gate, digest_of_words
from services.access.viewer import Action, Viewer
from services.errors import KatoTenantsError
from services.jobs.models import Job
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership


class Steered(Protocol):
    """What a feature's service does with its jobs."""

    def jobs(self) -> tuple[Job, ...]:
        """Return those that are listed, newest first."""

    def job(self, job_id: str) -> Job:
        """Return one. Raises the feature's own error, or JobRefused, where there is none."""

    def run_here(self, job_id: str) -> Job:
        """Run one in this process until it waits, ends, stops or fails."""

    def stop(self, job_id: str) -> None:
        """Let one end as soon as it can."""

    def resume(self, job_id: str) -> object:
        """Let a stopped or failed one go on. Raises JobRefused."""


ServiceT = TypeVar("ServiceT", bound=Steered)


class DeskJobs(ABC, Generic[ServiceT]):
    """Jobs of which everyone whom they concern is in scope."""

    _begins: ClassVar[Action]
    """What it takes to begin one, to run it here, and to let it go on."""

    _shows: ClassVar[Action] = Action.SEE_PURGES
    """What it takes to see one."""

    def __init__(
        self, gate: Gate, inner: Callable[[], ServiceT], *, ownership: Callable[[], Ownership]
    ) -> None:
        self._gate, self._inner, self._ownership = gate, inner, ownership

    def run_here(self, job_id: str) -> Job:
        """Run one in this process until it waits, ends, stops or fails."""
        job, viewer = self._known(job_id, self._begins)
        return self._seen(self._inner().run_here(job.id), viewer)

    def jobs(self) -> tuple[Job, ...]:
        """Return the jobs in scope of those that are listed, newest first."""
        viewer = self._gate.allow(self._shows)
        found = (job for job in self._inner().jobs() if viewer.sees_each(self._concerns(job)))
        return tuple(self._seen(job, viewer) for job in found)

    def job(self, job_id: str) -> Job:
        """Return one. Raises the feature's own error where it is not in scope."""
        job, viewer = self._known(job_id, self._shows)
        return self._seen(job, viewer)

    def stop(self, job_id: str) -> None:
        """Let one end as soon as it can: that waits for nobody. Logged."""
        with self._steering(job_id, "stop", Action.STOP_JOB):
            self._inner().stop(job_id)

    def resume(self, job_id: str) -> None:
        """Let a stopped or failed one go on. Logged. Raises JobRefused."""
        with self._steering(job_id, "resume"):
            self._inner().resume(job_id)

    # --- what a feature says of its jobs ---

    @abstractmethod
    def _concerns(self, job: Job) -> tuple[TenantKey, ...]:
        """Return whom a job concerns."""

    @abstractmethod
    def _unknown(self) -> KatoTenantsError:
        """Return what is raised for one that is not in scope."""

    @abstractmethod
    def _seen(self, job: Job, viewer: Viewer) -> Job:
        """Return what a viewer may see of a job in scope."""

    def _name(self, job: Job) -> str:
        """Return how the log calls what a job is about."""
        return ", ".join(map(str, self._concerns(job)))

    def _takes(self, job: Job) -> Action:
        """Return what it takes to let a job go on."""
        del job
        return self._begins

    def _details(self, job: Job) -> Mapping[str, str]:
        """Return what a second person has to know of it."""
        del job
        return {}

    # --- what these share ---

    def _known(self, job_id: str, action: Action) -> tuple[Job, Viewer]:
        """Return a job as it is, and who asks for it."""
        viewer = self._gate.allow(action)
        job = self._inner().job(job_id)
        if not viewer.sees_each(self._concerns(job)):
            raise self._unknown()
        return job, viewer

    def _steering(
        self, job_id: str, deed: str, action: Action | None = None
    ) -> AbstractContextManager[Doing]:
        job, _ = self._known(job_id, action or self._begins)
        return self._gate.doing(
            action or self._takes(job), tenants=self._concerns(job),
            target=f"{deed} {self._name(job)}", digest=digest_of_words(deed, job.id),
            reason=job.reason, details=self._details(job),
        )  # fmt: skip
