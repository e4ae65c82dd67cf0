"""What cannot be read, or not be seen, is said in its place, and the rest of the page is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import streamlit as st

from dashboard.app import permits
from dashboard.draw.formatting import markdown
from services.errors import AccessDenied, KatoTenantsError, NotSignedIn, StoreError

T = TypeVar("T")


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


def followed(read: Callable[[], T]) -> T | None:
    """Return a job that runs, read anew; where it cannot be read that is said, and None."""
    try:
        return read()
    except (AccessDenied, NotSignedIn):
        raise  # to who says so calmly
    except KatoTenantsError as exc:
        st.warning(f"How far it is cannot be read: {markdown(str(exc))}. It goes on all the same.",
                   icon=":material/cloud_off:")  # fmt: skip
        return None


@contextmanager
def calmly() -> Iterator[None]:
    """Draw in one calm line that something may not be seen, or not any more.

    A sign-in that is over leads to the page that says so, and a store that does not answer is
    named. As a decorator it is for fragments.
    """
    try:
        yield
    except NotSignedIn:
        st.rerun()
    except AccessDenied as exc:
        st.info(markdown(permits.sentence(str(exc))), icon=":material/lock:")
    except StoreError as exc:
        draw("What should be here", exc)
