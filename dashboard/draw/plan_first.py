"""What is planned before it is begun: the plan that was asked for, and the reason that begins it.

A plan is made in the background, and is drawn until another one is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import streamlit as st

from dashboard.app import permits
from dashboard.draw import amounts, jobs, looks
from dashboard.draw.formatting import escaped, markdown
from services.access.viewer import Action
from services.purge.amounts import Amounts
from services.purge.models import Plan as Purge
from services.tenancy.kb_ids import TenantKey

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Button:
    """A button for who may do something to all of these tenants; `key` is the widget's."""

    label: str
    action: Action
    tenants: Sequence[TenantKey]
    key: str
    icon: str = ":material/manage_search:"


def newest(
    button: Button, plans: looks.Looks[T], *, reads: str, begun: datetime | None = None
) -> T | None:
    """Draw the way to a plan, and return the newest, whoever asked for it; None without one.

    One that was asked for before something was `begun` by it is of the past.
    """

    def ask() -> None:
        permits.button(
            button.label, button.action, tenants=button.tenants, key=button.key, icon=button.icon,
            tip=f"Reads {reads}, and changes nothing.", on_click=jobs.do,
            args=(plans.ask, plans.refused),
        )  # fmt: skip

    look, plan = looks.newest(plans, ask, begun=begun) or (None, None)
    if look is not None:
        looks.ended(look, "Planned" if plan is not None else "Planning")
    return plan


def draw_in_the_way(why: Sequence[str], *, name: str | None = None) -> None:
    """Draw why it cannot be begun; what begins with a deployment's name begins as that does."""
    for text in why:
        named = name is not None and text.startswith(name)
        said = f"{text}." if named else permits.sentence(text)
        st.error(markdown(said), icon=":material/block:")


def draw_purge(
    plan: Purge, goes: Amounts, head: str, *, key: str, alt: str, stays: str
) -> None:  # fmt: skip
    """Draw under a heading how much goes out of each store, and what stays; `stays` says where."""
    st.markdown(f"**{head}:**")
    st.dataframe(amounts.amounts_frame(goes), hide_index=True, key=key, width="content", alt=alt)
    left = amounts.stays_words(plan)
    if left:
        st.info(f"It stays {stays}, since it is not surely this tenant's alone: {escaped(left)}.",
                icon=":material/group:")  # fmt: skip


def begin(
    button: Button, deed: Callable[[str], object], *, reason_key: str, refused: str,
    in_the_way: Sequence[str] = (),
) -> None:  # fmt: skip
    """Draw where to say why, and the button that does it, where nothing is in the way.

    A refusal is kept under the name `refused`, and said with the next drawing.
    """
    reason = st.text_input("Reason or ticket", key=reason_key, live=True)
    permits.button(
        button.label, button.action, tenants=button.tenants, type="primary", icon=button.icon,
        key=button.key, disabled=bool(in_the_way) or not reason.strip(),
        tip=amounts.why_not_yet(in_the_way, reason), on_click=jobs.do,
        args=(lambda: deed(reason), refused),
    )  # fmt: skip
