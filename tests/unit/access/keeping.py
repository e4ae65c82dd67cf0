"""Policies, a plan and a run of retention, in which acme and somebody else are named."""

from __future__ import annotations

from datetime import UTC, datetime

from services.access.viewer import TenantPattern
from services.cards.models import Label
from services.cards.scope import LabelScope, Scope
from services.errors import Fault, Problem
from services.jobs.models import Job, JobState, Progress
from services.retention.models import (
    Changes,
    Kept,
    Left,
    LeftOut,
    Line,
    Matter,
    PartCost,
    Plan,
    Policy,
)
from services.tenancy.kb_ids import TenantKey

AT = datetime(2026, 11, 1, tzinfo=UTC)
ACME, ZED = TenantKey("tenant", "acme"), TenantKey("tenant", "zed")
COUNTED = 439
"""A number that is about others too."""


def policy(scope: Scope, most: int = 9) -> Policy:
    return Policy(scope, "predictions:count", most)


POLICIES = (
    Kept(policy(TenantPattern("*", "*")), "zed-admin", AT, "since zed asked"),
    Kept(policy(TenantPattern("tenant", "zed")), "zed-admin", AT),
    Kept(policy(LabelScope(Label("owner", "zed"))), "zed-admin", AT),
    Kept(policy(TenantPattern("tenant", "acme")), "zed-admin", AT),
)  # fmt: skip
TO_KEEP = Changes((policy(TenantPattern("tenant", "acme"), 5),))


def _line(tenant: TenantKey | None, owner: str, there: int) -> Line:
    return Line(Matter.PREDICTIONS, tenant, owner, {"predictions:count": "*"}, there, there)


KEEPING = Plan(
    AT, "d" * 64, tuple(each.policy for each in POLICIES),
    (
        _line(ACME, "tenant_acme_kato", 3), _line(ZED, "tenant_zed_kato", COUNTED),
        Line(Matter.STREAMS, None, "stm:events:tenant_zed_kato", {}, COUNTED, COUNTED),
    ),
    (
        LeftOut(Matter.PREDICTIONS, "tenant_acme_x_kato", Left.HOLD, (ACME,), 1),
        LeftOut(Matter.PREDICTIONS, "tenant_zed_x_kato", Left.SHARED, (ACME, ZED), COUNTED),
        LeftOut(Matter.STREAMS, "streams", Left.HOLD_ELSEWHERE, (ZED,)),
    ),
    (PartCost("p", COUNTED, COUNTED, 3),), COUNTED,
    {"redis": Problem("zed", "redis", Fault.REJECTED, "zed")},
)  # fmt: skip


def _came(tenant: TenantKey | None, owner: str, there: int) -> dict[str, object]:
    return {
        "matter": "predictions", "tenant": None if tenant is None else str(tenant),
        "owner": owner, "from": {"predictions:count": "*"}, "there": there, "due": there,
        "deleted": there, "expiring": 0, "after": 0, "left": 0, "others": 0,
    }  # fmt: skip


RUN = Job(
    "run-1", "retention", {"at": AT.isoformat(), "digest": "d", "policies": [{"for": "zed"}]},
    "zed-admin", "since zed asked", AT, JobState.ENDED, "done", AT, problem="zed",
    progress=Progress("zed"),
    receipt={
        "job": "run-1", "outcome": "done", "policies": [{"for": "zed"}], "asked_by": "zed-admin",
        "reason": "since zed asked", "at": "2026-11-01T00:00:00Z",
        "lines": [_came(ACME, "tenant_acme_kato", 3), _came(ZED, "tenant_zed_kato", COUNTED)],
        "left_out": [
            {"matter": "predictions", "owner": "tenant_zed_x_kato", "why": "shared",
             "tenants": ["tenant/acme", "tenant/zed"], "there": COUNTED},
        ],
        "parts": [{"part": "p", "rows": COUNTED, "bytes": 1, "due": 3}], "cloned": COUNTED,
        "problems": ["zed"], "versions": {"redis": "zed"},
    },
)  # fmt: skip
