"""What purging asks of the stores and of this product's own records."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from services.jobs.ports import RunJobs, Said
from services.purge.job import Job, LaterLook, Outcome, Tombstone
from services.purge.models import KeySurvey, Look, Plan, Surface, VectorNames
from services.purge.steps import StepName
from services.usage.readings import ProcessorReading

WantsNode = Callable[[str], bool]
"""Says whether the session of a raw node_id is the target's."""

MayBe = Callable[[str], bool]
"""Says whether what Redis keys begin with, before their first colon, may be the target's kb_id."""


class PatternEraser(Protocol):
    """ClickHouse. Every method raises StoreError."""

    def names(self) -> Mapping[str, int]:
        """Return every kb_id with its rows, summed over all tables that name one."""

    def rights(self) -> tuple[str, ...]:
        """Say what this user lacks to erase and to look, in words; nothing is changed."""

    def look(self, surface: Surface) -> Look:
        """Return an Item for each table and owner of the surface with rows or parts.

        Tables are discovered, those too that name an owner in another form: by node_id, by
        tenant_id, or by another name for kb_id. A table that names one and cannot be erased from
        is a blocker, or `left` where the surface passes it over.
        """

    def flush(self) -> None:
        """Have ClickHouse write the inserts that it holds back."""

    def erase(self, surface: Surface, said: Said) -> None:
        """Erase every row of every owner of the surface, and wait until it is done."""

    def await_disk(self, surface: Surface, said: Said) -> tuple[str, ...]:
        """Wait, within reason, until no old part holds what was erased from.

        Returns what still does, and until when, in words for the receipt.
        """


class KeyEraser(Protocol):
    """Redis. Every method raises StoreError. Each goes over a new connection."""

    def survey(self, may_be: MayBe) -> KeySurvey:
        """Go once through the whole keyspace, and hold the keys of who may be the target."""

    def rights(self, *, trim_streams: bool = False) -> tuple[str, ...]:
        """Say why this server or user cannot erase or look, in words; nothing is changed."""

    def replicas(self) -> int:
        """Return how many replicas follow this server, by which a deletion may come back."""

    def servers(self) -> frozenset[str]:
        """Return what the servers that hold the keys are known by; none where it is not told.

        Another one is a replica that took over, or a server that was started again: what they had
        acknowledged may be lost by that, and what was erased be there again.
        """

    def nodes(self, known: Container[str]) -> Mapping[str, str]:
        """Return session ids in KATO's index that are not known yet, with their node_ids.

        Without a pass over the keyspace. A session that is gone has none.
        """

    def look(
        self, surface: Surface, wants: WantsNode, survey: KeySurvey | None = None, *,
        weigh: bool = True,
    ) -> Look:  # fmt: skip
        """Return an Item for each owner and kind of key, in one pass; in none with a survey.

        The memory of a kb_id's keys is asked for only with `weigh`.

        Sessions (of nodes that `wants` says) come as `Measure.SESSIONS`, one Item a node_id;
        their node's active pointer, their ids in KATO's index and their caches as keys. A survey
        that does not hold every kb_id of the surface is not used.
        """

    def sessions(
        self, surface: Surface, wants: WantsNode, survey: KeySurvey | None = None
    ) -> Mapping[str, str]:
        """Return the ids of KATO's sessions that are to end, with their node_ids.

        With a survey those of it that are still there, and those that came to the index since.
        """

    def erase(
        self, surface: Surface, wants: WantsNode, said: Said, survey: KeySurvey | None = None
    ) -> None:
        """Erase every key that `look` would return as keys.

        With a survey exactly the keys that it holds, by their names and in no pass.
        """

    def sweep(self, surface: Surface, wants: WantsNode, said: Said) -> Look:
        """Go once through the whole keyspace, erase what is there of the surface, and tell what.

        Looks with other eyes than `look`: a key that mentions a name of the surface anywhere in
        its own, and is not known to be somebody else's, is a blocker.
        """

    def erase_sessions(
        self, surface: Surface, wants: WantsNode, survey: KeySurvey | None = None
    ) -> None:
        """Erase every session record that `look` would return, its pointer and its caches."""

    def trim_streams(self) -> int:
        """Empty KATO's `stm:*` streams, and return how many entries these had."""


class VectorEraser(Protocol):
    """Qdrant. Every method raises StoreError.

    A collection that a running KATO has used is never made again by it once it is dropped: with
    `keep` collections are emptied, and stay.
    """

    def names(self) -> VectorNames:
        """Return every collection and every alias."""

    def rights(self) -> tuple[str, ...]:
        """Say what this key lacks to erase and to look, in words; nothing is changed."""

    def look(self, surface: Surface, *, keep: bool = False) -> Look:
        """Return an Item for each collection that goes whole, and for the points of others.

        By the very names that KATO asks, aliases too. A collection that was emptied and is kept
        is no Item.
        """

    def erase(self, surface: Surface, said: Said, *, keep: bool = False) -> None:
        """Empty or drop the collections, erase the points, and wait until it is done."""

    def drop_emptied(self, surface: Surface) -> tuple[str, ...]:
        """Drop the collections of a surface that hold nothing and that nobody else reaches.

        Returns their names. One that holds a point or has a snapshot stays.
        """


