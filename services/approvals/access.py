"""Approvals, as one viewer may use them."""

from __future__ import annotations

from dataclasses import replace

from services.access.gate import Gate
from services.access.viewer import Action, Viewer
from services.approvals.models import FREE_TEXTS, Request, Request as Asked
from services.approvals.service import ApprovalService


class DeskApprovals:
    """What waits for a second person."""

    def __init__(self, gate: Gate, inner: ApprovalService) -> None:
        self._gate, self._inner = gate, inner

    def all(self) -> tuple[Request, ...]:
        """Return the newest requests in scope. Raises AccessDenied, StoreError."""
        viewer = self._gate.allow(Action.SEE_APPROVALS)
        seen = (each for each in self._inner.all() if viewer.sees_each(each.tenants))
        return tuple(confined_request(each, viewer) for each in seen)

    def mine(self, action: Action) -> tuple[Request, ...]:
        """Return the viewer's own for a kind of action, neither used nor over, the oldest first.

        Raises AccessDenied, StoreError.
        """
        viewer = self._gate.allow(Action.SEE_APPROVALS)
        return tuple(r for r in self._inner.live(viewer, action) if viewer.sees_each(r.tenants))

    def one(self, request_id: str) -> Request | None:
        """Return one in scope; None where there is none. Raises AccessDenied, StoreError."""
        viewer = self._gate.allow(Action.SEE_APPROVALS)
        found = self._inner.find(request_id)
        if found is None or not viewer.sees_each(found.tenants):
            return None
        return confined_request(found, viewer)

    def approve(self, request_id: str) -> Request:
        """Approve what somebody else asked for. Raises AccessDenied, StoreError."""
        self._gate.allow(Action.APPROVE, target=request_id)
        request = self._inner.request(request_id)
        target = f"{request.action.value}: {request.target}"
        with self._gate.doing(
            Action.APPROVE, tenants=request.tenants, target=target, digest=request.digest
        ):
            return self._inner.approve(self._gate.viewer(), request)


def confined_request(request: Asked, viewer: Viewer) -> Asked:
    """Return what a viewer may see of a request for approval: free texts may name anybody."""
    if viewer.sees_all or request.asked_by == viewer.id:
        return request
    told_of = {name: text for name, text in request.details.items() if name not in FREE_TEXTS}
    return replace(request, details=told_of)
