"""The receipt of one tenant, to be handed to that tenant: it names nobody else. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from services.errors import PurgeRefused
from services.purge.confined import UNTOLD
from services.purge.job import Job, Receipt
from services.purge.models import LeftKind, LeftOut, Target
from services.purge.receipt import receipt_of, tenants_of
from services.tenancy.kb_ids import TenantKey

_WHY = {
    LeftKind.SHARED: "it is kept together with others, and cannot be separated",
    LeftKind.INFERRED: "whose it is can only be guessed from its name",
    LeftKind.NOT_ERASABLE: "it cannot be erased where it is",
}
PROBLEMS = "not everything could be done or looked at: who runs this deployment can say what"


def tenant_receipt(
    job: Job, tenant: str, *, at: datetime, versions: Mapping[str, str]
) -> Receipt:  # fmt: skip
    """Return what came of one tenant's part of a job. It came to what the whole of that part did.

    Raises PurgeRefused for a tenant that the job is not about.
    """
    if tenant not in tenants_of(job):
        raise PurgeRefused(f"the purge job {job.id} is not about {tenant}")
    whole = receipt_of(job, at=at, versions=versions, tenant=tenant)
    return replace(
        whole,
        target=str(target_of(job.plan.request.target, tenant)),
        left_out=tuple(map(_left, whole.left_out)),
        disclosed=(UNTOLD,) if whole.disclosed else (),
        problems=(PROBLEMS,) if whole.problems else (),
    )


def target_of(target: Target, tenant: str) -> Target:
    """Return what a target means in one of its tenants."""
    return replace(target, tenant=TenantKey.written(tenant), many=())


def _left(left: LeftOut) -> LeftOut:
    counts = {} if left.kind is LeftKind.SHARED else left.counts  # they are of all who share it
    return replace(left, why=_WHY[left.kind], losers=(), counts=counts)
