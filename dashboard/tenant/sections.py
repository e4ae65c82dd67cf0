"""Looking into a tenant, on its page: one of its stores at a time, read when it is chosen."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.app import runtime, state_keys, unreadable
from dashboard.draw.formatting import markdown
from dashboard.tenant import (
    keys,
    patterns,
    vectors,
)
from services.browse.models import Scope
from services.errors import NotThisTenants, StoreError, VectorError
from services.usage.snapshot import Snapshot, TenantUsage

SECTIONS: dict[str, Callable[[Scope], None]] = {
    "Patterns": patterns.draw,
    "Keys": keys.draw,
    "Vectors": vectors.draw,
}


def draw(snapshot: Snapshot, usage: TenantUsage) -> None:
    """Draw the choice of a store, and what it has of one tenant."""
    scope = runtime.desk().inspection.scope(snapshot, usage)
    st.fragment(_section)(scope)


@unreadable.calmly()
def _section(scope: Scope) -> None:
    chosen = st.segmented_control(
        "Look into", list(SECTIONS), default="Patterns", required=True, key=state_keys.LOOK_INTO,
        label_visibility="collapsed", bind="query-params",
    )  # fmt: skip
    st.caption("Read from the stores now; nothing is changed by looking.")
    body = SECTIONS[chosen or "Patterns"]
    try:
        body(scope)
    except StoreError as exc:
        text = f"{markdown(str(exc)[:1].upper() + str(exc)[1:])}. Nothing was changed."
        st.warning(text, icon=":material/cloud_off:")
        st.button("Try again", icon=":material/refresh:", key=f"again_{body.__module__}")
    except (NotThisTenants, VectorError) as exc:
        st.error(markdown(str(exc)), icon=":material/block:")
