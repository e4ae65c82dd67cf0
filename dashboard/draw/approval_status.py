"""How far a viewer's own request for a second person's approval is, where the action stands."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from dashboard.app import runtime, unreadable
from dashboard.draw.formatting import markdown, moment
from services.access.viewer import Action
from services.approvals.models import Request
from services.errors import StoreError


def draw_status(
    action: Action, *, digest: str | None = None, target: str | None = None
) -> Request | None:
    """Say how far the viewer's own request for this is, and return it where there is one.

    By its digest for a very thing, by its target for anything of that kind. Draws nothing where
    nobody has to approve it.
    """
    desk, now = runtime.desk(), datetime.now(UTC)
    if action not in desk.gate.two_persons:
        return None
    try:
        requests = desk.approvals.mine(action)
    except StoreError as exc:
        unreadable.draw("Whether it is approved", exc)
        return None
    mine = [
        request for request in requests
        if digest in (None, request.digest) and target in (None, request.target)
    ]  # fmt: skip
    approved = next((request for request in mine if request.holds(now)), None)
    waiting = next((request for request in mine if request.waits(now)), None)
    if approved is not None:
        st.success(f"Approved by {markdown(approved.approved_by)}: do it now, or before "
                   f"{moment(approved.expires_at)}.", icon=":material/how_to_reg:")  # fmt: skip
    elif waiting is not None:
        st.info(f"It waits for a second admin's approval, until {moment(waiting.expires_at)}.",
                icon=":material/hourglass_empty:")  # fmt: skip
    else:
        st.caption("A second admin has to approve this: the first click asks for it.")
    return approved or waiting
