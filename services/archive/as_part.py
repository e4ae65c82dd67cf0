"""Archives of one tenant that another job takes, found again by the reason that stands on them.

A process that was killed takes none twice: whoever goes on finds the one that was begun.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.archive.errors import ArchiveError
from services.archive.models import Archive, Difference, Manifest, State
from services.archive.service import ArchiveService
from services.jobs.models import Job, JobState
from services.jobs.run import Stopped
from services.purge.models import Plan, Request
from services.visible import visible


@dataclass(frozen=True, slots=True)
class PartArchives:
    """Those of one job with one reason. `quiesce` is whether sessions are ended first.

    Every method that takes or reads one raises Stopped, ArchiveError, StoreError.
    """

    service: ArchiveService
    of: Job
    request: Request
    reason: str
    quiesce: bool

    def all(self) -> tuple[Archive, ...]:
        """Return those that were begun, newest first; anybody may write any reason."""
        found = self.service.begun_for(self.reason)
        return tuple(each for each in found if each.target == self.request.target)

    def proven(self) -> Archive:
        """Return the newest, which is proven now: taken to its end, or begun where none is."""
        found = next(iter(self.all()), None)
        if found is None or self._is_over(found):
            return self.take()
        return found if found.state is State.PROVEN else self._run(found)

    def take(self) -> Archive:
        """Take one more, and prove it; sessions that the one before ended are in it too."""
        before = (each.id for each in self.all() if each.state is not State.FAILED)
        return self._run(self.service.begin(
            self.service.plan(self.request), by=self.of.asked_by, reason=self.reason,
            quiesce=self.quiesce, part_of=self.of.id, after=next(before, ""),
        ))  # fmt: skip

    def differences(self, archive: Archive) -> tuple[Difference, ...]:
        """Read an archive back, and return what the stores hold otherwise than it.

        What is not there at all any more, as the sessions that were ended, is in the archive.
        """
        found = self.service.verify(archive.id, stores=True).differences or ()
        return tuple(each for each in found if each.there != 0)

    def manifest(self, archive: Archive) -> Manifest:
        """Return what an archive says of itself."""
        return self.service.show(archive)[1]

    def refuse_new(self, archive: Archive, plan: Plan) -> None:
        """Raise ArchiveError where a purge goes by a name that an archive does not have."""
        manifest, surface = self.manifest(archive), plan.surface
        new = {*surface.kb_ids} - {*manifest.kb_ids}
        new |= {*surface.tenant_ids} - {*manifest.tenant_ids}
        new |= {*surface.collections} - {*manifest.collections}
        if new:
            raise ArchiveError(
                f"{visible(min(new))} came since the archive was taken, and nothing of it was "
                "erased: stop its clients, and let this go on"
            )

    def stop(self) -> None:
        """Let those that are being taken end as soon as they can."""
        for archive in self.all():
            self.service.stop(archive)

    def _is_over(self, archive: Archive) -> bool:
        """Whether nothing more comes of one: it was removed, is broken, or was given up."""
        if archive.state in (State.REMOVED, State.BROKEN):
            return True
        job = self.service.job(archive)
        return archive.state is State.FAILED and (job is None or job.state is JobState.ENDED)

    def _run(self, archive: Archive) -> Archive:
        service, job = self.service, self.service.job(archive)
        if job is not None and job.state.halted:
            service.resume(archive)
        ended = service.run_here(archive)
        if ended.state is State.PROVEN:
            return ended
        job = service.job(ended)
        if job is not None and job.state is JobState.STOPPED:
            raise Stopped
        why = ended.problem or ("" if job is None else job.problem)
        raise ArchiveError(f"the archive was not taken, so nothing was erased: {why}")


def address(archive: Archive) -> str:
    """Return where an archive is, as a restore asks for it."""
    return f"{archive.place.rstrip('/')}/{archive.name}" if archive.place else archive.name
