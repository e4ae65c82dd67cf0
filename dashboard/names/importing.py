"""Importing node_ids on the Tenants page: pasted, looked at, and only then imported."""

from __future__ import annotations

import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys, unreadable
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import plural
from dashboard.names import tables
from services.access.viewer import Action
from services.errors import KatoTenantsError, NamesError
from services.names.models import Preview

MOST = 2_000_000
"""The longest text that can be pasted, in characters; the command takes any file."""


@st.fragment
@unreadable.calmly()
def draw() -> None:
    """Draw the form, closed until somebody opens it."""
    section = st.expander("Import node_ids", icon=":material/input:", key=state_keys.IMPORT_OPEN,
                          on_change="rerun")  # fmt: skip
    if not section.open:
        return
    with section:
        off = permits.why_not(Action.IMPORT_NAMES)
        if off:
            st.caption(f":material/lock: {off}")
        else:
            _form()


def _form() -> None:
    refusals.draw(state_keys.IMPORT_REFUSED, "Nothing was imported")
    done: Preview | None = st.session_state.pop(state_keys.IMPORTED, None)
    if done is not None:
        st.success(f"{plural(done.taken, 'node_id')} imported. The figures are being read anew.",
                   icon=":material/check:")  # fmt: skip
    st.caption(
        "Node_ids that your clients use count as seen, in place of guesses. One a line; or CSV or "
        "JSON Lines with `node_id`, and where wanted `tenant` and `since`. Nothing in the stores "
        "changes."
    )
    text = st.text_area("Node_ids", key=state_keys.IMPORT_TEXT, max_chars=MOST, height=140,
                        placeholder="tenant:acme:user:bob")  # fmt: skip
    if not text.strip():
        return
    try:
        found = runtime.desk().names.preview(_data(text))
    except NamesError as exc:
        refusals.say(exc)
        return
    _preview(found)
    draw_status(Action.IMPORT_NAMES)
    permits.button(
        f"Import {plural(found.taken, 'node_id')}", Action.IMPORT_NAMES, type="primary",
        disabled=not found.taken, on_click=_take, args=(text,), icon=":material/input:",
    )  # fmt: skip


def _preview(found: Preview) -> None:
    st.table(tables.counts(found), border="horizontal", width="content",
             alt="What the import would come to")  # fmt: skip
    told = tables.told_frame(found)
    if not told.empty:
        st.dataframe(told, hide_index=True, alt="Lines that share, conflict, or are refused")


def _take(text: str) -> None:
    try:
        st.session_state[state_keys.IMPORTED] = runtime.desk().names.take(_data(text))
        st.session_state[state_keys.IMPORT_TEXT] = ""
    except KatoTenantsError as exc:
        refusals.keep(state_keys.IMPORT_REFUSED, exc)


def _data(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
