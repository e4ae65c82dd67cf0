"""A look that takes long, and goes on by itself: how far it is, and letting it stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import streamlit as st

from dashboard.app import permits, unreadable
from dashboard.draw import jobs
from dashboard.draw.formatting import age, markdown, size
from services.access.viewer import Action
from services.jobs.looks import Look, LookState
from services.jobs.models import Progress

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Looks(Generic[T]):
    """Looks at one thing, as the desk has them, which is asked anew each time.

    `newest` returns the newest look with what it found. `key` begins the widgets' keys, and
    `refused` is the name under which a refusal is kept.
    """

    newest: Callable[[], tuple[Look, T | None] | None]
    ask: Callable[[], object]
    stop: Callable[[], object]
    action: Action
    key: str
    refused: str


def newest(
    looks: Looks[T], buttons: Callable[[], None], *, begun: datetime | None = None
) -> tuple[Look, T | None] | None:
    """Draw how far one under way is, or else the buttons that ask for one, and return the newest.

    None where there is none, it is under way, or was asked for before something was `begun` by it.
    """
    newest = looks.newest()
    if newest is not None and newest[0].state is LookState.RUNNING:
        follow(looks)
        return None
    buttons()
    if newest is None or (begun is not None and newest[0].since <= begun):
        return None
    return newest


def follow(looks: Looks[T]) -> None:
    """Draw how far one that is under way is, and the page anew once it is over."""
    st.fragment(_follow, run_every="1s")(looks)


def _follow(looks: Looks[T]) -> None:
    """Draw how far it is; read anew every second."""
    found = unreadable.followed(lambda: (looks.newest(),))
    if found is None:
        return
    look = found[0][0] if found[0] is not None else None
    if look is None or look.state is not LookState.RUNNING:
        st.rerun()
    _progress(look.progress)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("This tab can be closed: it goes on, and what it comes to is here then.",
                   width="stretch")  # fmt: skip
        permits.button(
            "Stops soon…" if look.stop_asked else "Stop", looks.action, icon=":material/stop:",
            key=f"{looks.key}_stop", disabled=look.stop_asked, on_click=jobs.do,
            args=(looks.stop, looks.refused), tip="Nothing is changed by it.",
        )  # fmt: skip


def _progress(progress: Progress) -> None:
    """Draw a bar where it is known how much it is in all, and else what it does."""
    text = markdown(words_of(progress))
    if progress.whole:
        st.progress(min(1.0, (progress.done or 0) / progress.whole), text=text)
    else:
        st.markdown(f":material/pending: {text}")


def words_of(progress: Progress) -> str:
    """Say what it does, and how many bytes of it are done."""
    words = progress.words[:1].upper() + progress.words[1:]
    if progress.whole is None or progress.done is None:
        return words or "Waits for its turn"
    return f"{words}: {size(progress.done)} of {size(progress.whole)}"


def ended(look: Look, what: str, *, before: str = "") -> None:
    """Say of one that came to nothing why; of one that is done, when and by whom it was asked."""
    if look.state is LookState.FAILED:
        st.error(f"{before}{markdown(permits.sentence(look.problem))}", icon=":material/block:")
    by = f" for {markdown(look.by)}" if look.by else ""
    deed = {LookState.FAILED: f"{what} failed", LookState.STOPPED: f"{what} was stopped"}
    st.caption(f"{deed.get(look.state, what)} {age(look.ended_at)}{by}.")
