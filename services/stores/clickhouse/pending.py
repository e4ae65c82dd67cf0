"""Inserts that a cluster's Distributed tables have taken and not sent yet.

Where `distributed_foreground_insert` is off, a Distributed table answers as soon as rows lie in
files of its own, which no table of rows shows. A folder of these that was empty once, while it was
looked at, has sent what lay in it before.
"""

from __future__ import annotations

import time

from services.stores.clickhouse.query import Asking

_FILES = """
SELECT sum(data_files), sum(broken_data_files), max(error_count > 0 OR is_blocked)
FROM system.distribution_queue WHERE database = {db:String}
"""
_OPERATION = "looking for inserts that wait to be sent"
PATIENCE = 10.0
"""Seconds for which a server that has some is asked again."""
_PAUSE = 0.25


def unsent(asking: Asking) -> tuple[str, ...]:
    """Wait until each server has sent what it had when this began, and say which has not.

    What these hold may be anybody's, and is written at any time. Without a cluster nothing is
    asked. Raises StoreError.
    """
    if asking.cluster is None:
        return ()
    ends, never = time.monotonic() + PATIENCE, None
    while True:
        told = asking.replicas(_OPERATION, _FILES, {})
        full = {name for _, name, (files, broken, _) in told if files or broken}
        never = full if never is None else never & full
        failing = {name for _, name, (_, broken, stuck) in told if name in never and broken + stuck}
        if not never or failing or time.monotonic() > ends:
            return tuple(map(_words, sorted(failing or never)))
        time.sleep(_PAUSE)


def _words(server: str) -> str:
    return (
        f"{server} has inserts of a Distributed table that are not sent: whether they hold rows of "
        "these kb_ids is not known"
    )
