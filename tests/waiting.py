"""Waits in tests for what happens elsewhere, in a thread, a process or a server."""

from __future__ import annotations

import time
from collections.abc import Callable

from services.errors import StoreUnavailable

SOON = 120.0  # seconds: a slow machine has time, and a test that waits in vain ends


def wait_until(happened: Callable[[], object], seconds: float = SOON) -> None:
    """Wait until something is so, and fail where it is not so in time."""
    ends = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < ends, "it did not come in time"
        time.sleep(0.02)


def until_it_answers(ask: Callable[[], object]) -> None:
    """Ask a store that is well again: on a busy machine it may be late for who is impatient."""

    def answers() -> bool:
        try:
            ask()
        except StoreUnavailable:
            return False
        return True

    wait_until(answers)
