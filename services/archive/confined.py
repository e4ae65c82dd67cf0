"""What a viewer who is confined to tenants sees of archives of these alone. Pure."""

from __future__ import annotations

from dataclasses import replace

from services.access.viewer import Viewer
from services.archive.models import Archive
from services.archive.verify import Proof
from services.jobs.confined import FAILED, UNTOLD_REASON
from services.tenancy.kb_ids import TenantKey


def holders_of(archive: Archive) -> tuple[TenantKey, ...]:
    """Return everyone whose data an archive has; of one of a user of all tenants, nobody.

    Nobody's is seen by those alone who see all.
    """
    if not archive.target.tenants:
        return ()
    return tuple(map(TenantKey.written, archive.tenants))


def sees(viewer: Viewer, archive: Archive) -> bool:
    """Whether an archive is in a viewer's scope: everyone in it is."""
    return viewer.sees_all or viewer.sees_each(holders_of(archive))


def confined_archive(archive: Archive, viewer: Viewer) -> Archive:
    """Return what a viewer may see of one in scope.

    Where it is kept is told to who sees all, and how much of others' it left out.
    """
    if viewer.sees_all:
        return archive
    return replace(
        archive, place="", left_out=None, problem=FAILED if archive.problem else "",
        reason=archive.reason if archive.by == viewer.id else UNTOLD_REASON,
        removed_for=_told(archive, viewer),
    )  # fmt: skip


def _told(archive: Archive, viewer: Viewer) -> str:
    mine = archive.removed_by == viewer.id or not archive.removed_for
    return archive.removed_for if mine else UNTOLD_REASON


def confined_proof(proof: Proof, viewer: Viewer) -> Proof:
    """Return what a viewer may see of a proof: what the archive left out is another's."""
    if viewer.sees_all or proof.manifest is None:
        return proof
    return replace(
        proof, manifest=replace(proof.manifest, left_out=(), taken=(), disclosed=(), versions={})
    )
