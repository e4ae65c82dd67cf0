"""Which throwaway node_ids are those of a run that is over.

What this product recorded before anything was written counts; the look of a name does not.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from services.canary.models import SOURCE, is_canary
from services.stores.records.nodes import SeenNode

LEASE = timedelta(hours=2)
"""A run of another machine that is older counts as over. None takes nearly as long."""

_HOST = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def source() -> str:
    """Return what marks a node_id as written by this process: `canary host/pid`."""
    return f"{SOURCE} {_HOST}/{os.getpid()}"


def left_behind(seen: Iterable[SeenNode], *, busy: frozenset[str]) -> tuple[str, ...]:
    """Return the node_ids of runs that are over; `busy` are those that run in this process."""
    nodes = (each for each in seen if is_canary(each.node_id) and each.node_id not in busy)
    return tuple(sorted(each.node_id for each in nodes if _is_over(each)))


def _is_over(node: SeenNode) -> bool:
    word, _, owner = node.source.partition(" ")
    host, _, pid = owner.partition("/")
    if word != SOURCE or not pid.isdigit():
        return False
    if datetime.now(UTC) - node.first_seen > LEASE:
        return True
    return host == _HOST and not _runs_elsewhere(int(pid))


def _runs_elsewhere(pid: int) -> bool:
    """Whether another process of this machine has this id: then it may be the one at work."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
