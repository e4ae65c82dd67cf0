"""What one run of a job does, step by step (services/jobs/run.py).

Until the cut nothing at the shared kb_id is altered but that sessions end there, each of which is
under its new name in the same moment. What goes is fixed when it is told apart, and put aside;
every later step works from that, however often the process was killed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from services.apart.copy import Copying, unless_stopped
from services.apart.formats import plan_of, receipt_json
from services.apart.models import Apart, By, Goes, Outcome, Receipt
from services.apart.obstacles import check, may_go, surveyed
from services.apart.plan import sort, stays, tell
from services.apart.ports import KeysFound
from services.apart.sessions import arrived, ids_told, sessions_gone
from services.apart.tools import Tools
from services.cards.holds import refuse_held
from services.errors import StoreNotConfigured
from services.figures import Measure
from services.jobs.models import Job, Progress, Result
from services.jobs.ports import Said
from services.jobs.run import Stopped, Stops
from services.tenancy.layout import PATTERN_KINDS
from services.tenancy.names import Source

_LOOKS = 3  # for sessions: a call under way may write one anew
_PAUSE = 0.1  # seconds


class StepName(StrEnum):
    """The steps, in their order."""

    CHECK = "check"
    TELL = "tell apart"
    COPY = "copy"
    VERIFY = "verify"
    SESSIONS = "end sessions"
    REST = "copy the rest"
    CUT = "cut over"
    REMEMBER = "remember"


STEPS = tuple(StepName)


@dataclass
class ApartWork:
    """One process' run of one job."""

    tools: Tools
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
        """Do one step. Raises Stopped, or any KatoTenantsError where it failed."""
        if step is not StepName.REMEMBER:  # then everything is done, and is to be told
            may_go(self.tools, self.plan)
        self.results[step] = found = DOES[step](self)
        return found

    def end(self, lease: int) -> None:
        """End the job with its receipt."""
        remembered = self.results[StepName.REMEMBER]
        self.tools.jobs.end(
            self.job.id, remembered["outcome"], remembered["receipt"], self.tools.now(),
            lease=lease,
        )  # fmt: skip

    # --- the steps ---

    def check(self) -> Result:
        """Refuse what is not as it was planned."""
        check(self.tools, self.plan)
        return {}

    def tell(self) -> Result:
        """Put aside what can only be one's, as it is now; from here on that is what goes."""
        told, first = 0, self.plan.first
        with suppress(StoreNotConfigured):
            self.tools.flush()
            alone = self.plan.alone
            if alone is None or first is None or first.again:
                return {"patterns": 0}  # what was told apart before has gone to that name
            pages = unless_stopped(tell(self.tools, self.plan.kb_id, alone), self.stops)
            self.tools.rows.put_aside(self.plan.kb_id, first.kb_id, pages, job=self.job.id)
            told = sum(len(page) for page in self.tools.rows.aside(job=self.job.id))
        return {"patterns": told}

    def copy(self) -> Result:
        """Note the new names, and write under the one what goes to it."""
        named = [share.node_id for share in self.plan.shares if share.node_id]
        self.tools.saw(dict.fromkeys(named, Source.HERE.value))
        self.said(Progress("copying"))
        if (copying := self._copying()) is not None:
            copying.copy()
        return {}

    def verify(self) -> Result:
        """Compare what was copied, and keep which sessions there are."""
        self.said(Progress("comparing"))
        copying, sessions = self._copying(), dict[str, str]()
        written = 0 if copying is None else copying.prove()
        with suppress(StoreNotConfigured):
            sessions = dict(self.tools.keys.sessions(self.plan.moves))
        return {"written_since": written, "sessions": sessions}

    def sessions(self) -> Result:
        """Have every session end and go on under its new name; look again for what came back."""
        moved = dict(self.results[StepName.VERIFY]["sessions"])
        with suppress(StoreNotConfigured):
            for look in range(_LOOKS):
                self.said(Progress("ending sessions"))
                found = self.tools.keys.move_sessions(self.plan.moves)
                moved |= found
                if not found and (look or not moved):
                    break
                self._wait()
        return {"sessions": arrived(self.tools, self.plan, moved)}

    def rest(self) -> Result:
        """Copy what KATO wrote meanwhile of what goes, and compare once more."""
        self.said(Progress("copying what came since, and comparing"))
        copying = self._copying()
        if copying is None:
            return {}
        surveyed(self.tools, self.plan.kb_id)
        self.tools.flush()
        copying.copy_rest()
        return {"written_since": copying.prove()}

    def cut(self) -> Result:
        """Take out of the shared kb_id what is proven under the new name, and only that."""
        copying = self._copying()
        if copying is None:
            return {"patterns": 0, "learnt_again": 0}
        self.tools.flush()
        kb_id, new, rows = self.plan.kb_id, copying.new, self.tools.rows
        kept, gone = set[bytes](), 0
        for page in copying.pages():
            refuse_held(self.plan.tenants, self.tools.holds)
            names = [each.name for each in page]
            same = rows.same(kb_id, new, names)
            out = self.tools.keys.cut(kb_id, new, [each for each in page if each.name in same])
            stay = rows.left(kb_id, names) - out
            kept, gone = kept | stay, gone + len(names) - len(stay)
            self.said(Progress("taking patterns out of the shared kb_id", gone))
        refuse_held(self.plan.tenants, self.tools.holds)
        rows.erase(kb_id, new, but=kept, job=self.job.id)
        self._cut_points(copying, kept)
        return {"patterns": gone, "learnt_again": len(kept)}

    def remember(self) -> Result:
        """Look at what is left, and keep in the records where everything is now."""
        receipt = self._receipt()
        clean = not (receipt.late or receipt.learnt_again)
        outcome = Outcome.APART if clean else Outcome.PARTLY
        self.tools.book.put(Apart(
            self.plan.kb_id, self.tools.now(), self.job.id, self.job.asked_by, self.job.reason,
            self.plan.shares, receipt,
        ))  # fmt: skip
        with suppress(StoreNotConfigured):
            self.tools.rows.drop(job=self.job.id)
        return {"outcome": outcome.value, "receipt": receipt_json(receipt)}

    # --- what these share ---

    def _copying(self) -> Copying | None:
        """Return what there is to copy; None where no pattern was told apart."""
        first = self.plan.first
        if first is None or not self.results[StepName.TELL]["patterns"]:
            return None
        return Copying(self.tools, self.plan.kb_id, first.kb_id, self.job.id, self.stops)

    def _cut_points(self, copying: Copying, kept: set[bytes]) -> None:
        """Erase the points that are the same under the new name, and that no pattern left names.

        One that a pattern names that was learnt in that moment is put back.
        """
        tools, kb_id, vectors = self.tools, self.plan.kb_id, copying.vectors(but=kept)
        tools.flush()
        for points in copying.points(vectors - tools.rows.naming(kb_id, vectors)):
            tools.points.erase(kb_id, copying.same_points(points))
        tools.flush()
        copying.put_back(tools.rows.naming(kb_id, vectors))

    def _wait(self) -> None:
        """Let calls of KATO's that are under way end."""
        ends = time.monotonic() + self.tools.settle_seconds
        while time.monotonic() < ends:
            if self.stops():
                raise Stopped
            time.sleep(_PAUSE)

    def _receipt(self) -> Receipt:
        plan, found = self.plan, KeysFound()
        nodes = [node for share in plan.shares for node in share.nodes]
        with suppress(StoreNotConfigured):
            found = self.tools.keys.survey(plan.kb_ids, nodes.__contains__)
        sessions = self.results[StepName.SESSIONS]["sessions"]
        return Receipt(
            goes=tuple(self._goes(found, sessions)),
            stays=stays(self.tools, plan.kb_id, sort(self.tools, plan), found),
            sessions=ids_told(plan, sessions),
            learnt_again=self.results[StepName.CUT]["learnt_again"],
            late=sum(found.sessions.values()),
        )  # fmt: skip

    def _goes(self, found: KeysFound, sessions: Mapping[str, str]) -> Iterable[Goes]:
        copying, first = self._copying(), self.plan.first
        yield from sessions_gone(self.plan, sessions)
        if copying is None or first is None:
            return
        kinds = found.kinds.get(copying.new, {})
        points = 0
        with suppress(StoreNotConfigured):
            points = self.tools.points.count(copying.new)
        for store, count, by in (
            (Measure.PATTERNS, self.results[StepName.TELL]["patterns"], By.TIME),
            (Measure.KEYS, sum(kinds.get(kind, 0) for kind in PATTERN_KINDS), By.PATTERN),
            (Measure.VECTORS, points, By.PATTERN),
        ):
            if count:
                yield Goes(store, first.tenant, count, by)


DOES: Mapping[StepName, Callable[[ApartWork], Result]] = {
    StepName.CHECK: ApartWork.check,
    StepName.TELL: ApartWork.tell,
    StepName.COPY: ApartWork.copy,
    StepName.VERIFY: ApartWork.verify,
    StepName.SESSIONS: ApartWork.sessions,
    StepName.REST: ApartWork.rest,
    StepName.CUT: ApartWork.cut,
    StepName.REMEMBER: ApartWork.remember,
}
