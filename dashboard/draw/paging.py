"""Pages by their numbers, which are in the address; and pages of what a store reads page by page.

Of the latter the way so far is kept, so that one can go back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import streamlit as st

Place = TypeVar("Place")


FEW_PAGES = 7
"""So many numbers are all on the screen; of more, one can be typed."""


def numbered(pages: int, key: str) -> int:
    """Draw the numbers of pages, and where they are many an entry for one; return which it is.

    `key` is a query parameter too. Nothing is drawn of one page.
    """
    if pages <= 1:
        return 1
    with st.container(horizontal=pages > FEW_PAGES, vertical_alignment="center"):
        page = st.pagination(pages, key=key, bind="query-params", max_visible_pages=FEW_PAGES)
        if pages > FEW_PAGES:
            st.number_input(
                "Go to page", 1, pages, None, placeholder=f"Page 1 to {pages:,}", width=170,
                key=f"{key}_typed", on_change=_turn_to, args=(key,), label_visibility="collapsed",
            )  # fmt: skip
    return min(page, pages)


def _turn_to(key: str) -> None:
    typed = st.session_state[f"{key}_typed"]
    if typed is not None:
        st.session_state[key] = int(typed)


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
