"""What a viewer who has all who share a kb_id in scope sees of its being taken apart. Pure."""

from __future__ import annotations

from dataclasses import replace

from services.access.viewer import Viewer
from services.apart.formats import plan_of
from services.apart.models import Apart
from services.jobs.confined import UNTOLD_REASON
from services.jobs.models import Job
from services.tenancy.kb_ids import TenantKey


def tenants_of(job: Job) -> tuple[TenantKey, ...]:
    """Return whom a job concerns."""
    return plan_of(job.plan).tenants


def sees(viewer: Viewer, apart: Apart) -> bool:
    """Whether everyone who shared it is in scope."""
    return viewer.sees_each([share.tenant for share in apart.shares])


def confined_apart(apart: Apart, viewer: Viewer) -> Apart:
    """Return what may be seen of one in scope: by whom and why is for who sees all."""
    if viewer.sees_all:
        return apart
    mine = apart.by == viewer.id
    return replace(
        apart, by=apart.by if mine else "", reason=apart.reason if mine else UNTOLD_REASON
    )
