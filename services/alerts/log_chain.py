"""What is known of the audit log; from time to time it is verified as a whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from services.alerts.look import Chain
from services.audit_log.service import Logbook

EVERY, FIRST_AFTER = timedelta(days=1), timedelta(hours=1)
"""How often the whole log is verified, and how long after the start that is first done."""


class LogChain:
    """Says how the log is, and has it verified when that is due, in a thread of the log's own."""

    def __init__(self, book: Logbook, *, began: datetime, now: Callable[[], datetime]) -> None:
        self._book, self._began, self._now = book, began, now

    def __call__(self) -> Chain:
        """Return what is known now."""
        state = self._book.verifying
        last = state.at or self._began - EVERY + FIRST_AFTER
        if state.since is None and self._now() - last >= EVERY:
            self._book.start_verifying()
        return Chain(self._book.anchoring.state.changed, state.result)
