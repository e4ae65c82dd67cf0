"""What a click came to where nothing was done: refused, failed, or waiting for a second person."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard.app import permits, state_keys
from dashboard.draw.formatting import markdown
from services.errors import ApprovalNeeded, EndNotLogged, KatoTenantsError


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing was done; `request` is under which it waits for a second person, or empty.

    `done` is whether it was done all the same, and only its end could not be logged.
    """

    text: str
    request: str = ""
    done: bool = False


def of(exc: KatoTenantsError) -> Refusal:
    """Return what an error comes to on the screen."""
    request = exc.request if isinstance(exc, ApprovalNeeded) else ""
    return Refusal(str(exc), request, done=isinstance(exc, EndNotLogged))


def keep(key: str, exc: KatoTenantsError) -> None:
    """Keep an error for the drawing that follows a callback, under a name of session state."""
    st.session_state[key] = of(exc)


def say(exc: KatoTenantsError) -> None:
    """Draw why what was typed cannot be taken, where it was."""
    st.error(markdown(permits.sentence(str(exc))), icon=":material/block:")


def draw(key: str, before: str) -> None:
    """Draw what was kept, once, after the words `before`; nothing where nothing was."""
    refusal: Refusal | None = st.session_state.pop(key, None)
    if refusal is not None:
        show(refusal, before)


def show(refusal: Refusal, before: str) -> None:
    """Draw why nothing was done, after the words `before`."""
    if refusal.request:
        _waiting(refusal.request)
    elif refusal.done:
        st.warning(markdown(permits.sentence(refusal.text)), icon=":material/history_edu:")
    else:
        st.error(f"{before}: {markdown(refusal.text)}.", icon=":material/block:")


def _waiting(request: str) -> None:
    st.warning(f"Nothing was done yet: this waits for a second admin, as request "
               f"{markdown(request)}. Once it is approved, do the same again.",
               icon=":material/how_to_reg:")  # fmt: skip
    permits.link("approvals", "See the request", {state_keys.REQUEST: request})
