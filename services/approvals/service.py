"""Two persons: an action that is on the list waits until a second one approves that very thing.

The first try files a request, bound to the action, to the digest of what is to be done, to whom it
concerns, and to what the second person is told of it. Another admin approves it. Then the one who
asked repeats it, which uses the approval up.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from services.access.viewer import Action, Viewer
from services.approvals.models import Request, Requests
from services.errors import AccessDenied, ApprovalNeeded
from services.tenancy.kb_ids import TenantKey

_MOST = 10_000  # requests: who is confined sees theirs among everybody's
MOST_WAITING = 50
"""How many requests of one person may wait at a time."""


class ApprovalService:
    """Files, approves and uses up requests. `lasts` is how long one holds."""

    def __init__(
        self, requests: Requests, *, lasts: timedelta, now: Callable[[], datetime]
    ) -> None:
        self._requests = requests
        self._lasts = lasts
        self._now = now

    def use(
        self, viewer: Viewer, action: Action, *, tenants: Collection[TenantKey], target: str,
        digest: str, details: Mapping[str, str],
    ) -> str:  # fmt: skip
        """Use up an approval of this very thing and return its id.

        Where there is none, one is asked for: raises ApprovalNeeded. Raises AccessDenied for who
        has `MOST_WAITING` waiting.
        """
        now = self._now()
        mine = [
            request for request in self.live(viewer, action)
            if request.digest == digest and request.covers(tenants, details)
        ]  # fmt: skip
        for request in mine:
            if request.holds(now) and self._requests.use(request.id, now):
                return request.id
        waiting = next((request for request in mine if request.waits(now)), None)
        if waiting is None:
            if self._requests.waiting(viewer.id, now) >= MOST_WAITING:
                reason = f"{MOST_WAITING} of your requests wait already: have them approved first"
                raise AccessDenied(action.value, reason)
            waiting = Request(
                secrets.token_hex(8), action, digest, target, tuple(tenants), viewer.id, now,
                now + self._lasts, details=dict(details),
            )  # fmt: skip
            self._requests.add(waiting)
        raise ApprovalNeeded(waiting.id)

    def give_back(self, request_id: str) -> None:
        """Make an approval good again for as long as it holds: what it was used for failed."""
        self._requests.give_back(request_id)

    def find(self, request_id: str) -> Request | None:
        """Return one, or None when there is none."""
        return self._requests.one(request_id)

    def request(self, request_id: str) -> Request:
        """Return one. Raises AccessDenied when there is none."""
        found = self.find(request_id)
        if found is None:
            raise AccessDenied(Action.APPROVE.value, "there is no such request")
        return found

    def approve(self, viewer: Viewer, request: Request) -> Request:
        """Approve what somebody else asked for. Raises AccessDenied."""
        now = self._now()
        if request.asked_by == viewer.id:
            raise AccessDenied(Action.APPROVE.value, "who asked for it cannot approve it")
        if not self._requests.approve(request.id, viewer.id, now):
            raise AccessDenied(Action.APPROVE.value, "it is approved, used or over already")
        return replace(request, approved_by=viewer.id, approved_at=now)

    def live(self, viewer: Viewer, action: Action) -> tuple[Request, ...]:
        """Return a person's own for a kind of action, neither used nor over, the oldest first."""
        return self._requests.live(action, viewer.id, self._now())

    def all(self) -> tuple[Request, ...]:
        """Return the requests of the last months, the newest first."""
        return self._requests.newest(_MOST)
