"""Which of several deployments a page is of: on every page, and the way to another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import streamlit as st

from dashboard.app import current, state_keys
from dashboard.draw.formatting import escaped

AGAIN_SECONDS = 0.2
"""How soon after it was emptied a page is drawn for another deployment."""

Shade = Literal["gray", "blue", "green", "orange", "red", "violet"]

_DRAWN = "deployment_drawn"


def draw(mine: Sequence[str]) -> None:
    """Draw in the sidebar which deployment the page is of, and let another be chosen."""
    here = current.name()
    if len(mine) > 1:
        st.sidebar.selectbox(
            "Deployment", mine, index=mine.index(here) if here else None, on_change=_go,
            key=state_keys.DEPLOYMENT_CHOSEN, filter_mode="contains",
            placeholder="Choose a deployment",
        )  # fmt: skip


def strip() -> None:
    """Draw above a page which deployment it is of, in its colour, with its labels."""
    here = current.held()
    if here is None:
        return
    found = here.deployment
    with st.container(horizontal=True, gap="small"):
        st.badge(escaped(found.name), icon=":material/dns:", color=shade(found.color))
        for text in labels(found.labels):
            st.badge(escaped(text), color="gray")


def no_start(title: str) -> str:
    """Name what cannot start: the dashboard, or one of several deployments, with a page's title."""
    here = current.held()
    if here is None:
        return "The dashboard"
    st.title(title)
    return escaped(here.deployment.name)


def shade(color: str) -> Shade:
    """Return a deployment's colour as Streamlit calls it."""
    return next((each for each in get_args(Shade) if each == color), "gray")


def labels(found: Mapping[str, str]) -> list[str]:
    """Write each label as one text."""
    return [f"{key}: {value}" for key, value in found.items()]


def again(title: str) -> None:
    """Have the page be drawn in a moment: nothing of another deployment is on it any more."""
    st.title(title)
    st.session_state[_DRAWN] = False
    _soon()


@st.fragment(run_every=AGAIN_SECONDS)
def _soon() -> None:
    if st.session_state.get(_DRAWN):
        st.rerun()
    st.session_state[_DRAWN] = True


def _go() -> None:
    """Go to the same page of another deployment, with nothing of this one's in its address."""
    st.query_params.from_dict(
        {state_keys.DEPLOYMENT: st.session_state[state_keys.DEPLOYMENT_CHOSEN]}
    )
