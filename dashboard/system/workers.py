"""KATO's workers, one by one as far as they can be told apart."""

from __future__ import annotations

import streamlit as st

from dashboard.app import read
from dashboard.draw import figures, store_tables, unknown, usage_tables
from dashboard.draw.formatting import markdown, plural
from services.errors import Problem
from services.health.models import Workers
from services.sessions.models import is_katos
from services.usage.snapshot import Snapshot


def draw(snapshot: Snapshot) -> None:
    """Draw what each worker says of itself, and how its count of sessions compares."""
    cache = st.toggle(
        "With their caches of patterns", key="worker_caches",
        help="To say how they are, KATO goes through the whole of its Redis four times a worker.",
    )  # fmt: skip
    found = read.workers(cache)
    if isinstance(found, Problem):
        st.caption(f"Unknown: {markdown(str(found))}.")
    elif found is not None:
        _table(found, cache=cache)
        _captions(found, snapshot)


def _table(found: Workers, *, cache: bool) -> None:
    frame = store_tables.workers_frame(found.told, cache=cache)
    unknown.dashes(frame, frame.columns)
    st.dataframe(
        frame, hide_index=True, key="workers", placeholder=usage_tables.NONE,
        alt="Each worker of KATO's with what it says of itself",
        column_config={
            **figures.USAGE_COLUMNS,
            "Since": st.column_config.DatetimeColumn(format="distance"),
            "Cache hits": st.column_config.NumberColumn(format="%.1f %%"),
        },
    )  # fmt: skip


def _captions(found: Workers, snapshot: Snapshot) -> None:
    told, silent = len(found.told), found.unanswered
    if found.configured is not None and found.configured != told:
        st.caption(f"KATO says that it starts {plural(found.configured, 'worker')}. "
                   f"{told:,} of them could be told apart, by when they began: who began at once "
                   "with another, or was not met, has no row.")  # fmt: skip
    if silent:
        st.warning(f"{plural(silent, 'connection')} got no answer while others did: a worker hangs "
                   "or is overloaded.", icon=":material/hourglass_disabled:")  # fmt: skip
    if snapshot.sessions is not None:
        real = sum(map(is_katos, snapshot.sessions))
        st.caption(f"{plural(real, 'session')} of KATO's layout in Redis at the last pass. KATO "
                   "counts its index instead, at most every 5 s: those that expired too, and not "
                   "those that were written back after their deletion.")  # fmt: skip
