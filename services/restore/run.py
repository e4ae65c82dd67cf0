"""What one run of a restore's job does, step by step (services/jobs/run.py).

Every step may be repeated: what an earlier try wrote is there then, and stays. What a restore came
to is told by comparing everything with the archive in the end, and so is the same however often
its process was killed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any

from services.archive.formats import TypedKey
from services.archive.hearing import hearing, unheard
from services.archive.models import Part
from services.jobs.models import Job, Progress, Result
from services.jobs.ports import Jobs, Said
from services.jobs.run import Stopped, Stops
from services.restore.formats import SEEN, plan_of, receipt_json, result_of_part
from services.restore.left_out import LeftOut
from services.restore.models import Outcome, PartResult, Receipt, RestoreRefused
from services.restore.plan import plan, renaming_for
from services.restore.source import Tools, collection_of, names_of, opened
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import SESSION_PREFIX, text_of

KIND = "restore"
LIMITS = "records/limits"
_NAMED = 20
_SAID_EVERY = 500


class StepName(StrEnum):
    """The steps, in their order: sessions last, which KATO goes on with as soon as they are."""

    CHECK = "check"
    ROWS = "patterns"
    POINTS = "vectors"
    KEYS = "keys"
    SESSIONS = "sessions"
    RECORDS = "records"
    VERIFY = "verify"


STEPS = tuple(StepName)
WRITES = STEPS[1:-1]
"""Those that write."""
_WRITTEN = {"redis/keys": StepName.KEYS, "redis/sessions": StepName.SESSIONS}
_SESSION = text_of(SESSION_PREFIX)


@dataclass
class RestoreWork:
    """One process' run of one restore."""

    tools: Tools
    jobs: Jobs
    job: Job
    results: dict[str, Result] = field(default_factory=dict)

    def begin(self, said: Said, stops: Stops) -> str:
        """Make ready; what an earlier run did is in the journal."""
        self.said, self.stops = said, stops
        self.plan = plan_of(self.job.plan)
        self.results = self.job.results
        return ""

    def left(self) -> Iterable[StepName]:
        """Return what is not done yet."""
        return list(map(StepName, self.job.undone))

    def do(self, step: StepName) -> Result:
        """Do one step, with the archive open. Raises Stopped, ArchiveError, StoreError."""
        compares = step is StepName.VERIFY  # others say how far they are part by part
        hears = hearing(self.said, self.stops) if compares else unheard
        manifest = self.plan.manifest
        with opened(self.tools, self.plan.url, manifest=manifest, hears=hears) as archive:
            self.archive = archive
            self.renaming = renaming_for(self.tools, archive.manifest, self.plan.named)
            self.results[step] = found = _DOES[step](self)
        return found

    def end(self, lease: int) -> None:
        """End the job with its receipt."""
        receipt = self._receipt()
        self.jobs.end(
            self.job.id, receipt.outcome.value, receipt_json(receipt), receipt.at, lease=lease
        )

    # --- the steps ---

    def check(self) -> Result:
        """Plan anew, and keep what was there before anything was written."""
        hears = hearing(self.said, self.stops)
        found = plan(self.tools, self.plan.url, self.plan.named, hears)
        if not found.can_run:
            raise RestoreRefused("it does not fit any more: plan again")
        if self.job.plan.get(SEEN) not in (None, "", found.digest):
            raise RestoreRefused(
                "it is not as it was planned any more, and nothing was written: give this one up, "
                "and plan again"
            )
        return {"before": {each.part: each.there for each in found.parts}}

    def rows(self) -> Result:
        """Write the rows, each table for itself."""
        mentions = 0
        for part in self.archive.parts("clickhouse"):
            names = names_of(part, self.renaming)
            sink, job = self.tools.rows, self.job.id
            sink.stage(part, names, self._told(part, self.archive.chunks(part)), job=job)
            if self.renaming.renames:
                mentions += sink.mentions(
                    part, [*self.renaming.nodes, *self.renaming.kb_ids], job=job
                )
            sink.attach(part, names, job=job)
            sink.drop(part, job=job)
        return {"mentions": mentions}

    def points(self) -> Result:
        """Make collections, and write their points."""
        for part in self.archive.parts("qdrant"):
            name, aliases = collection_of(part, self.renaming)
            self.tools.points.make(part, name, aliases)
            points = self.archive.points(part, self.renaming)
            self.tools.points.write(name, self._told(part, points))
        return {}

    def keys(self) -> Result:
        """Write every key but those of sessions."""
        return self._keys("redis/keys")

    def sessions(self) -> Result:
        """Write the sessions, and then name them in KATO's index."""
        found = self._keys("redis/sessions")
        for part in self._of("redis/sessions"):
            left = {name.removeprefix(_SESSION) for name in found["left_out"][part.name]}
            ids = part.description.get("index", ())
            self.tools.keys.index([each for each in ids if each not in left])
        return found

    def records(self) -> Result:
        """Bring back what this product's own records had."""
        brought = self.tools.records(self.archive, self.renaming, self.plan.named)
        return {"kept": dict(brought.kept), "holds": list(map(str, brought.holds))}

    def verify(self) -> Result:
        """Compare everything with the archive."""
        archive, keys = self.archive, self.tools.keys
        others: dict[str, Callable[[Part], Iterator[str]]] = {
            "clickhouse": self._other_rows,
            "qdrant": self._other_points,
            "redis": lambda part: keys.differing(self._came_back(part)),
        }
        compared = [
            self._verified(part, other(part))
            for store, other in others.items()
            for part in archive.parts(store)
        ]
        return {"parts": compared}

    # --- what these share ---

    def _of(self, name: str) -> Iterator[Part]:
        return (part for part in self.archive.parts("redis") if part.name == name)

    def _keys(self, name: str) -> Result:
        lost = list[str]()
        expired = 0
        left = LeftOut(self.tools.keys, self.renaming)
        for part in self._of(name):
            keys = self.archive.keys(part, self.renaming)
            done = self.tools.keys.write(left.kept(self._told(part, keys)))
            lost += done.field_ends_lost
            expired += len(done.expired)
        return {"field_ends_lost": lost[:_NAMED], "expired": {name: expired},
                "left_out": {name: list(map(text_of, left.names))}}  # fmt: skip

    def _told(self, part: Part, items: Iterable[Any], *, every: int = _SAID_EVERY) -> Iterator[Any]:
        """Pass them on, saying how far it is, and end where somebody asked for it.

        A chunk of rows is one; how many rows it has is not told.
        """
        for number, each in enumerate(items):
            if number % every == 0:
                if self.stops():
                    raise Stopped
                self.said(Progress(part.name, *(() if every == 1 else (number, part.count))))
            yield each

    def _verified(self, part: Part, differing: Iterator[str]) -> Mapping[str, Any]:
        names = list(islice(differing, _NAMED))
        more = sum(1 for _ in differing)
        return {"part": part.name, "archived": part.count, "differing": len(names) + more,
                "names": names, "left_out": len(self._left_out(part))}  # fmt: skip

    def _left_out(self, part: Part) -> Collection[str]:
        """Return the names of a part's keys that were left out when it was written."""
        written = self.results[_WRITTEN.get(part.name, StepName.KEYS)]
        return frozenset(written.get("left_out", {}).get(part.name, ()))

    def _came_back(self, part: Part) -> Iterator[TypedKey]:
        left = self._left_out(part)
        keys = self.archive.keys(part, self.renaming)
        return (key for key in keys if text_of(key.key) not in left)

    def _other_rows(self, part: Part) -> Iterator[str]:
        """Yield once, with how many rows there are, where they are not exactly the archive's."""
        there = self.tools.rows.there(part, names_of(part, self.renaming))
        if (there.count, there.fingerprint) != (part.count, part.fingerprint):
            yield f"{there.count:,} rows"

    def _other_points(self, part: Part) -> Iterator[str]:
        name, _ = collection_of(part, self.renaming)
        return self.tools.points.differing(name, self.archive.points(part, self.renaming))

    def _receipt(self) -> Receipt:
        before = self.results[StepName.CHECK]["before"]
        told = [self.results[step] for step in (StepName.KEYS, StepName.SESSIONS)]
        records = self.results[StepName.RECORDS]
        kept, holds = records["kept"], records.get("holds", ())
        expired = {name: count for each in told for name, count in each["expired"].items()}
        parts = tuple(
            result_of_part(each, before.get(each["part"]), expired.get(each["part"], 0))
            for each in self.results[StepName.VERIFY]["parts"]
        )
        return Receipt(
            outcome=_outcome(parts), archive_id=self.plan.archive_id, url=self.plan.url,
            target=self.plan.target, named=self.plan.named, tenants=self.plan.tenants,
            at=self.tools.now(), parts=parts,
            mentions=self.results[StepName.ROWS]["mentions"],
            field_ends_lost=tuple(name for each in told for name in each["field_ends_lost"]),
            kept_limits=kept.get(LIMITS, 0),
            kept={part: count for part, count in kept.items() if count and part != LIMITS},
            holds=tuple(map(TenantKey.written, holds)),
        )  # fmt: skip


def _outcome(parts: Iterable[PartResult]) -> Outcome:
    return Outcome.PARTIAL if any(part.differing for part in parts) else Outcome.RESTORED


_DOES: Mapping[StepName, Callable[[RestoreWork], Result]] = {
    StepName.CHECK: RestoreWork.check,
    StepName.ROWS: RestoreWork.rows,
    StepName.POINTS: RestoreWork.points,
    StepName.KEYS: RestoreWork.keys,
    StepName.SESSIONS: RestoreWork.sessions,
    StepName.RECORDS: RestoreWork.records,
    StepName.VERIFY: RestoreWork.verify,
}
