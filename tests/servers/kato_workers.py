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

NOT_FOUND = Answer.json({"detail": "Not Found"}, 404)


@dataclass(frozen=True)
class Worker:
    """One worker: the node_ids in its memory, its uptime in seconds, what else it answers."""

    nodes: Sequence[str] = ()
    uptime: float = 1000.0
    says: Mapping[str, Any] = field(default_factory=dict)

    def answer(self, path: str) -> Answer:
        """Answer a GET as this worker."""
        match path:
            case "/":
                return Answer.json({"service": "KATO API", "version": "3.10.1"})
            case "/health":
                now = datetime.now(UTC).isoformat()
                shown = {"status": "healthy", "uptime_seconds": self.uptime, "timestamp": now}
                return Answer.json(shown)
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
            owner = owners.setdefault(request.port, next(turns))
        if owner in hung:
            over.wait(60)
        return workers[owner].answer(request.path)

    with HttpServer(answer) as server:
        try:
            yield server
        finally:
            over.set()
