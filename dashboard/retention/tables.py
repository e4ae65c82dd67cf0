"""Policies, plans and receipts as table rows and words. Pure but for how columns are drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.draw.formatting import plural, size, visible
from services.cards.scope import Scope
from services.jobs.models import Job, JobState
from services.retention.models import (
    Bound,
    Changes,
    Kept,
    LeftOut,
    Line,
    Matter,
    Plan,
    bound_of,
    matter_of,
)
from services.retention.schedule import next_run
from services.retention.written import LEFT_WORDS, most_words

MATTERS: Mapping[Matter, str] = {
    Matter.PREDICTIONS: "Predictions",
    Matter.SESSIONS: "Sessions",
    Matter.PATTERNS: "Patterns",
    Matter.STREAMS: "Streams (stm:*)",
    Matter.CACHES: "Caches",
}
_BOUNDS: Mapping[Bound, str] = {
    Bound.COUNT: "number in a kb_id, at most",
    Bound.BYTES: "memory in a kb_id, at most",
    Bound.IDLE: "unused for at most",
    Bound.TTL: "a TTL from now on",
    Bound.AGE: "written within",
    Bound.LENGTH: "entries, at most",
}
STATES: Mapping[JobState, str] = {
    JobState.RUNNING: "running",
    JobState.STOPPED: "stopped",
    JobState.FAILED: "failed",
    JobState.ENDED: "ended",
}
OUTCOMES: Mapping[str, str] = {
    "done": "done",
    "partial": "some of it is there still",
    "unknown": "not all of it is known",
}
TIME = st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", timezone="UTC", width=130)


def label(quantity: str) -> str:
    """Say what a policy is of, and how it bounds it."""
    return f"{MATTERS[matter_of(quantity)]}: {_BOUNDS[bound_of(quantity)]}"


def whose(scope: Scope) -> str:
    """Say for whom a policy is."""
    return "every tenant" if str(scope) == "*" else visible(str(scope))


def policies_frame(kept: Sequence[Kept]) -> pd.DataFrame:
    """Return one row a policy."""
    rows = [
        {
            "For": whose(each.policy.scope),
            "Of": label(each.policy.quantity),
            "Keep": most_words(each.policy),
            "Runs": str(each.policy.schedule or "by hand"),
            "Next": next_run(each),
            "Last": each.begun,
            "Set by": visible(each.by),
            "Why": visible(each.why),
        }
        for each in kept
    ]
    columns = ["For", "Of", "Keep", "Runs", "Next", "Last", "Set by", "Why"]
    frame = pd.DataFrame(rows, columns=columns)
    for column in ("Next", "Last"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame


def lines_frame(lines: Sequence[Line]) -> pd.DataFrame:
    """Return one row for each owner of which something goes, or of which that is not known."""
    rows = [
        {
            "Of": MATTERS[each.matter],
            "Tenant": "everybody" if each.tenant is None else visible(str(each.tenant)),
            "Owner": visible(each.owner),
            "There": each.there,
            "Goes": each.due,
            "Memory": None if not each.due_bytes else size(each.due_bytes),
            "Gets a TTL": each.expiring or None,
            "Policy of": visible(", ".join(sorted(set(each.sources.values())))),
            "Unknown": "" if each.problem is None else visible(str(each.problem)),
        }
        for each in lines
    ]
    return pd.DataFrame(rows)


def left_frame(left: Sequence[LeftOut]) -> pd.DataFrame:
    """Return one row for each owner that is left as it is."""
    rows = [
        {
            "Of": MATTERS[each.matter],
            "Owner": visible(each.owner),
            "Tenants": visible(", ".join(map(str, each.tenants))),
            "There": each.there,
            "Why": LEFT_WORDS[each.why],
        }
        for each in left
    ]
    return pd.DataFrame(rows)


def tenants_frame(plan: Plan) -> pd.DataFrame:
    """Return what goes by tenant and matter: not known where it is not of one owner."""
    due, there = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    unknown, uncounted = set[tuple[str, str]](), set[tuple[str, str]]()
    for each in plan.lines:
        tenant = "everybody" if each.tenant is None else visible(str(each.tenant))
        key = tenant, MATTERS[each.matter]
        there[key] += each.there or 0
        due[key] += (each.due or 0) + each.expiring
        if each.due is None:
            unknown.add(key)
        if each.there is None:
            uncounted.add(key)
    rows = [
        {"Tenant": key[0], "Of": key[1],
         "There": None if key in uncounted else there[key],
         "Goes": None if key in unknown else count}
        for key, count in due.most_common()
        if count or key in unknown
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["Tenant", "Of", "There", "Goes"])


def plan_words(plan: Plan) -> str:
    """Say in a sentence what would go, and of how much that is not known."""
    due = Counter[Matter]()
    for each in plan.lines:
        due[each.matter] += (each.due or 0) + each.expiring
    parts = [
        f"{'≥ ' * _at_least(plan, matter)}{number:,} {_NOUNS[matter]}"
        for matter, number in due.items() if number
    ]  # fmt: skip
    tenants = {each.tenant for each in plan.lines if each.due or each.expiring} - {None}
    said = f"{', '.join(parts)}, of {plural(len(tenants), 'tenant')}" if parts else "nothing"
    unknown = sum(each.problem is not None for each in plan.lines)
    said += f"; unknown of {plural(unknown, 'owner')}" if unknown else ""
    return said + ("; not every store was read" if plan.unread else "")


_NOUNS: Mapping[Matter, str] = {
    Matter.PREDICTIONS: "predictions",
    Matter.SESSIONS: "sessions",
    Matter.PATTERNS: "patterns",
    Matter.STREAMS: "entries of streams",
    Matter.CACHES: "caches",
}


def _at_least(plan: Plan, matter: Matter) -> bool:
    return any(each.at_least for each in plan.lines if each.matter is matter)


def jobs_frame(jobs: Sequence[Job]) -> pd.DataFrame:
    """Return one row a run."""
    rows = [
        {
            "Began": job.created_at,
            "State": STATES[job.state] if job.outcome is None else OUTCOMES[job.outcome],
            "Gone": gone_of(job.receipt),
            "By": visible(job.asked_by),
            "Why": visible(job.problem or job.reason),
        }
        for job in jobs
    ]
    return pd.DataFrame(rows, columns=["Began", "State", "Gone", "By", "Why"])


def gone_of(receipt: Mapping[str, Any] | None) -> int | None:
    """Return how many a run erased; None where it has not ended, or some are not known."""
    if receipt is None:
        return None
    counts = [line["deleted"] for line in receipt["lines"]]
    return None if None in counts else sum(counts)


def receipt_frame(receipt: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row a line of a receipt."""
    rows = [
        {
            "Of": MATTERS[Matter(line["matter"])],
            "Tenant": visible(line["tenant"] or "everybody"),
            "Owner": visible(line["owner"]),
            "Before": line["there"],
            "Gone": line["deleted"],
            "Got a TTL": line["expiring"],
            "By others": line["others"],
            "After": line["after"],
            "Left": line["left"],
        }
        for line in receipt["lines"]
    ]
    frame = pd.DataFrame(rows)
    return frame if len(frame) and frame["Got a TTL"].any() else frame.drop(
        columns="Got a TTL", errors="ignore"
    )  # fmt: skip


def done_words(done: Changes) -> str:
    """Say what was changed."""
    parts = [(len(done.put), "set"), (len(done.removed), "removed")]
    words = [f"{plural(count, 'policy', 'policies')} {word}" for count, word in parts if count]
    return ", ".join(words) or "Nothing to change: it is so already"
