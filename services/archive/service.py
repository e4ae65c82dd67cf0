"""Archives of tenants, nodes and users: take, prove, list. What pages and scripts call."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from services.archive import plan as planning, removal as removing
from services.archive.container import Reader
from services.archive.errors import ArchiveError
from services.archive.export import Exported, export
from services.archive.hearing import Hears, unheard
from services.archive.models import Archive, Head, Manifest, State, Stored
from services.archive.removal import Removal
from services.archive.run import (
    GIVEN_UP,
    KIND,
    SESSIONS,
    begun_by,
    has_ended_sessions,
    job_plan,
    steps_of,
)
from services.archive.tools import Tools
from services.archive.verify import Proof, compare, noted, prove
from services.cards.holds import refuse_held
from services.errors import KatoTenantsError
from services.jobs.models import Job, JobRefused
from services.jobs.service import JobsService
from services.purge.models import Plan, Request, Target
from services.tenancy.kb_ids import TenantKey, held_names

_PLAIN = re.compile(r"[^A-Za-z0-9]+")
_LONGEST = 40


class ArchiveService:
    """Takes archives and keeps track of them."""

    def __init__(self, tools: Tools, work: JobsService) -> None:
        self._tools, self._work = tools, work

    def plan(self, request: Request) -> Plan:
        """Return what an archive would take, and what it would leave out. Raises PurgeRefused."""
        return planning.plan(self._tools, request).plan

    def begin(
        self, plan: Plan, *, by: str, reason: str, to: str = "", quiesce: bool = False,
        part_of: str = "", after: str = "", noted: Callable[[str], None] = lambda _: None,
    ) -> Archive:  # fmt: skip
        """Begin the job that takes an archive as planned; `quiesce` ends its sessions first.

        `part_of` is a job that may hold these tenants meanwhile, and `after` an archive for which
        sessions were ended: with `quiesce` they are in this one too. `noted` is told its id before
        the job is there, which may be over as soon as it is. Raises ArchiveError,
        StoreError, JobRefused, and where sessions would end OnHold for somebody on legal hold, and
        ArchiveError for somebody whom another job holds.
        """
        planning.check(plan)
        if quiesce:
            tenants = tuple(map(TenantKey.written, plan.tenants))
            refuse_held(tenants, self._tools.holds)
            self._refuse_worked_on(tenants, plan, part_of)
        self._tools.place(to)  # so that one that cannot be opened shows now
        now, target = self._tools.now(), plan.request.target
        archive_id = uuid.uuid4().hex
        archive = Archive(
            id=archive_id, target=target, tenants=plan.tenants, place=to,
            name=_file_name(target, f"{now:%Y%m%dT%H%M%SZ}", archive_id), state=State.TAKING,
            by=by, created_at=now, digest=plan.digest, reason=reason.strip(),
        )  # fmt: skip
        noted(archive_id)
        job = self._work.begin(
            KIND, job_plan(archive, plan.request, after), asked_by=by, reason=reason, names=(),
            steps=steps_of(quiesce=quiesce),
        )  # fmt: skip
        archive = replace(archive, job=job.id)
        self._tools.book.add(archive)  # where the job's process did not come to it before
        return archive

    def run_here(self, archive: Archive) -> Archive:
        """Run an archive's job in this process, until it ends, stops or fails."""
        self._work.run_here(archive.job)
        return self.archive(archive.id)

    def job(self, archive: Archive) -> Job | None:
        """Return the job that takes an archive, None where it is not known any more."""
        try:
            return self._work.job(archive.job) if archive.job else None
        except JobRefused:
            return None

    def stop(self, archive: Archive) -> None:
        """Let the job end as soon as it can."""
        self._work.stop(archive.job)

    def resume(self, archive: Archive) -> None:
        """Let a stopped or failed job run again. Raises JobRefused for one that ended."""
        self._work.resume(archive.job)

    def give_up(self, archive: Archive) -> bool:
        """End a job that stopped or failed, and keep nothing of what it wrote.

        False where it has ended sessions whose content it alone has: that can go on only.
        """
        with self._work.halted(archive.job) as held:  # by now it may have gone on, and halted anew
            if has_ended_sessions(held.job):
                return False
            problem = archive.problem or held.job.problem or held.job.state.value
            ended = replace(
                archive, state=State.FAILED, problem=problem, ended_at=self._tools.now()
            )  # fmt: skip
            self._tools.book.put(ended)  # first: with its job ended, nobody would note it any more
            held.end(GIVEN_UP, {"archive": archive.id, "problem": problem})
        with suppress(KatoTenantsError):  # where that can be, as a place discards: it is given up
            place = self._tools.place(archive.place)
            for name in (archive.name, archive.name + SESSIONS):
                place.discard(name)
        return True

    def remove(self, archive_id: str) -> None:
        """Delete an archive's file for good, and note that it is gone.

        Raises OnHold where somebody whose data is in it is on legal hold, ArchiveError while it
        is being taken, StoreError.
        """
        archive = self.archive(archive_id)
        if archive.state is State.TAKING:
            raise ArchiveError("the archive is being taken")
        refuse_held(map(TenantKey.written, archive.tenants), self._tools.holds)
        self._tools.place(archive.place).remove(archive.name)
        self._tools.book.put(replace(archive, state=State.REMOVED))

    def removal(self, archive: Archive) -> Removal:
        """Return what removing one by hand means. Raises ArchiveError, OnHold, StoreError."""
        return removing.removal(self._tools, self._work, archive)

    def remove_by_hand(self, found: Removal, *, by: str, reason: str) -> Archive:
        """Delete the file for good, and keep who did so and why. Raises ArchiveError, StoreError.

        What stands in its way is looked for again, OnHold too.
        """
        again = self.removal(self.archive(found.archive.id))
        return removing.remove(self._tools, again, by=by, reason=reason)

    def taking(self) -> tuple[Archive, ...]:
        """Return every archive that is being taken, oldest first."""
        return self._tools.book.taking()

    def some(self, archive_ids: Collection[str]) -> tuple[Archive, ...]:
        """Return those of these that the records know of, in no order."""
        return self._tools.book.some(archive_ids)

    def begun_for(self, reason: str) -> tuple[Archive, ...]:
        """Return the archives that were begun for just this reason, the newest first."""
        jobs = {str(job.plan["archive"]): job for job in self._work.all(KIND, reason=reason)}
        # of one whose process was killed as soon as it had begun the job, the job alone tells
        begun = {name: each for name, job in jobs.items() if (each := begun_by(job)) is not None}
        known = {each.id: replace(each, job=jobs[each.id].id) for each in self.some(jobs)}
        found = {**begun, **known}.values()
        return tuple(sorted(found, key=lambda each: each.created_at, reverse=True))

    def archives(self) -> tuple[Archive, ...]:
        """Return what the records know of archives, newest first."""
        return self._tools.book.all()

    def archive(self, archive_id: str) -> Archive:
        """Return one by its id or by the name of its file. Raises ArchiveError."""
        found = self._tools.book.get(archive_id) or self._tools.book.named(archive_id)
        if found is None:
            raise ArchiveError("there is no such archive in the records")
        return found

    def files(self, to: str = "") -> tuple[Stored, ...]:
        """Return the files of archives in a place. Raises ArchiveError, StoreError."""
        return self._tools.place(to).files()

    def newest_proven(
        self, tenants: Collection[str], *, all_of_it: bool = False
    ) -> Mapping[str, Archive]:
        """Return of each of these tenants (`kind/id`) its newest archive that is proven whole.

        With `all_of_it` only one of the whole tenant counts, and none of one node_id or user.
        """
        return self._tools.book.newest_proven(tenants, all_of_it=all_of_it)

    def verify(
        self, archive_id: str, *, stores: bool = False, hears: Hears = unheard
    ) -> Proof:  # fmt: skip
        """Prove an archive of the records, and keep what that came to.

        Raises ArchiveRefused, ArchiveError, StoreError.
        """
        archive = self.archive(archive_id)
        if archive.state not in (State.PROVEN, State.BROKEN):
            raise ArchiveError(f"the archive is {archive.state.value}")
        place = self._tools.place(archive.place)
        try:
            proof = prove(self._tools, place, archive.name, archive, hears=hears)
        except ArchiveError as exc:
            noted(self._tools, archive, exc)
            raise
        noted(self._tools, archive, None)
        return self._compared(proof, hears) if stores else proof

    def verify_file(self, url: str, *, stores: bool = False, hears: Hears = unheard) -> Proof:
        """Prove a file by its address, whether or not the records know of it."""
        folder, name = parted(url)
        proof = prove(self._tools, self._tools.place(folder), name, hears=hears)
        return self._compared(proof, hears) if stores else proof

    def show(self, archive: Archive) -> tuple[Head, Manifest]:
        """Read an archive's head and manifest, and none of its chunks. Raises ArchiveError."""
        return self._shown(archive.place, archive.name)

    def show_file(self, url: str) -> tuple[Head, Manifest]:
        """Read the head and manifest of a file by its address."""
        return self._shown(*parted(url))

    def _refuse_worked_on(
        self, tenants: Collection[TenantKey], plan: Plan, part_of: str
    ) -> None:  # fmt: skip
        holder = self._work.holder(held_names(tenants, plan.surface.kb_ids))
        if holder is not None and holder != part_of:
            raise ArchiveError(f"the job {holder} holds it: its sessions are not ended meanwhile")

    def export(self, archive: Archive, folder: Path) -> tuple[Exported, ...]:
        """Write the rows of an archive as Parquet files into a folder of this machine.

        Raises ArchiveRefused, ArchiveError, StoreError.
        """
        place = self._tools.place(archive.place)
        return export(self._tools, place, archive.name, folder, write=self._tools.as_parquet)

    def _shown(self, folder: str, name: str) -> tuple[Head, Manifest]:
        with self._tools.place(folder).reading(name) as stream:
            reader = Reader(stream, self._tools.identities())
            return reader.head, reader.manifest

    def _compared(self, proof: Proof, hears: Hears) -> Proof:
        if proof.manifest is None:
            raise ArchiveError("it is encrypted, and cannot be compared without an identity")
        return replace(proof, differences=compare(self._tools, proof.manifest, hears=hears))


def parted(url: str) -> tuple[str, str]:
    """Return the folder of an address and the file's name; without a slash the place that is set.

    Raises ArchiveError for an address that ends with a slash.
    """
    folder, _, name = url.rpartition("/")
    if not name:
        raise ArchiveError("name a file, not a folder")
    return folder, name


def _file_name(target: Target, at: str, archive_id: str) -> str:
    """Name a file by plain letters of the target, its time and the archive's id."""
    plain = _PLAIN.sub("-", str(target)).strip("-")[:_LONGEST].strip("-")
    return f"{plain or 'archive'}-{at}-{archive_id[:8]}.kato.tar"
