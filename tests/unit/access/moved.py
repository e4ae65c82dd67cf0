"""Tenants that moved, a plan and jobs of moves, in which acme and somebody else are named."""

from __future__ import annotations

from datetime import UTC, datetime

from services.figures import Amount, Measure
from services.jobs.models import Job, JobState, Progress, Step
from services.move.models import Moved, StepName
from services.tenancy.kb_ids import TenantKey

AT = datetime(2026, 11, 1, tzinfo=UTC)
ACME, ZED = TenantKey("tenant", "acme"), TenantKey("tenant", "zed")


def _moved(tenant: TenantKey) -> Moved:
    return Moved(
        tenant, AT, "zed-admin", f"since {ZED} asked", "a", f"{tenant.id}.kato.tar", 1,
        "p", "erased", "j", "eu-2", {Measure.KEYS: Amount(3, None)},
    )  # fmt: skip


def _job(tenant: TenantKey, job_id: str) -> Job:
    said = {"decision": "cut over", "by": "zed-admin"}
    return Job(
        job_id, "move", {"tenant": str(tenant), "to": "eu-2", "amounts": {}}, "zed-admin",
        f"since {ZED} asked", AT, JobState.FAILED, problem=f"{ZED} is in the way",
        progress=Progress(str(ZED)), steps=(Step(str(StepName.WAIT), result=said),),
        receipt={"name": str(ZED)},
    )  # fmt: skip


MOVED = (_moved(ACME), _moved(ZED))
MOVE, OTHERS_MOVE = _job(ACME, "j"), _job(ZED, "z")
