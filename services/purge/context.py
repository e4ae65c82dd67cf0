"""What the steps of one run of a purge go by, and what they have found so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from services.errors import Problem, StoreNotConfigured
from services.figures import Measure
from services.jobs.models import Result, StepState
from services.jobs.ports import Said
from services.purge.job import Job
from services.purge.journal import sessions_of
from services.purge.judge import Judge
from services.purge.models import KeySurvey, Request, Surface
from services.purge.plan import Looks
from services.purge.ports import KatoState, Presence
from services.purge.steps import StepName
from services.purge.tools import Tools

_NOT_ANY_MORE = Problem("it was configured when the plan was made, and is not now")


@dataclass
class Context:
    """What the steps of one run go by, and what they have found so far.

    `said` takes note of progress, `stops` says whether somebody asked for an end. `servers` are
    those that held Redis's keys when they were last looked at, `failovers` how often others did.
    """

    tools: Tools
    job: Job
    said: Said
    stops: Callable[[], bool]
    results: dict[StepName, Result] = field(default_factory=dict)
    survey: KeySurvey | None = None
    servers: frozenset[str] = frozenset()
    failovers: int = 0

    def __post_init__(self) -> None:
        """Take up what earlier runs journaled."""
        done = {s.name: s.result for s in self.job.steps if s.state is StepState.DONE}
        self.results = {**done, **self.results}
        self.judge = Judge(self.tools, self.job, sessions_of(self.job))

    @property
    def request(self) -> Request:
        """What was asked for."""
        return self.job.plan.request

    @property
    def surface(self) -> Surface:
        """The plan's names, with the sessions that were seen."""
        seen = tuple(sorted(self.judge.sessions.items()))
        return replace(self.job.plan.surface, sessions=seen)

    @property
    def keep(self) -> bool:
        """Whether collections are emptied and stay: a KATO that has used them is there."""
        if self.request.drop_collections or not self.tools.learns:
            return False
        ended = self.results.get(StepName.SESSIONS, {})
        return ended.get("kato") != KatoState.STOPPED.value

    def look(
        self, stores: frozenset[Measure] | None = None, *, survey: KeySurvey | None = None
    ) -> Looks:
        """Look at every chosen store, or at some of them.

        One that was configured when the plan was made, and is not now, is a problem.
        """
        chosen = self.request.stores if stores is None else self.request.stores & stores
        looks = self.tools.erasers.look(
            replace(self.request, stores=chosen), self.surface, self.judge.wants,
            survey=survey, keep=self.keep,
        )  # fmt: skip
        gone = set(looks.absent) - set(self.job.plan.absent)
        lost = dict.fromkeys(gone, _NOT_ANY_MORE)
        return replace(looks, problems={**looks.problems, **lost})


def presence_of(tools: Tools) -> Presence | None:
    """Ask whether KATO is there; None where none is configured."""
    try:
        return tools.kato.presence()
    except StoreNotConfigured:
        return None
