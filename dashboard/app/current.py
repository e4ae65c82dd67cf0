"""Of which deployment the page is that is drawn, and whose settings hold on it.

It is kept in the session's state by the run that draws a page, so that a click acts where the
page is of on which it was made, whatever the address says by then.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.app import state_keys
from dashboard.app.deployments import Deployments, Held
from dashboard.draw.formatting import escaped
from services.errors import SettingsError
from services.settings.deployments import has_several
from services.settings.environment import Settings, load_settings
from services.settings.sign_in import DEPLOYMENTS

Query = Mapping[str, str | Sequence[str]]

_turn = threading.Lock()
_several: Deployments | None = None


def several() -> Deployments | None:
    """Return the deployments of this process, started; None where it has one.

    Raises SettingsError.
    """
    global _several  # noqa: PLW0603  what a process has once
    if not has_several():
        return None
    if _several is None:
        with _turn:
            if _several is None:
                made = Deployments()
                made.start()
                _several = made
    return _several


def name() -> str:
    """Return the deployment's name; empty where there is one, or none is chosen."""
    if not has_several():
        return ""
    return str(st.session_state.get(state_keys.DEPLOYMENT, ""))


def held() -> Held | None:
    """Return the deployment of several that the page is of.

    None where there is one. Raises SettingsError where none is chosen, or the file has it no more.
    """
    found = several()
    if found is None:
        return None
    here = found.find(name())
    if here is None:
        raise SettingsError(DEPLOYMENTS, "has no deployment that this page could be of")
    return here


def settings() -> Settings:
    """Return the settings that hold on the page: the process' own where it is of no deployment."""
    found = several()
    here = None if found is None else found.find(name())
    return (None if here is None else here.deployment.door) or load_settings()


def addressed(
    query: Mapping[str, str | Sequence[str]] | None = None,
) -> dict[str, str | Sequence[str]]:
    """Return the query of an address here: with the deployment, where there are several."""
    here = name()
    return {**({state_keys.DEPLOYMENT: here} if here else {}), **(query or {})}


def on_which() -> str:
    """Return ` on prod-eu`, for what cannot be undone, as Markdown; empty without several."""
    here = name()
    return f" on {escaped(here)}" if here else ""


def settle(mine: Sequence[str]) -> str:
    """Return which of these deployments this run is of, as its address says; empty for none.

    A page that comes from another one begins with nothing of that: see `is_new`.
    """
    before = str(st.session_state.get(state_keys.DEPLOYMENT, ""))
    asked = (
        st.query_params.get(state_keys.DEPLOYMENT) or before or (mine[0] if len(mine) == 1 else "")
    )
    here = asked if asked in mine else ""
    if before and before != here:
        who = st.session_state.get(state_keys.WHO)
        st.session_state.clear()
        st.session_state[state_keys.WHO] = who
        st.session_state[state_keys.DEPLOYMENT_NEW] = True
    st.session_state[state_keys.DEPLOYMENT] = here
    if here and state_keys.DEPLOYMENT not in st.query_params:
        st.query_params[state_keys.DEPLOYMENT] = here
    return here


def is_new() -> bool:
    """Whether this run is the first of another deployment, in which nothing is to be drawn.

    What was typed is forgotten by a browser once a run ends without it: a confirmation that was
    typed for one deployment would else stand in the other's.
    """
    return bool(st.session_state.pop(state_keys.DEPLOYMENT_NEW, False))


def forget() -> None:
    """Stop and forget the deployments; for tests."""
    global _several  # noqa: PLW0603  as above
    with _turn:
        if _several is not None:
            _several.stop()
        _several = None
