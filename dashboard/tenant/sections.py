"""Looking into a tenant, on its page: what is drawn, and read, only when it is opened."""

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

SECTIONS: tuple[tuple[str, str, str, Callable[[Scope], None]], ...] = (
    ("Patterns", ":material/pattern:", state_keys.LOOK_PATTERNS, patterns.draw),
    ("Keys", ":material/key:", state_keys.LOOK_KEYS, keys.draw),
    ("Vectors", ":material/scatter_plot:", state_keys.LOOK_VECTORS, vectors.draw),
)


def draw(snapshot: Snapshot, usage: TenantUsage) -> None:
    """Draw the sections of one tenant, closed until somebody opens them."""
    scope = runtime.desk().inspection.scope(snapshot, usage)
    for title, icon, key, body in SECTIONS:
        st.fragment(_section)(title, icon, key, body, scope)


@unreadable.calmly()
def _section(title: str, icon: str, key: str, body: Callable[[Scope], None], scope: Scope) -> None:
    section = st.expander(title, icon=icon, key=key, on_change="rerun", bind="query-params")
    if section.open:
        with section:
            _drawn(body, scope)


def _drawn(body: Callable[[Scope], None], scope: Scope) -> None:
    try:
        body(scope)
    except StoreError as exc:
        text = f"{markdown(str(exc)[:1].upper() + str(exc)[1:])}. Nothing was changed."
        st.warning(text, icon=":material/cloud_off:")
        st.button("Try again", icon=":material/refresh:", key=f"again_{body.__module__}")
    except (NotThisTenants, VectorError) as exc:
        st.error(markdown(str(exc)), icon=":material/block:")
