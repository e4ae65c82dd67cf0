"""System: every KATO of a single tenant's, and how each is."""

from __future__ import annotations

import streamlit as st

from dashboard.app import permits, read, runtime, state_keys
from dashboard.draw import figures, unknown, usage_tables
from dashboard.draw.chosen import name_box
from dashboard.draw.formatting import escaped, plural, visible
from dashboard.instances import tables
from services.instances.models import State


def draw() -> None:
    """Draw them under a heading; nothing where there is none."""
    instances = runtime.desk().instances.every()
    if not instances:
        return
    st.header("KATOs of single tenants")
    with st.skeleton(height=140):
        vitals = read.vitals(tuple(each.name for each in instances))
        frame = tables.instances_frame(
            instances, vitals, whole=runtime.desk().gate.viewer().sees_all
        )
        silent = [
            each for each in instances
            if each.state is State.SERVING and (
                each.name not in vitals or vitals[each.name].version is None
            )
        ]  # fmt: skip
        if silent:
            st.warning(f"How {plural(len(silent), 'KATO')} of a tenant's own is cannot be known: "
                       "sessions there may fail.", icon=":material/help:")  # fmt: skip
        unknown.dashes(frame, ["Version", "Latency"])
        st.dataframe(
            frame, hide_index=True, key="instances", height="content",
            placeholder=usage_tables.NONE,
            alt="Every KATO of a single tenant's: whom it serves, its version, how it is, where",
            column_config={
                "Tenant": st.column_config.TextColumn(pinned=True, width=150),
                "Instance": st.column_config.TextColumn(width=190),
                "Health": st.column_config.TextColumn(width=220),
                "Latency": st.column_config.NumberColumn(format="%.0f ms", width=90),
                "Since": figures.TIME,
            },
        )  # fmt: skip
    tenants = sorted({visible(str(each.tenant)) for each in instances})
    chosen = name_box("Open a tenant …", tenants, tenants, key="instances_open")
    if chosen:
        permits.link("tenant", escaped(chosen), {state_keys.TENANT: chosen})
