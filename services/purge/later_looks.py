"""Looks at what an ended purge erased: by the collector with each snapshot, or when asked for."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta

from services.purge.came_back import came_back
from services.purge.job import LaterLook
from services.purge.ports import Jobs
from services.usage.snapshot import Snapshot

_NOTED_ANEW = timedelta(minutes=10)
_LOOKED_AT = timedelta(days=400)


class LaterLooks:
    """Looks at every tombstone in each snapshot, and notes with its job's receipt what is back.

    What stays as it was is noted every ten minutes, and for somewhat more than a year.
    """

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._noted: dict[str, tuple[datetime, Counter[str]]] = {}

    def follow(self, snapshot: Snapshot) -> None:
        """Note what one snapshot shows. Raises StoreError."""
        if not snapshot.settled or any(each.failed for each in snapshot.stores.values()):
            return
        since = snapshot.collected_at - _LOOKED_AT
        jobs = {s.job_id for s in self._jobs.tombstones() if s.erased_at > since}
        if not jobs:
            return
        stones = self._jobs.tombstones(snapshot.kb_ids)
        back: dict[str, Counter[str]] = defaultdict(Counter)
        for stone in came_back(snapshot, stones):
            back[stone.job_id][stone.tenant] += 1
        for job_id in sorted(jobs):
            self._note(job_id, snapshot.collected_at, back[job_id])

    def _note(self, job_id: str, at: datetime, back: Counter[str]) -> None:
        last = self._noted.get(job_id)
        if last is not None and last[1] == back and at - last[0] < _NOTED_ANEW:
            return
        self._jobs.note_look(job_id, LaterLook(at, back.total(), tenants=back))
        self._noted[job_id] = at, back
