"""Pages of what a store reads page by page: the way so far is kept, so that one can go back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import streamlit as st

Place = TypeVar("Place")


@dataclass(frozen=True, slots=True)
class Trail(Generic[Place]):
    """Where each page so far of `asked` began, None for the first; kept under a name of state."""

    key: str
    asked: object
    places: tuple[Place | None, ...]

    @property
    def at(self) -> Place | None:
        """Where this page begins."""
        return self.places[-1]

    def button(self, label: str, icon: str, key: str, *to: Place | None, off: bool) -> None:
        """Draw a button that goes to the last of these places."""
        st.button(label, icon=icon, key=key, disabled=off, on_click=self._go, args=(to,))

    def back_button(self, label: str, key: str) -> None:
        """Draw the button to the page before."""
        off = len(self.places) == 1
        self.button(label, ":material/chevron_left:", key, *self.places[:-1], off=off)

    def next_button(self, label: str, key: str, following: Place | None) -> None:
        """Draw the button to what follows, off where nothing does."""
        off = following is None
        self.button(label, ":material/chevron_right:", key, *self.places, following, off=off)

    def turn(self, name: str, following: Place | None, words: str) -> None:
        """Draw the number of this page between the ways to the pages beside it, and `words`."""
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            self.back_button("Previous", f"{name}_back")
            st.caption(f"Page {len(self.places):,}", width="content")
            self.next_button("Next", f"{name}_next", following)
            st.caption(words, width="stretch")

    def _go(self, places: tuple[Place | None, ...]) -> None:
        st.session_state[self.key] = (self.asked, places)


def trail_of(key: str, asked: object) -> Trail[Place]:
    """Return the way so far of what is asked; something else asked begins anew."""
    known, places = st.session_state.get(key, (None, ()))
    if known != asked or not places:
        places = (None,)
        st.session_state[key] = (asked, places)
    return Trail(key, asked, places)
