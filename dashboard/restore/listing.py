"""Restores so far."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.app import navigation, state_keys
from dashboard.draw import figures
from dashboard.draw.chosen import rows_table
from dashboard.restore import tables
from services.jobs.models import Job

_FEW = 10


def draw(jobs: Sequence[Job], title: str = "Restores so far") -> None:
    """Draw the newest restores, each with a button that opens it."""
    st.header(title)
    if not jobs:
        st.caption("None yet. An archive is brought back from its own page.")
        return
    rows_table(
        tables.jobs_frame(jobs), jobs, [job.id for job in jobs], key="restores",
        opened=lambda job: open_restore(job.id), height="content" if len(jobs) <= _FEW else "auto",
        alt="Restores, the newest first: of whom, as whom, when, state, by whom and why",
        column_config={
            "Of": st.column_config.TextColumn(pinned=True, width="medium"),
            "Started": figures.TIME,
        },
    )  # fmt: skip


def open_restore(job_id: str) -> None:
    """Go to one restore."""
    navigation.go("archive", {state_keys.RESTORE: job_id})
