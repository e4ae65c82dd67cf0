"""What purging asks of the stores and of this product's own records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from services.purging.models import Job, JobState, Look, Outcome, Plan, StepName, Surface, Tombstone

Said = Callable[[str], None]
"""Takes note of progress, in words."""

WantsNode = Callable[[str], bool]
"""Says whether the session of a raw node_id is the target's."""


class PatternEraser(Protocol):
    """ClickHouse. Every method raises StoreError."""

    def look(self, surface: Surface) -> Look:
        """Return an Item for each table and kb_id of the surface with rows or parts.

        Tables are discovered. A table with a kb_id that cannot be erased from is a blocker.
        """

    def flush(self) -> None:
        """Have ClickHouse write the inserts that it holds back."""

    def erase(self, surface: Surface, said: Said) -> None:
        """Erase every row of every kb_id of the surface, and wait until it is done."""


class KeyEraser(Protocol):
    """Redis. Every method raises StoreError."""

    def look(self, surface: Surface, wants: WantsNode) -> Look:
        """Return an Item for each owner and kind of key, in one pass.

        Sessions (of nodes that `wants` says) come as `Measure.SESSIONS`, one Item a node_id;
        their node's active pointer, their ids in KATO's index and their caches as keys.
        """

    def sessions(self, surface: Surface, wants: WantsNode) -> Mapping[str, str]:
        """Return the ids of KATO's sessions that are to end, with their node_ids."""

    def erase(self, surface: Surface, wants: WantsNode, said: Said) -> None:
        """Erase every key that `look` would return as keys."""

    def erase_sessions(self, surface: Surface, wants: WantsNode) -> None:
        """Erase every session record that `look` would return, its pointer and its caches."""

    def trim_streams(self) -> int:
        """Empty KATO's `stm:*` streams, and return how many entries these had."""


class VectorEraser(Protocol):
    """Qdrant. Every method raises StoreError."""

    def look(self, surface: Surface) -> Look:
        """Return an Item for each collection that goes whole, and for the points of others."""

    def erase(self, surface: Surface, said: Said) -> None:
        """Drop the collections with their snapshots, and the points, and wait until it is done."""


class SessionEnder(Protocol):
    """KATO's HTTP API. Every method raises StoreError."""

    def delete(self, session_id: str) -> None:
        """End a session. Raises SessionGone."""

    def invalidate_caches(self, session_id: str) -> bool:
        """Forget what is cached of a session; False for a KATO that has no such call."""


class Jobs(Protocol):
    """The purge jobs in the state store. Every method raises StoreUnavailable."""

    def keep_plan(self, plan: Plan) -> None:
        """Keep a plan, by its digest."""

    def plan(self, digest: str) -> Plan | None:
        """Return the newest plan with this digest."""

    def begin(
        self,
        plan: Plan,
        *,
        asked_by: str,
        reason: str,
        names: Sequence[str],
        steps: Sequence[StepName],
        at: datetime,
    ) -> Job:
        """Create a running job that holds every one of `names`.

        Raises PurgeRefused when another job that has not ended holds one of them.
        """

    def job(self, job_id: str) -> Job | None:
        """Return one job with its steps."""

    def all(self, limit: int = 100) -> tuple[Job, ...]:
        """Return the newest jobs with their steps."""

    def holder(self, names: Sequence[str]) -> str | None:
        """Return the id of a job that holds one of these names: it is being purged."""

    def runnable(self, at: datetime) -> tuple[str, ...]:
        """Return the ids of running jobs that no process has leased, oldest first."""

    def lease(self, job_id: str, owner: str, *, at: datetime, until: datetime) -> bool:
        """Take or prolong the lease of a running job; False when another process has it."""

    def start_step(self, job_id: str, step: StepName, at: datetime) -> None:
        """Journal that a step begins (or begins again)."""

    def end_step(
        self, job_id: str, step: StepName, at: datetime, *, result: object = None, error: str = ""
    ) -> None:
        """Journal how a step ended: with a result (a dict of JSON), or with an error."""

    def say(self, job_id: str, progress: str) -> None:
        """Keep what the running step says of its progress."""

    def ask_stop(self, job_id: str) -> None:
        """Ask for an end between steps."""

    def pause(self, job_id: str, state: JobState, problem: str) -> None:
        """Stop or fail a job, which still holds its names, and give up its lease."""

    def resume(self, job_id: str) -> None:
        """Let a stopped or failed job run again."""

    def end(
        self, job_id: str, outcome: Outcome, receipt: str, at: datetime,
        tombstones: Sequence[Tombstone],
    ) -> None:  # fmt: skip
        """End a job: keep its receipt (JSON) and tombstones, and let go of its names."""

    def receipt(self, job_id: str) -> str | None:
        """Return the receipt of an ended job, as JSON."""

    def tombstones(self) -> tuple[Tombstone, ...]:
        """Return every kb_id that was purged, the newest of each."""
