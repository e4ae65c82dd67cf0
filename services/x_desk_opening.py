"""Makes the gate of a desk, by the settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from services.access.gate import Approvals, Gate, Log
from services.access.viewer import Viewer
from services.settings.environment import Settings


def gate_of(
    settings: Settings, viewer: Callable[[], Viewer], *, log: Log, approvals: Approvals
) -> Gate:
    """Return a gate that asks `viewer` anew for every action."""
    return Gate(
        viewer=viewer,
        log=log,
        approvals=approvals,
        now=lambda: datetime.now(UTC),
        read_only=settings.read_only,
        two_persons=settings.two_person_actions,
    )
