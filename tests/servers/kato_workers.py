"""A KATO of several workers on one socket: each connection is one worker's, and one may hang."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from services.tenancy.kb_ids import kb_id_of
from tests.servers.faults import Answer, HttpServer, Request

_STARTED = datetime.now(UTC)
NOT_FOUND = Answer.json({"detail": "Not Found"}, 404)


@dataclass(frozen=True)
class Worker:
    """One worker: the node_ids in its memory, what else it answers, and its age.

    `uptime` are seconds at the moment when this module was imported.
    """

    nodes: Sequence[str] = ()
    uptime: float = 1000.0
    says: Mapping[str, Any] = field(default_factory=dict)

    def answer(self, path: str) -> Answer:
        """Answer a GET as this worker."""
        match path:
            case "/":
                return Answer.json({"service": "KATO API", "version": "3.10.1"})
            case "/health":
                now = datetime.now(UTC)
                uptime = self.uptime + (now - _STARTED).total_seconds()
                shown = {"status": "healthy", "uptime_seconds": uptime}
                return Answer.json({**shown, "timestamp": now.isoformat()})
            case "/status":
                return Answer.json(
                    {"processors": {"processors": list(map(_processor, self.nodes))}}
                )
            case _:
                return Answer.json(self.says[path]) if path in self.says else NOT_FOUND


def _processor(node_id: str) -> dict[str, str]:
    return {"node_id": node_id, "processor_id": kb_id_of(node_id, "kato")}


@contextmanager
def kato_of(workers: Sequence[Worker], *, hung: Collection[int] = ()) -> Iterator[HttpServer]:
    """Serve workers that take connections in turn; those that are `hung` never answer."""
    turns, owners = itertools.cycle(range(len(workers))), dict[int, int]()
    lock, over = threading.Lock(), threading.Event()

    def answer(request: Request) -> Answer:
        with lock:
            if request.connection not in owners:
                owners[request.connection] = next(turns)
            owner = owners[request.connection]
        if owner in hung:
            over.wait(60)
        return workers[owner].answer(request.path)

    with HttpServer(answer) as server:
        try:
            yield server
        finally:
            over.set()


def figures(number: int) -> dict[str, Any]:
    """Return what a worker answers an operator, all its figures told apart by a number."""
    return {
        "/concurrency": {
            "status": "healthy",
            "current": {"concurrent_requests": number, "utilization_percent": 0},
            "peak": {"concurrent_requests": 10 * number},
            "limits": {"per_worker": 100},
            "configuration": {"workers": 4},
        },
        "/connection-pools": {
            "status": "degraded",
            "health": {"redis": {"healthy": True}, "qdrant": {"healthy": number % 2 == 0}},
        },
        "/cache/stats": {
            "cache_performance": {"hit_rate_percent": 12.5 * number},
            "cache_health": {"status": "healthy"},
        },
        "/stats": {
            "processor_manager": {"total_processors": 3 * number},
            "summary": {"performance": {"total_requests": 100.0 * number, "total_errors": 0.0}},
        },
        "/sessions/count": {"active_session_count": 28},
    }
