"""Imports that are given up, and those whose rows are on another machine.

What was there before a batch of keys or vectors is beside the rows, on the machine where they were
staged. Of patterns ClickHouse has it itself: these are taken back from anywhere.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from services.errors import KatoTenantsError
from services.imports.models import Elsewhere, Existing, GivenUp, Kind, Order, Progress, State
from services.imports.write import Stores
from services.jobs.models import Job, JobState, StepState
from services.tenancy.kb_ids import TenantKey

KIND = "import"
IMPORT = "import"
"""Where a job's plan says which import it is."""

_ORDER, _GIVEN_UP = TypeAdapter(Order), TypeAdapter(GivenUp)


def job_plan(run: str, order: Order) -> Mapping[str, Any]:
    """Return what a job's record has of an import: any machine reads it, one has the rows."""
    return {
        IMPORT: run, "tenant": str(order.tenant), "machine": socket.gethostname(),
        "order": _ORDER.dump_python(order, mode="json"),
    }  # fmt: skip


def given_up(stores: Stores, job: Job, *, by: str, reason: str) -> GivenUp:
    """Take back what can be, and say what stays of an import that nobody works on any more."""
    order, progress = _order_of(job), job.progress
    told = GivenUp(by, reason, rows=progress.whole or None)
    if all(step.state is StepState.WAITING for step in job.steps):
        return replace(told, at_least=0)
    if order is None:
        return replace(told, tables=True)
    if order.kind is Kind.PATTERNS:
        return _taken_back(stores, str(job.plan[IMPORT]), order, told)
    counts = progress.whole and order.existing is not Existing.SKIP  # else it counts skipped ones
    return replace(told, begun=True, at_least=progress.done if counts else None)


def _taken_back(stores: Stores, run: str, order: Order, told: GivenUp) -> GivenUp:
    try:
        table = stores.table(order)
        assert table is not None  # noqa: S101 - these are patterns
        left = stores.rows().take_back(run, table)
        stores.rows().forget(run)
    except KatoTenantsError:
        return replace(told, begun=True, tables=True)
    return replace(told, begun=True, taken_back=True, at_least=0, left=left)


def receipt_of(told: GivenUp) -> Mapping[str, Any]:
    """Return the receipt of a job that was given up."""
    return {"state": State.GIVEN_UP.value, "given_up": _GIVEN_UP.dump_python(told, mode="json")}


def told_by(job: Job) -> GivenUp | None:
    """Return what stays of a job that was given up; None of any other."""
    told = None if job.receipt is None else job.receipt.get("given_up")
    return None if told is None else _GIVEN_UP.validate_python(told)


def elsewhere(job: Job, *, now: datetime) -> Elsewhere:
    """Return what is known here of an import whose rows are not here."""
    order, said = _order_of(job), job.progress
    held = job.leased_until is not None and job.leased_until > now
    return Elsewhere(
        id=str(job.plan[IMPORT]), tenant=TenantKey.written(str(job.plan["tenant"])),
        kind=None if order is None else order.kind, machine=str(job.plan.get("machine", "")),
        by=job.asked_by, at=job.created_at, attended=job.state is JobState.RUNNING and held,
        problem=job.problem, progress=Progress(said.done or 0, said.whole or 0),
        given_up=told_by(job),
    )  # fmt: skip


def _order_of(job: Job) -> Order | None:
    """Return the order of an import; None of a job of before that was kept."""
    order = job.plan.get("order")
    return None if order is None else _ORDER.validate_python(order)
