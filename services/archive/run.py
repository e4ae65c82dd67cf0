"""What one run of an archive's job does, step by step (services/jobs/run.py).

What is written has no name of its own before the last step, and every run plans anew and writes
from the start: killed at any point, it comes to the same. The sessions that are to be ended first
are written before that, and their file is kept until the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from services.archive import plan as planning
from services.archive.ended_before import ended_before
from services.archive.errors import ArchiveError
from services.archive.models import Archive, State, archive_of, archive_text
from services.archive.take import Aside, Taking, hashed
from services.archive.tools import Tools
from services.cards.holds import refuse_held
from services.errors import KatoTenantsError, LeaseLost
from services.jobs.models import Job, Result, StepState
from services.jobs.ports import Jobs, Said
from services.jobs.run import Stops
from services.purge.models import Request
from services.tenancy.kb_ids import TenantKey

KIND = "archive"
ARCHIVED = "archived"
"""The outcome of one that was taken: a job that fails has not ended, unless it is given up."""

GIVEN_UP = "given up"

_ASIDE, _REQUEST = TypeAdapter(Aside), TypeAdapter(Request)
SESSIONS = ".sessions"


class StepName(StrEnum):
    """The steps, in their order."""

    ASIDE = "put sessions aside"
    END = "end sessions"
    TAKE = "take"
    PROVE = "prove"
    KEEP = "keep"


def steps_of(*, quiesce: bool) -> tuple[StepName, ...]:
    """Return the steps of a job; sessions are ended only where that is asked for."""
    first = (StepName.ASIDE, StepName.END) if quiesce else ()
    return (*first, StepName.TAKE, StepName.PROVE, StepName.KEEP)


def has_ended_sessions(job: Job) -> bool:
    """Whether a job may have ended sessions already: from then on it alone has their content."""
    return any(
        step.name == StepName.END and step.state is not StepState.WAITING for step in job.steps
    )


def job_plan(archive: Archive, request: Request, after: str = "") -> Mapping[str, Any]:
    """Return what a job's record has of what it is to do, and the archive as it begins."""
    asked = _REQUEST.dump_python(request, mode="json")
    begun = json.loads(archive_text(archive))
    return {"archive": archive.id, "request": asked, "after": after, "begun": begun}


def begun_by(job: Job) -> Archive | None:
    """Return the archive that a job takes, as it began; None of a job of before that was kept."""
    begun = job.plan.get("begun")
    return None if begun is None else replace(archive_of(json.dumps(begun)), job=job.id)


@dataclass
class ArchiveWork:
    """One process' run of one archive."""

    tools: Tools
    jobs: Jobs
    job: Job

    def begin(self, said: Said, stops: Stops) -> str:
        """Plan anew, or say which store could not be asked."""
        begun = begun_by(self.job)
        if begun is not None:
            self.tools.book.add(begun)  # whoever began it may not have come to it yet
        archive = self.tools.book.get(str(self.job.plan["archive"]))
        if archive is None:
            return "the records know nothing of this archive"
        self.archive, self.stops = replace(archive, job=self.job.id), stops
        self.results = self.job.results
        try:
            self.place = self.tools.place(self.archive.place)
            planned = planning.plan(self.tools, _REQUEST.validate_python(self.job.plan["request"]))
            planning.check(planned.plan)
        except KatoTenantsError as exc:
            self._keep(state=State.FAILED, problem=str(exc))
            return str(exc)
        self.taking = Taking(self.tools, planned, self.archive, said, stops)
        self._keep(state=State.TAKING, problem="")
        return ""

    def left(self) -> Iterable[StepName]:
        """Return what is left: once it was taken, that is proven and kept."""
        return list(map(StepName, self.job.undone))

    def do(self, step: StepName) -> Result:
        """Do one step. Raises Stopped, ArchiveError, StoreError."""
        try:
            found = DOES[step](self)
        except LeaseLost:
            raise  # by now another process keeps what comes of it
        except KatoTenantsError as exc:
            self.stops()  # no more it says where another process has the job, and maybe proved it
            self._keep(state=State.FAILED, problem=str(exc))
            raise
        except Exception as exc:  # a fault of ours: it is not being taken any more
            self._keep(state=State.FAILED, problem=f"this product failed ({type(exc).__name__})")
            raise
        self.results[step] = found
        return found

    def end(self, lease: int) -> None:
        """Note that it is proven, and end the job."""
        taken, now = self.results[StepName.TAKE], self.tools.now()
        self._keep(state=State.PROVEN, ended_at=now, proven_at=now, problem="", **taken)
        self.place.discard(self.archive.name + SESSIONS)
        receipt = {"archive": self.archive.id, "name": self.archive.name, **taken}
        self.jobs.end(self.job.id, ARCHIVED, receipt, now, lease=lease)

    # --- the steps ---

    def put_aside(self) -> Result:
        """Write the sessions, before they end, and those that an archive before this one ended."""
        with ExitStack() as stack:
            earlier = ended_before(self.tools, str(self.job.plan.get("after", "")), stack)
            sink = stack.enter_context(self.place.writing(self.archive.name + SESSIONS))
            aside = self.taking.put_aside(sink, earlier)
        return {"aside": _ASIDE.dump_python(aside, mode="json")}

    def end_sessions(self) -> Result:
        """End them; what somebody has put on legal hold meanwhile is not ended. Raises OnHold."""
        refuse_held(map(TenantKey.written, self.archive.tenants), self.tools.holds)
        return {"ended": self.taking.end_sessions()}

    def take(self) -> Result:
        """Write everything."""
        told = self.results.get(StepName.ASIDE)
        with ExitStack() as stack:
            aside = None
            if told is not None:
                name = self.archive.name + SESSIONS
                kept = stack.enter_context(self.place.reading(name, unfinished=True))
                aside = _ASIDE.validate_python(told["aside"]), kept
            sink = stack.enter_context(self.place.writing(self.archive.name))
            written = self.taking.write(sink, aside)
        manifest = written.manifest
        return {
            "bytes": written.bytes, "sha256": written.sha256,
            "counts": {part.name: part.count for part in manifest.parts},
            "encrypted": bool(self.tools.recipients()), "quiesced": manifest.quiesced,
            "changes": len(manifest.changes), "left_out": len(manifest.left_out),
        }  # fmt: skip

    def prove(self) -> Result:
        """Read it back, and compare it with what was written by its hash."""
        taken = self.results[StepName.TAKE]
        with self.place.reading(self.archive.name, unfinished=True) as stream:
            size, sha256 = hashed(stream)
        if (size, sha256) != (taken["bytes"], taken["sha256"]):
            raise ArchiveError(
                f"what was read back ({size:,} bytes) is not what was written "
                f"({taken['bytes']:,} bytes)"
            )
        return {}

    def keep(self) -> Result:
        """Give it its name; once more does no harm."""
        size = int(self.results[StepName.TAKE]["bytes"])
        there = {file.name: file.bytes for file in self.place.files()}
        if there.get(self.archive.name) != size:
            self.place.keep(self.archive.name, size=size)
        return {}

    def _keep(self, **what: Any) -> None:
        self.archive = replace(self.archive, **what)
        self.tools.book.put(self.archive)


DOES: dict[StepName, Callable[[ArchiveWork], Result]] = {
    StepName.ASIDE: ArchiveWork.put_aside,
    StepName.END: ArchiveWork.end_sessions,
    StepName.TAKE: ArchiveWork.take,
    StepName.PROVE: ArchiveWork.prove,
    StepName.KEEP: ArchiveWork.keep,
}
