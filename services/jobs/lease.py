"""The lease of one run of a job, prolonged from a thread of its own."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.errors import LeaseLost, StoreError
from services.jobs.ports import RunJobs

LEASE = timedelta(seconds=30)
"""A job whose process says nothing for so long is taken over by another."""


@dataclass(slots=True)
class Lease:
    """The lease of one run: its number is a fencing token in every write of the journal.

    With `halted` also of a job that stands still, to end it or to decide what becomes of it.
    """

    jobs: RunJobs
    job_id: str
    owner: str
    halted: bool = False
    number: int = 0
    lost: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Hold the lease while the block runs, prolonging it from a thread of its own."""
        now = datetime.now(UTC)
        number = self.jobs.lease(
            self.job_id, self.owner, at=now, until=now + LEASE, halted=self.halted
        )  # fmt: skip
        if number is None:
            yield False
            return
        self.number = number
        over = threading.Event()
        thread = threading.Thread(target=self._keep, args=(over,), daemon=True)
        thread.start()
        try:
            yield True
        finally:
            over.set()
            thread.join()

    def check(self) -> None:
        """Raise LeaseLost where another process has the job, asking the records."""
        if self.lost.is_set() or not self.jobs.leased(self.job_id, self.number):
            self.lost.set()
            raise LeaseLost(self.job_id)

    def _keep(self, over: threading.Event) -> None:
        ends = time.monotonic() + LEASE.total_seconds()
        while not over.wait(LEASE.total_seconds() / 3):
            with suppress(StoreError):
                until = datetime.now(UTC) + LEASE
                if not self.jobs.prolong(self.job_id, self.number, until=until):
                    self.lost.set()
                ends = time.monotonic() + LEASE.total_seconds()
            if time.monotonic() > ends:
                self.lost.set()  # the records stay away, and the lease is over


def new_owner() -> str:
    """Name one run for its lease: two threads of one process are not to share it."""
    return f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"
