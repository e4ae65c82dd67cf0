"""The pages, one row each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from dashboard.app import current
from services.access.viewer import PERMISSIONS, Action, Role, Viewer


@dataclass(frozen=True, slots=True)
class PageRow:
    """One page: its file under dashboard/pages, how it is called, and what it is for.

    `action` is what somebody has to be trusted with to open it.
    """

    name: str
    title: str
    icon: str
    section: str
    action: Action
    help: str

    @property
    def file(self) -> str:
        """The page's file, relative to the entry point."""
        return f"dashboard/pages/{self.name}.py"

    def open_to(self, role: Role) -> bool:
        """Whether a role is enough to open it."""
        return role.includes(PERMISSIONS[self.action].role)


PAGES = (
    PageRow("overview", "Overview", ":material/dashboard:", "Fleet", Action.SEE_FLEET,
            "Totals, what needs attention, who uses most, and how fresh each figure is."),
    PageRow("tenants", "Tenants", ":material/groups:", "Fleet", Action.SEE_FLEET,
            "Every tenant with its usage, what tenants share, and what is unowned."),
    PageRow("usage", "Usage", ":material/trending_up:", "Fleet", Action.SEE_FLEET,
            "Any figure over time, and who grew or shrank between two moments."),
    PageRow("limits", "Limits", ":material/speed:", "Fleet", Action.SEE_FLEET,
            "How much tenants should have at most: by default, by kind and by tenant."),
    PageRow("bill", "Bill", ":material/receipt_long:", "Fleet", Action.SEE_FLEET,
            "What a month costs each tenant, and how much of it was known."),
    PageRow("isolation", "Isolation", ":material/shield:", "Fleet", Action.SEE_FINDINGS,
            "What keeps tenants apart: the checks, what they found, and what to do."),
    PageRow("alerts", "Alerts", ":material/notifications:", "Fleet", Action.SEE_ALERTS,
            "What asks for somebody, what is silenced, and whether those it is for were told."),
    PageRow("find", "Find", ":material/search:", "Support", Action.FIND,
            "Who has a user, node_id, session, pattern, kb_id, Redis key or collection."),
    PageRow("tenant", "Tenant", ":material/person_search:", "Support", Action.SEE_FLEET,
            "One tenant: its knowledge bases, usage by store, sessions, and the evidence."),
    PageRow("sessions", "Sessions", ":material/forum:", "Support", Action.INSPECT_SESSION,
            "Every session: find one, look into it without disturbing it, extend or end it."),
    PageRow("new_session", "New session", ":material/add_circle:", "Support", Action.CREATE_SESSION,
            "Create a session for a tenant, and see beforehand on whose memory it lands."),
    PageRow("setup", "New tenant", ":material/domain_add:", "Operations", Action.SET_UP,
            "Name a tenant, see what stands near its name, and set it up step by step."),
    PageRow("imports", "Import", ":material/upload_file:", "Operations", Action.IMPORT_DATA,
            "Write patterns, keys, sessions and vectors for a tenant out of a file."),
    PageRow("purge", "Purge", ":material/delete_sweep:", "Operations", Action.SEE_PURGES,
            "Plan an erasure, do it step by step, and keep the receipt that proves it."),
    PageRow("archive", "Archives", ":material/archive:", "Operations", Action.SEE_ARCHIVES,
            "Take all of one tenant out of the stores as one proven file, and see what there is."),
    PageRow("backups", "Backups", ":material/backup:", "Operations", Action.SEE_FLEET,
            "The newest proven archive of each tenant, and rules by which more are taken."),
    PageRow("retention", "Retention", ":material/auto_delete:", "Operations", Action.SEE_FLEET,
            "What is kept, for how long and how much of it: policies, what they do, and runs."),
    PageRow("approvals", "Approvals", ":material/how_to_reg:", "Operations", Action.SEE_APPROVALS,
            "What waits for a second person, what you asked for, and what was decided."),
    PageRow("audit_log", "Audit log", ":material/history_edu:", "Operations", Action.SEE_LOG,
            "Who did what to whose data, in a chain that cannot be edited unseen."),
    PageRow("system", "System", ":material/dns:", "Operations", Action.SEE_FLEET,
            "Each store's state, version and last pass, and the settings in force."),
)  # fmt: skip

DEPLOYMENTS = PageRow(
    "deployments", "Deployments", ":material/lan:", "All deployments", Action.SEE_FLEET,
    "Every deployment of this dashboard: its totals, its state, and Find over all.",
)  # fmt: skip
"""The page that is of no deployment, in the menu where there are several."""

HOME = "home"
"""What the address of the first page is called inside of Streamlit, which serves it at `/`."""

PATHS = (HOME, *(page.name for page in PAGES), DEPLOYMENTS.name)
"""Every address. The first page's own name is one of them too, and leads to it."""


def row(name: str) -> PageRow:
    """Return a page's row by its name."""
    return next(page for page in (DEPLOYMENTS, *PAGES) if page.name == name)


def build(viewer: Viewer | None, *, approvals: bool, firing: int | None = None) -> StreamlitPage:
    """Declare every page and return the one to run; the menu has those that the role may open.

    `approvals` is whether anything waits for a second person here, `firing` how many alerts ask
    for somebody, None where that is not known. Without a viewer no deployment is chosen, and with
    several the menu is drawn here: Streamlit's own leads to addresses that name none.
    """
    several = current.several() is not None
    sections: dict[str, list[StreamlitPage]] = {}
    menu: dict[str, list[PageRow]] = {}
    for page in (DEPLOYMENTS, *PAGES):
        default = page is PAGES[0]
        shown = _is_shown(page, viewer, approvals=approvals, several=several)
        declared = st.Page(
            page.file, title=_counted(page, firing), icon=page.icon,
            url_path=HOME if default else page.name, default=default, help=page.help,
            visibility="visible" if shown else "hidden",
        )  # fmt: skip
        sections.setdefault(page.section, []).append(declared)
        if shown:
            menu.setdefault(page.section, []).append(page)
    sections[PAGES[0].section].append(_by_name(PAGES[0]))
    if not several:
        return st.navigation(sections, expanded=True)  # else Streamlit hides all beyond the twelfth
    chosen = st.navigation(sections, position="hidden")
    _draw(menu, firing)
    return chosen


def go(name: str, query: current.Query | None = None) -> NoReturn:
    """Go to a page of the same deployment."""
    st.switch_page(row(name).file, query_params=current.addressed(query))


def _is_shown(page: PageRow, viewer: Viewer | None, *, approvals: bool, several: bool) -> bool:
    if page is DEPLOYMENTS:
        return several
    if viewer is None:
        return False
    return page.open_to(viewer.role) and (approvals or page.name != "approvals")


def _draw(menu: dict[str, list[PageRow]], firing: int | None) -> None:
    """Draw the menu, each link with the deployment in its address."""
    with st.sidebar.container(gap="xxsmall"):
        for section, pages in menu.items():
            st.caption(section)
            for page in pages:
                st.page_link(page.file, label=_counted(page, firing), icon=page.icon,
                             query_params=current.addressed() or None)  # fmt: skip


def _counted(page: PageRow, firing: int | None) -> str:
    """Return a page's title in the menu, that of the alerts with how many fire."""
    return f"{page.title} ({firing:,})" if firing and page.name == "alerts" else page.title


def _by_name(first: PageRow) -> StreamlitPage:
    """Return a page at the first one's name that goes to it, with whatever the address says."""

    def to_first() -> None:
        st.switch_page(first.file, query_params=st.query_params.to_dict())

    return st.Page(to_first, title=first.title, url_path=first.name, visibility="hidden")
