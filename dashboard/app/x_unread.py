"""What cannot be read is said in its place, and the rest of the page is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard.draw.formatting import markdown
from services.errors import KatoTenantsError, StoreError


def draw(what: str, exc: KatoTenantsError) -> None:
    """Say that something cannot be read, and why. `what` begins the sentence."""
    st.error(f"{what} cannot be read: {markdown(str(exc))}.", icon=":material/cloud_off:")


@contextmanager
def said(what: str) -> Iterator[None]:
    """Draw a part of a page; where a store does not answer, say what cannot be read, and go on."""
    try:
        yield
    except StoreError as exc:
        draw(what, exc)
