"""Waiting for mutations of KATO's patterns that an earlier try left running."""

from __future__ import annotations

import time

from services.errors import StoreRejected, StoreUnavailable
from services.stores.clickhouse.connect import PATTERNS, STORE
from services.stores.clickhouse.query import Asking

_RUNNING = """
SELECT count(), max(latest_fail_reason != '') FROM system.mutations
WHERE database = {home:String} AND table = {table:String} AND NOT is_done AND NOT is_killed
"""
_FIRST_PAUSE, _LAST_PAUSE = 0.05, 2.0


def await_mutations(asking: Asking, operation: str, *, seconds: float) -> None:
    """Wait until none runs. Raises StoreUnavailable after `seconds`, StoreRejected for one that
    keeps failing.
    """  # noqa: D205  one sentence
    ends, pause = time.monotonic() + seconds, _FIRST_PAUSE
    bound = {at: str(name) for at, name in asking.patterns().items()}
    while True:
        told = [row for _, _, row in asking.replicas(operation, _RUNNING, bound)]
        if not any(running for running, _ in told):
            return
        if any(failing for _, failing in told):
            raise StoreRejected(STORE, operation, f"a mutation of {PATTERNS} keeps failing")
        if time.monotonic() > ends:
            reason = f"a mutation of {PATTERNS} took longer than {seconds:g} s"
            raise StoreUnavailable(STORE, operation, reason)
        time.sleep(pause)
        pause = min(2 * pause, _LAST_PAUSE)
