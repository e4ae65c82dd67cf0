"""What one run of a move does, step by step (services/jobs/run.py).

The archives, restores and purges are those of their own rooms, each a job of its own, here or
there, that this one finds again by what stands on it: what was proven is not done again, however
often the process was killed. Between the copy and the rest it waits for somebody's word: only
people can point a tenant's clients elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from services.archive.as_part import PartArchives
from services.archive.models import Archive, State
from services.cards.holds import refuse_held
from services.jobs.models import Job, Progress, Result, StepState
from services.jobs.ports import Said
from services.jobs.run import Stopped, Stops
from services.move.arriving import Arriving
from services.move.models import (
    Decision,
    Moved,
    MoveRefused,
    Outcome,
    StepName,
    decided,
    tenant_of,
)
from services.move.there import There
from services.move.tools import Tools
from services.purge import as_part as purging
from services.purge.amounts import amounts_of
from services.purge.job import Job as Purge
from services.purge.models import Request, Target
from services.visible import visible

STEPS = tuple(StepName)
_ON_HOLD_TOO = (StepName.WAIT, StepName.REMEMBER, StepName.REMOVE)
"""Steps that take nothing away here."""

_TRIES = 3  # archives, where the stores are another thing each time than the one just taken


@dataclass
class MoveWork:
    """One process' run of one move."""

    tools: Tools
    job: Job
    results: dict[str, Result] = field(default_factory=dict)
    _there: There | None = None

    def begin(self, said: Said, stops: Stops) -> str:
        """Make ready; what an earlier run did is in the journal."""
        del stops  # what takes long asks for itself
        self.job = self.tools.jobs.job(self.job.id) or self.job  # by now somebody may have decided
        self.said = said
        self.tenant, self.to = tenant_of(self.job), str(self.job.plan["to"])
        self.request = Request(Target(self.tenant))
        self.results = self.job.results
        return ""

    def left(self) -> Iterable[StepName]:
        """Return what is not done yet; until the purge has begun the rest is looked at anew."""
        undone = list(map(StepName, self.job.undone))
        if decided(self.job) is Decision.GIVE_UP:
            return [step for step in undone if step is StepName.REMOVE]
        undone.remove(StepName.REMOVE)
        if StepName.PURGE in undone and StepName.REST not in undone and self._purge() is None:
            return STEPS[STEPS.index(StepName.REST) : -1]
        return undone

    def do(self, step: StepName) -> Result:
        """Do one step. Raises Stopped, or any KatoTenantsError where it failed."""
        if step not in _ON_HOLD_TOO:
            refuse_held([self.tenant], self.tools.holds)
        self.results[step] = found = DOES[step](self)
        return found

    def end(self, lease: int) -> None:
        """End the job: the tenant is there, or nothing of it is."""
        outcome, steps = Outcome.MOVED, [StepName.REST, StepName.PURGE]
        if decided(self.job) is Decision.GIVE_UP:
            outcome, steps = Outcome.GIVEN_UP, [StepName.REMOVE]
        receipt = {name: what for step in steps for name, what in self.results[step].items()}
        self.tools.jobs.end(
            self.job.id, outcome, {"to": self.to, **receipt}, self.tools.now(), lease=lease
        )

    # --- the steps ---

    def check(self) -> Result:
        """Look whether it may be done at all; nothing is written."""
        plan = self.tools.purges().plan(self.request)
        there = self._open()
        for why in (*plan.obstacles, *there.obstacles(self.tenant, plan.surface)):
            raise MoveRefused(why)
        return {
            "collections": sorted(
                plan.surface.collections & there.collections().collections.keys()
            ),
            "servers": {store: sorted(ids) for store, ids in there.servers().items()},
        }

    def copy(self) -> Result:
        """Copy all of it while its clients go on, and prove the copy by its content."""
        archives = self._archives(last=False)
        self.said(Progress("taking an archive, and proving it"))
        archive = archives.proven()
        self._refuse_locked(archive)
        self.said(Progress(f"writing it in {self.to}"))
        done = self._arriving().copy(archive)
        return {**_told(archive), "restore": done.id}

    def wait(self) -> Result:
        """Wait for somebody's word, which is journaled as this step's result."""
        raise Stopped

    def rest(self) -> Result:
        """End its sessions, and have an archive that has exactly what the stores hold."""
        self._open()  # so that no session ends for one that is down, or ours
        archives, others = self._archives(last=True), ""
        for number in range(_TRIES):
            self.said(Progress("ending its sessions, and taking the rest"))
            archive = archives.take() if number else archives.proven()
            self._refuse_locked(archive)
            found = archives.differences(archive)
            if not found:
                return _told(archive)
            others = ", ".join(visible(each.part) for each in found)
        raise MoveRefused(
            f"somebody still writes for {self.tenant} here ({others}), and nothing was erased: "
            "stop its clients, and let this go on"
        )

    def catch_up(self) -> Result:
        """Have there what the last archive has, and nothing else of the tenant."""
        self.said(Progress(f"writing the rest in {self.to}"))
        self._arriving().catch_up(self._taken())
        return {}

    def verify(self) -> Result:
        """Compare both sides with the last archive once more, right before anything goes.

        By a clock that is wrong there, sessions that are missing would seem to have ended.
        """
        self.said(Progress("comparing both deployments with the archive"))
        archive = self._last()
        for why in self._open().clocks():
            raise MoveRefused(why)
        self._arriving().refuse_other(archive)
        found = self._archives(last=True).differences(archive)
        if found:
            raise MoveRefused(
                f"somebody still writes for {self.tenant} here ({visible(found[0].part)}), and "
                "nothing was erased: stop its clients, and let this go on"
            )
        return {}

    def purge(self) -> Result:
        """Erase here what is in the archive, and nothing else; not while nobody answers there."""
        self._open()
        self.said(Progress("erasing here what is in the archive"))
        archive = self._last()
        ended = purging.erased(
            self.tools.purges(), self.request, reason=self._later, by=self.job.asked_by,
            part_of=self.job.id, purge=self._purge(),
            check=lambda plan: self._archives(last=True).refuse_new(archive, plan),
        )  # fmt: skip
        assert ended.outcome is not None  # noqa: S101  it ended
        return {"purge": ended.id, "outcome": ended.outcome.value}

    def remember(self) -> Result:
        """Keep in the records of both sides where it is."""
        taken, gone = self.results[StepName.REST], self.results[StepName.PURGE]
        self._open().arrived(self.tenant)
        self.tools.book.put(Moved(
            self.tenant, self.tools.now(), self.job.asked_by, self.job.reason, to=self.to,
            archive=str(taken["archive"]), name=str(taken["name"]), bytes=int(taken["bytes"]),
            purge=str(gone["purge"]), outcome=str(gone["outcome"]), job=self.job.id,
            amounts=amounts_of(self.job.plan["amounts"]),
        ))  # fmt: skip
        self.tools.moved(self.tenant, self.to, self.job.asked_by)
        return {}

    def remove(self) -> Result:
        """Take away what was copied; where that was asked for, or nothing was, leave all there."""
        begun = any(
            step.name == StepName.COPY and step.state is not StepState.WAITING
            for step in self.job.steps
        )
        if not begun or self.results[StepName.WAIT].get("leave"):
            return {"removed": False}
        self.said(Progress(f"removing the copy from {self.to}"))
        return {"removed": self._arriving().remove(self._taken())}

    # --- what these share ---

    @property
    def _later(self) -> str:
        return later_mark(self.job.id)

    def _open(self) -> There:
        """Open the other deployment, once a run; never one whose stores are ours."""
        if self._there is None:
            there = self.tools.there(self.to)
            for store in there.same():
                raise MoveRefused(f"{self.to} has the same {store} as this deployment")
            self._refuse_another(there)
            self._there = there
        return self._there

    def _refuse_another(self, there: There) -> None:
        """Raise MoveRefused where the name leads to other servers than when this began."""
        now = there.servers()
        for store, ids in self.results[StepName.CHECK].get("servers", {}).items():
            if not now.get(store, frozenset()) & {*ids}:
                raise MoveRefused(
                    f"{self.to} has another {store} than when this began: name that one again in "
                    "the file of its settings, where it was copied to"
                )

    def _arriving(self) -> Arriving:
        made = not self.results[StepName.CHECK].get("collections", ())
        return Arriving(
            self._open(), self.job, self.tenant, first_mark(self.job.id), self._later, made
        )

    def _archives(self, *, last: bool) -> PartArchives:
        reason = self._later if last else first_mark(self.job.id)
        return PartArchives(self.tools.archives(), self.job, self.request, reason, quiesce=last)

    def _taken(self) -> tuple[Archive, ...]:
        """Return every archive of this move that is proven, the newest first."""
        found = (*self._archives(last=True).all(), *self._archives(last=False).all())
        return tuple(each for each in found if each.state is State.PROVEN)

    def _last(self) -> Archive:
        return self.tools.archives().archive(str(self.results[StepName.REST]["archive"]))

    def _refuse_locked(self, archive: Archive) -> None:
        if archive.encrypted and not self.tools.opens():
            raise MoveRefused("the archive is encrypted, and no identity that opens it is set here")

    def _purge(self) -> Purge | None:
        return purging.found(self.tools.purges(), self.request.target, self._later)


def first_mark(job_id: str) -> str:
    """Return the reason by which the first archive and its copy are known."""
    return f"copied by the move {job_id}"


def later_mark(job_id: str) -> str:
    """Return the reason by which everything after it is known, here and there."""
    return f"moved by the job {job_id}"


def _told(archive: Archive) -> dict[str, object]:
    return {"archive": archive.id, "name": archive.name, "bytes": archive.bytes}


DOES: Mapping[StepName, Callable[[MoveWork], Result]] = {
    StepName.CHECK: MoveWork.check,
    StepName.COPY: MoveWork.copy,
    StepName.WAIT: MoveWork.wait,
    StepName.REST: MoveWork.rest,
    StepName.CATCH_UP: MoveWork.catch_up,
    StepName.VERIFY: MoveWork.verify,
    StepName.PURGE: MoveWork.purge,
    StepName.REMEMBER: MoveWork.remember,
    StepName.REMOVE: MoveWork.remove,
}
