"""The gate before every page, and what says in whose name one works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import streamlit as st

from dashboard.app import current, state_keys, viewer as access
from dashboard.app.logo import PRODUCT
from dashboard.app.navigation import HOME, PATHS
from dashboard.draw.formatting import escaped, few, markdown, visible
from services.access.viewer import Viewer
from services.errors import NotSignedIn, SettingsError
from services.settings.environment import load_settings

_READ_ONLY = ("Read only (KATO_TENANTS_READ_ONLY): everything can be looked at, and nothing that "
              "writes can be done.")  # fmt: skip
_NAMED = 5
_NEXT = {
    "local": "Open it on the machine that it runs on or through an SSH tunnel, or set up a "
             "sign-in: `docs/sign-in.md`.",
    "proxy": "Open it at the proxy's address, or reload this page to be signed in again.",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LetIn:
    """Who passed the gate; `viewer` is None where none of several deployments is chosen.

    `deployments` names those that they may see, where there are several.
    """

    viewer: Viewer | None
    deployments: tuple[str, ...] = ()


def gate() -> LetIn:
    """Let a signed-in person with a role pass; show anybody else what to do, and stop."""
    try:
        found = _of_several() if current.several() is not None else _of_one()
    except SettingsError as exc:
        _hide_pages()
        st.error(f"The dashboard cannot start. {markdown(str(exc))}", icon=":material/error:")
        st.stop()
    except NotSignedIn as exc:
        _refuse(str(exc))
    if found.viewer is not None:
        _banners(found.viewer)
    return found


def _of_one() -> LetIn:
    found = access.identified()
    if found.viewer is None:
        _refuse_without_role(found.id)
    _begin_anew_for(found.viewer.id)
    return LetIn(found.viewer)


def _of_several() -> LetIn:
    """Let people into what they have a role in; another deployment is not even named to them."""
    who, found = access.everywhere()
    mine = {name: each for name, each in found.items() if each is not None}
    if not mine:
        _refuse_without_role(who)
    _begin_anew_for(who)
    return LetIn(mine.get(current.settle(tuple(mine))), tuple(mine))


def _begin_anew_for(who: str) -> None:
    """Forget what a tab holds when another person goes on in it."""
    if st.session_state.get(state_keys.WHO, who) != who:
        st.session_state.clear()
    st.session_state[state_keys.WHO] = who


def _banners(viewer: Viewer) -> None:
    """Say what holds on every page: read only, or of which tenants the figures are."""
    if current.settings().read_only:
        st.info(_READ_ONLY, icon=":material/edit_off:")
    if not viewer.sees_all:
        st.caption(f":material/filter_alt: {_scope_words(viewer)}")


def _scope_words(viewer: Viewer) -> str:
    names = [escaped(visible(str(pattern))) for pattern in sorted(viewer.scope)]
    if not names:
        return "No tenant is in your scope."
    named = few(names, _NAMED)
    return f"All figures are of the tenants in your scope alone, totals too: {named}."


def _hide_pages() -> None:
    """Declare every page's address and none of its content, title or place in a menu.

    An address that is not declared would show that there is no such page.
    """
    st.navigation([st.Page(_nothing, title=PRODUCT, url_path=path, default=path == HOME)
                   for path in PATHS], position="hidden")  # fmt: skip


def _nothing() -> None:
    """Draw nothing: what is to be seen is drawn around it."""


def _refuse(reason: str) -> NoReturn:
    _hide_pages()
    auth = load_settings().auth
    st.title("You are not signed in")
    st.markdown(f"{markdown(reason[:1].upper() + reason[1:])}.")
    if auth == "oidc":
        st.button("Sign in", icon=":material/login:", type="primary", on_click=st.login)
    else:
        st.caption(_NEXT[auth])
    st.stop()


def _refuse_without_role(who: str) -> NoReturn:
    _hide_pages()
    st.title("You have no role here")
    st.markdown(f"You are signed in as **{markdown(who)}**. Ask an admin of this dashboard "
                "for a role: viewer, support, operator or admin.")  # fmt: skip
    _sign_out()
    st.stop()


def sidebar(viewer: Viewer | None) -> None:
    """Draw who is signed in, with what role, and the way out."""
    with st.sidebar:
        if load_settings().auth != "local":
            who = st.session_state.get(state_keys.WHO, "")
            role = f" ({viewer.role.value})" if viewer is not None else ""
            st.caption(f":material/person: {markdown(who)}{role}")
        _sign_out()


def _sign_out() -> None:
    if load_settings().auth == "oidc":
        st.button("Sign out", icon=":material/logout:", on_click=st.logout)
