"""Deployments of one process take turns to read their stores, so many at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 10.0
"""So many seconds one waits for a turn: a deployment whose stores hang keeps no other longer."""


class Turns:
    """So many turns at a time; who has waited long goes on without one."""

    def __init__(self, at_once: int, *, patience: float = PATIENCE) -> None:
        self._free, self._patience = threading.BoundedSemaphore(at_once), patience

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and have it while the block runs."""
        has_turn = self._free.acquire(timeout=self._patience)
        try:
            yield
        finally:
            if has_turn:
                self._free.release()
