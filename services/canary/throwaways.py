"""What one run has written so far: recorded before, remembered, and taken away in the end."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from services.canary.belongings import belongings
from services.canary.clean_up import Cleaning
from services.canary.models import SOURCE, Canary, is_canary
from services.canary.tools import Tools
from services.errors import StoreNotConfigured, StoreUnavailable
from services.usage.readings import CreatedSession, SeenNode

TTL_SECONDS = 900
"""How long a session of the test lives when nobody ends it."""


class Throwaways:
    """Writes throwaway tenants. `busy` has the node_ids that this process works with.

    `sessions` are those that KATO answered with, by node_id; `unsure` has node_ids of which a
    session may exist, or come to be, that nobody knows the id of. `created_at` is when the last
    was created, by the monotonic clock.
    """

    def __init__(self, tools: Tools, busy: set[str]) -> None:
        self._tools, self._busy = tools, busy
        self.nodes: set[str] = set()
        self.sessions: dict[str, CreatedSession] = {}
        self.unsure: set[str] = set()
        self.created_at = time.monotonic()

    def record(self, *canaries: Canary) -> None:
        """Record node_ids before anything of theirs is written, so that a kill leaves a trace."""
        nodes = [canary.node_id for canary in canaries]
        self.nodes.update(nodes)
        self._busy.update(nodes)
        self._tools.registry.record_nodes(dict.fromkeys(nodes, source()), datetime.now(UTC))

    def create(self, canary: Canary) -> bool | None:
        """Create a session through KATO; None where there is no KATO. Raises StoreError."""
        secret = {"canary": canary.symbol}
        try:
            created = self._tools.kato.create_session(
                canary.node_id, ttl_seconds=TTL_SECONDS, metadata=secret,
                config={"metadata": secret},
            )  # fmt: skip
        except StoreNotConfigured:
            return None
        except StoreUnavailable:
            self.unsure.add(canary.node_id)  # it may be created all the same, and later
            raise
        self.sessions[canary.node_id] = created
        self.created_at = time.monotonic()
        return True

    def session_id(self, canary: Canary) -> str:
        """Return the id of a tenant's session; empty without one."""
        created = self.sessions.get(canary.node_id)
        return created.session_id if created is not None else ""

    def write(self, canary: Canary, *, guest: bool = False) -> None:
        """Write what a tenant owns into every store that is configured. Raises StoreError."""
        owned = belongings(canary, guest=guest)
        for writer in self._tools.writers.values():
            with suppress(StoreNotConfigured):
                writer.write(owned)

    def clean(self) -> tuple[str, ...]:
        """Take everything away again, and return what is left."""
        known = {each.session_id: node for node, each in self.sessions.items()}
        left = Cleaning(
            self._tools, frozenset(self.nodes), sessions=known, unsure=frozenset(self.unsure)
        ).run()
        self._busy.difference_update(self.nodes)
        return left


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
