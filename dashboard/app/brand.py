"""Where one is: the name at the top, the deployment, and what each browser tab is called."""

from __future__ import annotations

import streamlit as st

from dashboard.app import current, state_keys
from dashboard.app.logo import PRODUCT, logo
from dashboard.app.navigation import PageRow
from dashboard.draw.formatting import clipped, escaped, unseen, visible
from services.settings.environment import Settings

_OPENS = (
    state_keys.TENANT, state_keys.SESSION, state_keys.FINDING, state_keys.JOB, state_keys.PLAN,
    state_keys.REQUEST, state_keys.FIND, state_keys.ALERT,
    state_keys.ARCHIVE, state_keys.RESTORE,
)  # fmt: skip
"""The parameters of an address that open one thing."""

_LONGEST = 60
_OPEN = {
    False: "This dashboard listens on this machine alone, and everyone on it is admin.",
    True: "KATO_TENANTS_ALLOW_OPEN is set: everyone who reaches this dashboard is admin.",
}


def begin() -> None:
    """Set what holds for the whole app, before anybody is known."""
    st.set_page_config(page_title=PRODUCT, page_icon=":material/hub:", layout="wide")


def draw(page: PageRow, settings: Settings) -> None:
    """Name the browser's tab after a page and what is open on it, and draw the mark at the top."""
    opened = next((text for name in _OPENS if (text := st.query_params.get(name))), "")
    name_tab(page.title, visible(unseen(opened)))
    line = " · ".join(filter(None, (settings.deployment, sample_words(settings))))
    st.logo(logo(line, settings.deployment_color), size="large")


def name_tab(title: str, opened: str = "") -> None:
    """Name the browser's tab after a page and what is `opened` on it, a visible text."""
    st.set_page_config(page_title=tab(title, current.settings().deployment, opened))


def tab(title: str, deployment: str = "", opened: str = "") -> str:
    """Return a tab's name, what tells it from its neighbours first."""
    product = f"{PRODUCT} ({deployment})" if deployment else PRODUCT
    return " · ".join(filter(None, (clipped(opened, _LONGEST), title, product)))


def sample_words(settings: Settings) -> str:
    """Say that the data is made up, where it is."""
    is_sample = _is_embedded(settings) and settings.fill == "sample"
    return "sample data" if is_sample else ""


def _is_embedded(settings: Settings) -> bool:
    return settings.embedded and not settings.of_several


def sidebar(settings: Settings) -> None:
    """Draw which deployment this is, and what holds on every page of it."""
    with st.sidebar.container(horizontal=True, gap="small"):
        if settings.deployment and not settings.deployments:  # else it is above the page
            st.badge(escaped(settings.deployment), icon=":material/dns:",
                     color=settings.deployment_color)  # fmt: skip
        if sample := sample_words(settings):
            st.badge(sample.capitalize(), icon=":material/science:", color="blue",
                     help="A made-up fleet, to try things on.")  # fmt: skip
        if _is_embedded(settings):
            st.badge("Embedded engines", icon=":material/deployed_code:", color="gray",
                     help="No store is configured: ClickHouse's engine, Valkey, Qdrant's local "
                     "mode and a stand-in for KATO's API run inside this dashboard.")  # fmt: skip
        if settings.auth == "local":
            st.badge("Sign-in is off", icon=":material/lock_open:", color="orange",
                     help=_OPEN[settings.allow_open])  # fmt: skip
