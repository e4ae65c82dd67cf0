"""The address of what a page shows, to be copied into a ticket."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from dashboard.app import current


def copy_link(query: Mapping[str, str]) -> None:
    """Draw a button that shows the address of this page with this query, to be copied.

    It has nothing of the filters that happen to be in the address now.
    """
    with st.popover("Link", icon=":material/link:", type="tertiary"):
        here = address(st.context.url or "", current.addressed(query))
        st.code(here, language=None, wrap_lines=True)
        st.caption("Whoever may see it can open it by this address.")


def address(page: str, query: current.Query) -> str:
    """Return the address of a page with a query; any text comes through."""
    scheme, host, path, _, _ = urlsplit(page)
    return urlunsplit((scheme, host, path, urlencode(query), ""))