class KatoState(StrEnum):
    """Whether KATO's process is there."""

    RUNNING = "running"
    STOPPED = "stopped"  # nobody listens at its address: it holds no session and writes nothing
    UNSTEADY = "unsteady"  # it answers sometimes, or not in time


@dataclass(frozen=True, slots=True)
class Presence:
    """How KATO is, asked over several new connections.

    `started_at` is when the oldest of the workers that answered began, None where one did not tell.
    """

    state: KatoState
    started_at: datetime | None = None


class Archiver(Protocol):
    """What takes an archive before a purge."""

    def obstacle(self) -> str:
        """Say why none can be taken here; empty where one can."""

    def take(self, plan: Plan, *, job_id: str, by: str) -> Mapping[str, str]:
        """Take an archive of what a plan is about, prove it, and return its id and its file's name.

        Asked again for the same job, it goes on with the one that it began. Raises
        KatoTenantsError where it is not proven.
        """


class SessionEnder(Protocol):
    """KATO's HTTP API. Every method raises StoreError."""

    def presence(self) -> Presence:
        """Ask over new connections whether KATO is there. Raises StoreNotConfigured alone."""

    def cached_processors(self) -> ProcessorReading:
        """Return the processors in the memory of KATO's workers, with their node_ids."""

    def delete(self, session_id: str) -> None:
        """End a session. Raises SessionGone."""

    def invalidate_caches(self, session_id: str) -> bool:
        """Forget what is cached of a session; False for a KATO that has no such call."""


class Jobs(RunJobs, Protocol):
    """The purge jobs in the state store. Every method raises StoreUnavailable."""

    def keep_plan(self, plan: Plan, *, expires_at: datetime) -> None:
        """Keep a plan by its digest, without its samples, and remove those that expired."""

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
        part_of: str = "",
    ) -> Job:
        """Create a running job that holds every one of `names`.

        The job of which it is a part hands over what it holds of them. Raises PurgeRefused, which
        names the job, when another one that has not ended holds one.
        """

    def job(self, job_id: str) -> Job | None:
        """Return one job with its steps."""

    def all(self, limit: int = 100, *, reason: str = "") -> tuple[Job, ...]:
        """Return the newest jobs with their steps, the newest first.

        With a reason, of those that were begun for just that.
        """

    def holder(self, names: Sequence[str]) -> str | None:
        """Return the id of a job that holds one of these names: it is being purged."""

    def runnable(self, at: datetime) -> tuple[str, ...]:
        """Return the ids of running jobs that no process has leased, oldest first."""

    def ask_stop(self, job_id: str) -> None:
        """Ask for an end between steps."""

    def resume(self, job_id: str, *, plan: Plan | None = None, names: Sequence[str] = ()) -> None:
        """Let a stopped or failed job run again; with a plan, by that one, and with its journal.

        `names` are held besides. Raises PurgeRefused as `begin` does, and for a job that ended.
        """

    def end(
        self, job_id: str, outcome: Outcome, receipt: str, at: datetime,
        tombstones: Sequence[Tombstone], *, lease: int, forget: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """End a job: keep its receipt (JSON) and tombstones, and let go of its names.

        With `forget`, these node_ids are forgotten in the same transaction, and plan and journal
        keep nothing that only these could have told: nodes, sessions, samples.
        """

    def receipt(self, job_id: str) -> str | None:
        """Return the receipt of an ended job, as JSON."""

    def tombstones(self, kb_ids: Iterable[str] | None = None) -> tuple[Tombstone, ...]:
        """Return the newest tombstone of each of these kb_ids that has one.

        They are kept by a keyed hash: without kb_ids to ask for, each comes with an empty one.
        """

    def unbury(self, job_id: str) -> None:
        """Drop the tombstones of a job: what it erased is to be there again."""

    def note_look(self, job_id: str, look: LaterLook) -> None:
        """Add a later look to a job that ended; one that found what the last found moves that."""

    def later_looks(self, job_id: str) -> tuple[LaterLook, ...]:
        """Return the later looks at what an ended job erased, oldest first."""

    def unlogged(self, before: datetime) -> tuple[Job, ...]:
        """Return the jobs that ended before a time, and whose end no log has."""

    def logged(self, job_id: str) -> None:
        """Note that the audit log has the end of a job."""
