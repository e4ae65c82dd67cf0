"""Inserts that a cluster's Distributed tables have taken and not sent yet.

Where `distributed_foreground_insert` is off, a Distributed table answers as soon as rows lie in
files of its own, which no table of rows shows. A folder of these that was empty once, while it was
looked at, has sent what lay in it before.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from services.errors import StoreUnavailable
from services.stores.clickhouse.connect import STORE
from services.stores.clickhouse.query import Asking

_FILES = """
SELECT sum(data_files), sum(broken_data_files), max(error_count > 0 OR is_blocked)
FROM system.distribution_queue WHERE database = {db:String}
"""
_OPERATION = "looking for inserts that wait to be sent"
PATIENCE = 10.0
"""Seconds for which a server that has some is asked again."""
_PAUSE = 0.25


def await_sent(asking: Asking) -> None:
    """Wait until each server has sent what it had when this began.

    Raises StoreUnavailable, which names them, for those that have not: what they hold is not
    known to be anybody's, and may be written at any time. Without a cluster nothing is asked.
    """
    if asking.cluster is None:
        return
    ends, never = time.monotonic() + PATIENCE, None
    while True:
        told = asking.replicas(_OPERATION, _FILES, {})
        full = {name for _, name, (files, broken, _) in told if files or broken}
        never = full if never is None else never & full
        failing = {name for _, name, (_, broken, stuck) in told if name in never and broken + stuck}
        if not never:
            return
        if failing or time.monotonic() > ends:
            raise StoreUnavailable(STORE, _OPERATION, _words(failing or never))
        time.sleep(_PAUSE)


def _words(servers: Iterable[str]) -> str:
    return f"{', '.join(sorted(servers))} has inserts of a Distributed table that are not sent"
