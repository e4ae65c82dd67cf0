"""Purges so far, and what they mean for a tenant's page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.app import navigation, permits, read, runtime, state_keys
from dashboard.draw import figures
from dashboard.draw.chosen import rows_table
from dashboard.draw.formatting import age, escaped, moment, visible
from dashboard.purge import job_words
from services.purge.came_back import came_back
from services.purge.job import Job, Tombstone
from services.usage.snapshot import Snapshot, TenantUsage


def jobs_list(jobs: Sequence[Job]) -> None:
    """Draw the newest purges, each with a button that opens it."""
    st.header("Purges so far")
    if not jobs:
        st.caption("None yet. A purge begins with a plan, which changes nothing.")
        return
    rows_table(
        job_words.jobs_frame(jobs), jobs, [job.id for job in jobs], key="purge_jobs",
        opened=lambda job: open_job(job.id), height="content" if len(jobs) <= 10 else "auto",  # noqa: PLR2004
        alt="Purges, the newest first: target, time, state, outcome, who and why",
        column_config={
            "When": figures.TIME,
            "Target": st.column_config.TextColumn(pinned=True, width="medium"),
        },
    )  # fmt: skip


def open_job(job_id: str) -> None:
    """Go to one purge."""
    navigation.go("purge", {state_keys.JOB: job_id})


def came_back_part(stones: Sequence[Tombstone]) -> None:
    """Draw the kb_ids that have data again after they were purged."""
    if not stones:
        return
    st.header("Came back")
    st.warning("These kb_ids were purged, and have data again: a client still writes to them.",
               icon=":material/history:")  # fmt: skip
    st.dataframe(
        [
            {"kb_id": visible(stone.kb_id), "Purged with": visible(stone.tenant),
             "Erased": moment(stone.erased_at)}
            for stone in stones
        ],
        hide_index=True, key="came_back", alt="Purged kb_ids that have data again",
    )  # fmt: skip


def tenant_notes(usage: TenantUsage, snapshot: Snapshot) -> None:
    """Say on a tenant's page that it is being purged, or what came back after it was."""
    name = str(usage.tenant)
    job_id = runtime.desk().purge.being_purged([name])
    if job_id is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning(f"{escaped(visible(name))} is being purged.", icon=":material/delete_sweep:",
                       width="stretch")  # fmt: skip
            permits.link("purge", "See the purge", {state_keys.JOB: job_id})
    own = {part.name for part in usage.parts} | set(usage.shared)
    back = [s for s in came_back(snapshot, read.tombstones(snapshot)) if s.kb_id in own]
    if back:
        names = ", ".join(visible(stone.kb_id) for stone in back)
        st.warning(f"Came back after it was purged {age(back[0].erased_at)}: {escaped(names)}.",
                   icon=":material/history:")  # fmt: skip


def purge_link(tenant: str) -> None:
    """Draw the way from a tenant, as `visible` writes it, to the plan of its purge."""
    permits.link("purge", "Purge…", {state_keys.TENANT: tenant})
