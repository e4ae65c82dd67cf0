"""Key rotation, as one viewer may run it."""

from __future__ import annotations

from services.access.gate import Gate
from services.access.viewer import Action
from services.access.x_access_digests import digest_of_words
from services.sessions.models import KeyRotationReport
from services.sessions.rotate import KeyRotation


class DeskRotation:
    """Re-encrypts sensitive metadata."""

    def __init__(self, gate: Gate, inner: KeyRotation) -> None:
        self._gate, self._inner = gate, inner

    def run(self) -> KeyRotationReport:
        """Re-encrypt what can be. Raises AccessDenied, SealingError, StoreError."""
        with self._gate.doing(Action.ROTATE_KEYS, digest=digest_of_words("rotate")) as doing:
            report = self._inner.run()
            doing.failure = f"{len(report.failed)} could not be" if report.failed else ""
            return report
