"""Parked tenants, a plan and jobs of parking, in which acme and somebody else are named."""

from __future__ import annotations

from datetime import UTC, datetime

from services.figures import Amount, Measure
from services.jobs.models import Job, JobState, Progress
from services.parking.models import Parked
from services.tenancy.kb_ids import TenantKey

AT = datetime(2026, 11, 1, tzinfo=UTC)
ACME, ZED = TenantKey("tenant", "acme"), TenantKey("tenant", "zed")


def _parked(tenant: TenantKey) -> Parked:
    return Parked(
        tenant, AT, "zed-admin", f"since {ZED} asked", "a", f"{tenant.id}.kato.tar", 1, "p",
        "erased", "j", {Measure.KEYS: Amount(3, None)},
    )  # fmt: skip


def _job(tenant: TenantKey, job_id: str) -> Job:
    return Job(
        job_id, "park", {"tenant": str(tenant), "saved": {}}, "zed-admin", f"since {ZED} asked",
        AT, JobState.FAILED, problem=f"{ZED} is in the way", progress=Progress(str(ZED)),
        receipt={"name": str(ZED)},
    )  # fmt: skip


PARKED = (_parked(ACME), _parked(ZED))
PARK, OTHERS_PARK = _job(ACME, "j"), _job(ZED, "z")
