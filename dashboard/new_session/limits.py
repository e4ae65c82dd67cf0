"""What a new session has to say where its tenant is over a limit."""

from __future__ import annotations

import streamlit as st

from dashboard.app import state_keys
from dashboard.draw import limits
from dashboard.draw.formatting import escaped, markdown
from dashboard.new_session.form import MOST_WORD
from services.figures import Measure
from services.sessions.landing import Exceeded, Landing


def word(landing: Landing, *, refuses: bool) -> str:
    """Draw the limits that stand against it; where that `refuses` it, ask why all the same.

    Returns what was typed.
    """
    if not landing.exceeded or landing.refusal:
        return ""
    told = "; ".join(escaped(_words(each)) for each in landing.exceeded)
    name = markdown(str(landing.tenant))
    st.warning(f"**{name} has reached its limits.** {told}.", icon=limits.ICON)
    if not refuses:
        return ""
    typed = st.text_input(
        "Why the session is created all the same", live=True,
        key=state_keys.of(state_keys.OVER_WORD, landing.tenant),
        max_chars=MOST_WORD, help="It stands in the audit log.",
    )  # fmt: skip
    return typed.strip()


def _words(each: Exceeded) -> str:
    most, whose = limits.amount(each.quantity, each.most), limits.of_whom(each.source)
    used = "more than" if each.used is None else f"{limits.amount(each.quantity, each.used)} of"
    if each.used is None and each.quantity == Measure.SESSIONS:
        used = "all"
    return f"{limits.label(each.quantity)}: {used} {most} ({whose})"
