"""The pages, one row each."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.navigation.page import StreamlitPage


@dataclass(frozen=True, slots=True)
class PageRow:
    """One page: its file under dashboard/pages, how it is called, and what it is for."""

    name: str
    title: str
    icon: str
    section: str
    help: str

    @property
    def file(self) -> str:
        """The page's file, relative to the entry point."""
        return f"dashboard/pages/{self.name}.py"


PAGES = (
    PageRow("overview", "Overview", ":material/dashboard:", "Fleet",
            "Totals, what needs attention, who uses most, and how fresh each figure is."),
    PageRow("tenants", "Tenants", ":material/groups:", "Fleet",
            "Every tenant with its usage, what tenants share, and what belongs to nobody."),
    PageRow("isolation", "Isolation", ":material/shield:", "Fleet",
            "What keeps tenants apart: what was checked, what was found, and what to do."),
    PageRow("find", "Find", ":material/search:", "Support",
            "Who has a user, node_id, session, pattern, kb_id, Redis key or collection."),
    PageRow("tenant", "Tenant", ":material/person_search:", "Support",
            "One tenant: its knowledge bases, usage by store, sessions, and how it is known."),
    PageRow("sessions", "Sessions", ":material/forum:", "Support",
            "Every session: find one, look into it without disturbing it, extend or end it."),
    PageRow("new_session", "New session", ":material/add_circle:", "Support",
            "Create a session for a tenant, and see beforehand on whose memory it lands."),
    PageRow("purge", "Purge", ":material/delete_sweep:", "Operations",
            "Plan what would go, erase it step by step, and keep the receipt that proves it."),
    PageRow("system", "System", ":material/dns:", "Operations",
            "Each store's state, version and last pass, and the settings in force."),
)  # fmt: skip


def row(name: str) -> PageRow:
    """Return a page's row by its name."""
    return next(page for page in PAGES if page.name == name)


def build() -> StreamlitPage:
    """Declare every page and return the one to run."""
    sections: dict[str, list[StreamlitPage]] = {}
    for page in PAGES:
        declared = st.Page(
            page.file, title=page.title, icon=page.icon, url_path=page.name,
            default=page is PAGES[0], help=page.help,
        )  # fmt: skip
        sections.setdefault(page.section, []).append(declared)
    return st.navigation(sections)
