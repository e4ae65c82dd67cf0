"""Runs so far, and how long this product keeps what is its own."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.app import current, navigation, permits, state_keys
from dashboard.draw import usage_tables
from dashboard.draw.chosen import rows_table
from dashboard.retention import tables
from services.jobs.models import Job

_FEW = 10


def draw(jobs: Sequence[Job]) -> None:
    """Draw the newest runs, each with a button that opens it."""
    st.header("Runs so far")
    if not jobs:
        st.caption("None yet. A plan above begins one, and so does a policy that runs by itself.")
        return
    rows_table(
        tables.jobs_frame(jobs), jobs, [job.id for job in jobs], key="retention_runs",
        opened=_open, height="content" if len(jobs) <= _FEW else "auto",
        alt="Runs, the newest first: when, state, how many went, who and why",
        column_config={"Began": tables.TIME}, placeholder=usage_tables.NONE,
    )  # fmt: skip


def _open(job: Job) -> None:
    navigation.go("retention", {state_keys.JOB: job.id})


def own_records() -> None:
    """Draw how long this product keeps what is its own: by settings, which are set elsewhere."""
    settings = current.settings()
    st.header("This dashboard's own records")
    st.markdown(
        f"Usage over time: hours for {settings.history_hours_days:,g} days "
        f"(`KATO_TENANTS_HISTORY_HOURS_DAYS`), days for {settings.history_days:,g} days "
        "(`KATO_TENANTS_HISTORY_DAYS`). The audit log is kept for good: it is a chain, of which "
        "nothing can be taken away unseen."
    )
    permits.link("system", "Settings in force")
