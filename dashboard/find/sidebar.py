"""The search entry in the sidebar of every page but Find, to which it leads."""

from __future__ import annotations

from typing import NoReturn

import streamlit as st
from streamlit.errors import StreamlitAPIException

from dashboard.app import navigation, permits, state_keys
from services.access.viewer import Action

MOST_CHARACTERS = 20_000
"""What may be typed: KATO bounds no name, and the address of a page has to hold it."""


def draw(current: str) -> None:
    """Draw the entry, or go to Find with what was typed; `current` is the page that is drawn."""
    if current == "find" or permits.why_not(Action.FIND):
        return
    st.session_state[state_keys.FIND_LEFT] = True
    typed = st.session_state.pop(state_keys.FIND_TYPED, "")
    if typed.strip():
        _go(typed)
    st.sidebar.text_input(
        "Find a user, session, key…", key=state_keys.FIND_ENTRY, type="search",
        placeholder="Find a user, session, key…", label_visibility="collapsed",
        max_chars=MOST_CHARACTERS, on_change=_take,
    )  # fmt: skip


def come_back() -> None:
    """Go to what was looked for last, where Back leads to the page from another one.

    A link from it to a tenant leaves an entry in the browser's history that has this page with
    some of the tenant's parameters (Streamlit 1.67), and Back comes to that first. Its address wins
    over the session's state then, so what was looked for has to be in one. From there Back leads
    past that entry.
    """
    left = st.session_state.pop(state_keys.FIND_LEFT, False)
    last = st.session_state.get(state_keys.FIND_LAST)
    others = set(st.query_params) - {
        state_keys.FIND, state_keys.ANYWHERE, state_keys.DEPLOYMENT,
    }  # fmt: skip
    if left and last and others and state_keys.FIND not in st.query_params:
        typed, contains = last
        _go(typed, contains=contains)


def _go(typed: str, *, contains: bool = False) -> NoReturn:
    for last in (state_keys.FIND, state_keys.ANYWHERE):
        st.session_state.pop(last, None)  # or what was looked for last would win
    anywhere = {state_keys.ANYWHERE: "true"} if contains else {}
    asked = {state_keys.FIND: typed, **anywhere}
    try:
        navigation.go("find", asked)
    except StreamlitAPIException:
        # Find was left a moment ago, in a run that was cut off: its entry has the address still
        st.session_state[state_keys.FIND], st.session_state[state_keys.ANYWHERE] = typed, contains
        navigation.go("find")


def keep(typed: str, *, contains: bool) -> None:
    """Keep what is looked for, for `come_back`."""
    st.session_state[state_keys.FIND_LAST] = typed, contains


def _take() -> None:
    """Keep what was typed for the run that follows: only then can another page be gone to."""
    st.session_state[state_keys.FIND_TYPED] = st.session_state[state_keys.FIND_ENTRY]
