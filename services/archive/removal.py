"""Removing an archive by hand: what stands in its way, what it is the last of, and the deed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from services.archive.errors import ArchiveError
from services.archive.models import Archive, State
from services.archive.tools import Tools
from services.cards.holds import refuse_held
from services.errors import StoreError
from services.jobs.service import JobsService
from services.tenancy.kb_ids import TenantKey, held_names

_USES = ("archive", "archive_id", "after")
"""Where a job's plan names an archive that it reads or goes on from."""
_NOT_WHOLE = {
    State.TAKING: "the archive is being taken: stop that first",
    State.FAILED: "it was not taken: nothing of it is kept",
}


@dataclass(frozen=True, slots=True)
class Removal:
    """What removing an archive means: of `last_of` no other proven archive is known."""

    archive: Archive
    last_of: tuple[TenantKey, ...]


def removal(tools: Tools, work: JobsService, archive: Archive) -> Removal:
    """Return what removing one means; nothing is asked of its place.

    Raises ArchiveError where it is not there to remove, or is needed: by who is parked in it, or
    by a job that has not ended; OnHold; StoreUnavailable.
    """
    tenants = tuple(map(TenantKey.written, archive.tenants))
    if archive.state is State.REMOVED:
        raise ArchiveError("it was removed already")
    if archive.state in _NOT_WHOLE:
        raise ArchiveError(_NOT_WHOLE[archive.state])
    refuse_held(tenants, tools.holds)
    for tenant in tenants:
        if tools.parked_in(tenant) == archive.id:
            raise ArchiveError(f"{tenant} is parked in it, and in no store: bring it back first")
    busy = next(_users(work, archive), None) or work.holder(held_names(tenants, ()))
    if busy is not None:
        raise ArchiveError(f"the job {busy} may need it: let it end first")
    return Removal(archive, tuple(_last(tools, archive, tenants)))


def remove(tools: Tools, found: Removal, *, by: str, reason: str) -> Archive:
    """Delete the file of an archive for good, and keep that it was there, who removed it and why.

    Raises ArchiveError where the file is not in its place: then nothing was deleted, and the
    archive is noted as broken; StoreError where it cannot be told whether it is gone.
    """
    archive, place = found.archive, tools.place(found.archive.place)
    if archive.name not in {each.name for each in place.files()}:
        said = "its file is not in its place, and nothing was deleted"
        tools.book.note(replace(archive, state=State.BROKEN, problem=said))
        raise ArchiveError(said)
    place.remove(archive.name)
    gone = replace(
        archive, state=State.REMOVED, removed_at=tools.now(), removed_by=by, removed_for=reason
    )
    try:
        tools.book.put(gone)
    except StoreError as exc:
        raise ArchiveError(f"its file is deleted, which could not be noted: {exc}") from exc
    return gone


def _users(work: JobsService, archive: Archive) -> Iterator[str]:
    """Yield the jobs that have not ended and name an archive: restores, proofs, takings."""
    for job in work.unended(""):
        if archive.id in {job.plan.get(key) for key in _USES if isinstance(job.plan.get(key), str)}:
            yield job.id


def _last(
    tools: Tools, archive: Archive, tenants: tuple[TenantKey, ...]
) -> Iterator[TenantKey]:  # fmt: skip
    """Yield of whom no other archive than this is proven."""
    others = [each for each in tools.book.all()
              if each.state is State.PROVEN and each.id != archive.id]  # fmt: skip
    newest = tools.book.newest_proven(archive.tenants)
    for tenant in tenants:
        name = str(tenant)
        is_newest = name not in newest or newest[name].id == archive.id
        if is_newest and not any(name in each.tenants for each in others):
            yield tenant
