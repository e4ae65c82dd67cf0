"""Archives of tenants, nodes and users: take, prove, list. What pages and scripts call."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Mapping
from dataclasses import replace

from services.archive import plan as planning
from services.archive.container import Reader
from services.archive.models import Archive, Head, Manifest, State, Stored
from services.archive.take import Taking
from services.archive.tools import Planned, Tools
from services.archive.verify import Proof, compare, noted, prove
from services.errors import ArchiveError
from services.jobs.models import Progress
from services.purge.models import Request, Target
from services.jobs.ports import Said

_PLAIN = re.compile(r"[^A-Za-z0-9]+")
_LONGEST = 40


def silent(progress: Progress) -> None:
    """Take note of nothing."""
    del progress


class ArchiveService:
    """Takes archives and keeps track of them."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def plan(self, request: Request) -> Planned:
        """Return what an archive would take, and what it would leave out. Raises PurgeRefused."""
        return planning.plan(self._tools, request)

    def begin(
        self, planned: Planned, *, by: str, reason: str = "", to: str = ""
    ) -> Archive:  # fmt: skip
        """Note in the records that an archive is to be taken. Raises ArchiveError, StoreError."""
        planning.check(planned.plan)
        now, place = self._tools.now(), self._tools.place(to)
        archive_id = uuid.uuid4().hex
        target = planned.plan.request.target
        archive = Archive(
            id=archive_id, target=target, tenants=planned.plan.tenants, place=to,
            name=_file_name(target, f"{now:%Y%m%dT%H%M%SZ}", archive_id), state=State.TAKING,
            by=by, created_at=now, digest=planned.plan.digest, reason=reason.strip(),
        )  # fmt: skip
        del place  # it can be opened
        self._tools.book.put(archive)
        return archive

    def take(
        self, planned: Planned, archive: Archive, *, quiesce: bool, said: Said = silent
    ) -> Archive:
        """Take an archive that was begun, prove it, and return it. Raises what it fails for."""
        return Taking(self._tools, planned, archive, quiesce, said).run()

    def archives(self) -> tuple[Archive, ...]:
        """Return what the records know of archives, newest first."""
        return self._tools.book.all()

    def archive(self, archive_id: str) -> Archive:
        """Return one by its id or by the name of its file. Raises ArchiveError."""
        found = self._tools.book.get(archive_id)
        if found is None:
            named = (each for each in self._tools.book.all() if each.name == archive_id)
            found = next(named, None)
        if found is None:
            raise ArchiveError("there is no such archive in the records")
        return found

    def files(self, to: str = "") -> tuple[Stored, ...]:
        """Return the files of archives in a place. Raises ArchiveError, StoreError."""
        return self._tools.place(to).files()

    def newest_proven(self, tenants: Collection[str]) -> Mapping[str, Archive]:
        """Return of each of these tenants (`kind/id`) its newest archive that is proven whole."""
        return self._tools.book.newest_proven(tenants)

    def verify(self, archive_id: str, *, stores: bool = False) -> Proof:
        """Prove an archive of the records, and keep what that came to.

        Raises ArchiveRefused, ArchiveError, StoreError.
        """
        archive = self.archive(archive_id)
        if archive.state not in (State.PROVEN, State.BROKEN):
            raise ArchiveError(f"the archive is {archive.state.value}")
        place = self._tools.place(archive.place)
        try:
            proof = prove(self._tools, place, archive.name, archive)
        except ArchiveError as exc:
            noted(self._tools, archive, exc)
            raise
        noted(self._tools, archive, None)
        return self._compared(proof) if stores else proof

    def verify_file(self, url: str, *, stores: bool = False) -> Proof:
        """Prove a file by its address, whether or not the records know of it."""
        folder, name = parted(url)
        proof = prove(self._tools, self._tools.place(folder), name)
        return self._compared(proof) if stores else proof

    def show(self, archive: Archive) -> tuple[Head, Manifest]:
        """Read an archive's head and manifest, and none of its chunks. Raises ArchiveError."""
        with self._tools.place(archive.place).reading(archive.name) as stream:
            reader = Reader(stream, self._tools.identities())
            return reader.head, reader.manifest

    def show_file(self, url: str) -> tuple[Head, Manifest]:
        """Read the head and manifest of a file by its address."""
        folder, name = parted(url)
        with self._tools.place(folder).reading(name) as stream:
            reader = Reader(stream, self._tools.identities())
            return reader.head, reader.manifest

    def _compared(self, proof: Proof) -> Proof:
        if proof.manifest is None:
            raise ArchiveError("it is encrypted, and cannot be compared without an identity")
        return replace(proof, differences=compare(self._tools, proof.manifest))


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
    plain = _PLAIN.sub("-", target.name).strip("-")[:_LONGEST].strip("-")
    return f"{plain or 'archive'}-{at}-{archive_id[:8]}.kato.tar"
