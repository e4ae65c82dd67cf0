"""What the metrics are made of: frozen values. Pure. Times are aware datetimes in UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from services.alerts.tally import AlertTally
from services.backups.models import Standing
from services.isolation.models import Report
from services.jobs.models import JobState
from services.limits.models import Standings, State
from services.purge.job import Outcome
from services.tenancy.kb_ids import TenantKey
from services.usage.refresh import CollectorState


@dataclass(frozen=True, slots=True)
class Running:
    """A job that has not ended and was not stopped: since when, and until when leased."""

    created_at: datetime
    leased_until: datetime | None

    def is_held(self, now: datetime) -> bool:
        """Whether a process runs it, and has said so of late."""
        return self.leased_until is not None and now <= self.leased_until


@dataclass(frozen=True, slots=True)
class Tally:
    """The purge jobs that are kept. `ended` counts those that ended, by what they came to.

    `purged` has when a purge of a whole tenant ended, after the time that was asked for.
    """

    states: Mapping[JobState, int] = field(default_factory=dict)
    ended: Mapping[Outcome, int] = field(default_factory=dict)
    running: tuple[Running, ...] = ()
    purged: Mapping[TenantKey, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobTally:
    """The jobs that are kept, purges apart, and those of them that run; both by their kind."""

    states: Mapping[str, Mapping[JobState, int]] = field(default_factory=dict)
    running: Mapping[str, Sequence[Running]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Books:
    """What this product's own records said last.

    `up` is False where they did not answer, None where no answer came in time; what is not known
    for it is None, and so is the report before the first audit ever. `standings` are to the limits,
    of the snapshot that was there when they were asked for; `backups` are of its tenants
    that a rule has backed up.
    """

    up: bool | None = None
    tally: Tally | None = None
    report: Report | None = None
    standings: Standings | None = None
    alerts: AlertTally | None = None
    jobs: JobTally | None = None
    backups: Sequence[Standing] | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything that one scrape tells, at the time `now`, but for the process itself.

    `rounds` counts the refreshes of this process that ended, `failures` those of them that failed;
    `named` and `others` count the tenants that have series of their own and those summed up,
    `with_series` are the former; `limited` counts those with a limit by their gravest state (None
    where that is not known). `collects` says whether this dashboard reads the stores, `dashboards`
    how many there are.
    """

    now: datetime
    collector: CollectorState
    rounds: int
    failures: int
    books: Books
    version: str
    deployment: str = ""
    named: int = 0
    others: int = 0
    limited: Mapping[State, int] | None = None
    with_series: Set[TenantKey] = frozenset()
    collects: bool = True
    dashboards: int | None = 1


@dataclass(frozen=True, slots=True)
class Exposition:
    """What is answered to one scrape."""

    content_type: str
    body: bytes
