"""What the viewer may do, as the screen says it: buttons and links that are off say why.

None of this is a check: the use cases check, whatever is drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.app import current, navigation, outage, runtime
from dashboard.app.ending import end_page
from dashboard.draw.formatting import escaped, markdown
from services.access.viewer import PERMISSIONS, Action
from services.tenancy.kb_ids import TenantKey


def why_not(action: Action, tenants: Collection[TenantKey] | None = None) -> str:
    """Return in a sentence why the viewer may not do this now; empty where it may be done."""
    reason = runtime.desk().gate.why_not(action, tenants=tenants)
    return sentence(reason) if reason else ""


def why_off(action: Action, takes: frozenset[str] = frozenset()) -> str:
    """Return in a sentence why this cannot work now, by the last figures; empty where it may."""
    return outage.why_off(runtime.last_collected().snapshot, action, takes)


def sentence(text: str) -> str:
    """Return a reason as a sentence; a name that it begins with stays as it is."""
    first = text.partition(" ")[0].rstrip(":")
    is_name = any(sign in first for sign in "/_:")
    return f"{text}." if is_name else f"{text[:1].upper()}{text[1:]}."


def button(
    label: str, action: Action, *, tenants: Collection[TenantKey] | None = None,
    disabled: bool = False, tip: str | None = None, takes: frozenset[str] = frozenset(),
    **options: Any,
) -> bool:  # fmt: skip
    """Draw a button for an action: off, with the reason as its tooltip, where it is not allowed.

    So it is where it cannot work: a store is down that it needs, or one of those that it `takes`.
    """
    reason = why_not(action, tenants) or why_off(action, takes)
    return st.button(label, disabled=disabled or bool(reason), help=markdown(reason) or tip,
                     **options)  # fmt: skip


def link(
    name: str, label: str | None = None, query: Mapping[str, str | Sequence[str]] | None = None,
    icon: str = "",
) -> None:  # fmt: skip
    """Draw a link to a page: off, with the reason as its tooltip, for who may not open it.

    `label` is Markdown already; `icon` is the page's own where none is given.
    """
    page = navigation.row(name)
    reason = why_off(page.action) if _role_is_enough(page) else _role_words(page)
    st.page_link(
        page.file, label=label or page.title, icon=icon or page.icon,
        query_params=current.addressed(query) or None,
        disabled=bool(reason), help=reason or None,
    )  # fmt: skip


def page_or_stop(name: str) -> None:
    """Go on to a page that the viewer's role may open; else say what it takes, and stop."""
    page = navigation.row(name)
    if _role_is_enough(page):
        return
    st.title(page.title)
    st.info(f"{_role_words(page)} {escaped(page.help)}", icon=":material/lock:")
    end_page()


def _role_is_enough(page: navigation.PageRow) -> bool:
    return page.open_to(runtime.desk().gate.viewer().role)


def _role_words(page: navigation.PageRow) -> str:
    return f"This page takes the role {PERMISSIONS[page.action].role.value}."
