"""Tenants that are there, suggested while the id of one is typed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from contextlib import suppress

import streamlit as st

from dashboard.app import read
from dashboard.draw.formatting import markdown
from services.errors import StoreError

MOST = 6
"""Suggestions at a time."""


def suggest(typed: str, *, key: str, kind: str) -> None:
    """Draw a button for each tenant of a kind that may be meant; it fills the input `key`."""
    if not typed.strip():
        return
    ids: tuple[str, ...] = ()
    with suppress(StoreError):  # a session can be created without a suggestion
        ids = near(typed, (each.id for each in read.known_tenants() if each.kind == kind))
    if ids:
        _draw(ids, key)


def near(typed: str, ids: Iterable[str]) -> tuple[str, ...]:
    """Return the ids that hold what is typed, however it is written; its beginnings come first.

    Without the id that is typed, and without those that nobody can type.
    """
    wanted = _plain(typed)
    found = ((_plain(each), each) for each in ids if each != typed and each.isprintable())
    fitting = [(not plain.startswith(wanted), each) for plain, each in found if wanted in plain]
    return tuple(each for _, each in sorted(fitting)[:MOST])


def _plain(text: str) -> str:
    """Return what texts that look alike have in common."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _draw(ids: tuple[str, ...], key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("Already there:", width="content")
        for each in ids:
            st.button(markdown(each), key=f"{key}.{each}", type="tertiary", on_click=_take,
                      args=(key, each))  # fmt: skip


def _take(key: str, tenant_id: str) -> None:
    st.session_state[key] = tenant_id
