"""A restore that is given up: what only it has made is removed, and what it wrote is counted.

Its archive may be gone, and a store: nothing here needs either.
"""

from __future__ import annotations

from services.errors import StoreError, StoreNotConfigured
from services.jobs.models import Job, StepState
from services.restore.formats import plan_of
from services.restore.models import GivenUp, Outcome, Plan, Receipt
from services.restore.run import WRITES
from services.restore.source import Tools
from services.tenancy.names import Source


def given_up(tools: Tools, job: Job, *, by: str, reason: str) -> Receipt:
    """Return the receipt of a job that nobody runs any more.

    Its staging tables are dropped, and the records name whose all is that it may have written, so
    that a purge of its tenant finds it. Rows, points and keys that it has written stay: without the
    archive nothing tells them from what somebody else wrote under these names.
    """
    plan = plan_of(job.plan)
    begun = tuple(
        step.name for step in job.steps
        if step.name in WRITES and step.state is not StepState.WAITING
    )  # fmt: skip
    dropped = _dropped(tools, plan, job.id)  # before it is counted what is there
    if begun:
        tools.saw(dict.fromkeys(plan.nodes, Source.OTHER.value))
    return Receipt(
        outcome=Outcome.GIVEN_UP, archive_id=plan.archive_id, url=plan.url, target=plan.target,
        named=plan.named, tenants=plan.tenants, at=tools.now(), parts=(),
        given_up=GivenUp(by, reason, begun, tools.there(plan) if begun else {}, dropped),
    )  # fmt: skip


def _dropped(tools: Tools, plan: Plan, job_id: str) -> int | None:
    parts = [each.part for each in plan.parts if each.part.startswith("clickhouse/")]
    try:
        return tools.rows.drop_all(parts, job=job_id)
    except StoreNotConfigured:
        return 0
    except StoreError:
        return None
