"""Requests for a second person's approval as table rows and words. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import pandas as pd

from dashboard.draw.formatting import age, few, moment, visible
from services.approvals.models import Request

COLUMNS = (
    "Action",
    "Target",
    "Tenant",
    "Requested by",
    "Requested",
    "State",
    "Until",
    "Digest",
    "Request",
)
_SHORT = 12


class Standing(StrEnum):
    """Where a request is at a time."""

    WAITING = "waits"
    APPROVED = "approved"
    USED = "done"
    OVER = "over"


def standing(request: Request, now: datetime) -> Standing:
    """Return where a request is at a time."""
    if request.used_at is not None:
        return Standing.USED
    if now >= request.expires_at:
        return Standing.OVER
    return Standing.APPROVED if request.approved_by else Standing.WAITING


def state_words(request: Request, now: datetime) -> str:
    """Say where a request is: who approved it, and whether it was done with that; visible."""
    by = f"approved by {visible(request.approved_by)}" if request.approved_by else ""
    match standing(request, now):
        case Standing.WAITING:
            return "waits for a second admin"
        case Standing.APPROVED:
            return by
        case Standing.USED:
            return f"{by}, and done {age(request.used_at, now)}"
        case Standing.OVER:
            return f"{by}, and not done in time" if by else "nobody approved it in time"


def sorted_out(
    requests: Iterable[Request], me: str, now: datetime
) -> tuple[list[Request], list[Request], list[Request]]:
    """Return what waits for somebody, what they asked for and is not over, and all the rest."""
    for_me, mine, rest = list[Request](), list[Request](), list[Request]()
    for request in requests:
        live = standing(request, now) in (Standing.WAITING, Standing.APPROVED)
        if live and request.asked_by == me:
            mine.append(request)
        elif standing(request, now) is Standing.WAITING:
            for_me.append(request)
        else:
            rest.append(request)
    return for_me, mine, rest


def requests_frame(requests: Iterable[Request], now: datetime) -> pd.DataFrame:
    """Return one row a request."""
    rows = [
        (
            request.action.value, visible(request.target), whose(request),
            visible(request.asked_by), request.asked_at, state_words(request, now),
            moment(request.expires_at), short_digest(request), request.id,
        )
        for request in requests
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def whose(request: Request) -> str:
    """Name the tenants that a request concerns, visible."""
    return few([visible(str(tenant)) for tenant in request.tenants]) or "the whole fleet"


def short_digest(request: Request) -> str:
    """Return the beginning of the digest of what is to be done."""
    return f"{visible(request.digest[:_SHORT])}…" if request.digest else ""
