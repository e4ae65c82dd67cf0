"""Rules of backups, runs of them, and where tenants stand: frozen values. Pure.

Times are aware datetimes in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.cards.scope import Scope
from services.cards.specific import breadth
from services.jobs.schedule import Schedule
from services.tenancy.kb_ids import TenantKey


@dataclass(frozen=True, slots=True)
class Keep:
    """Which of a tenant's backups stay: one that any of these names stays.

    `last` are the newest so many; `daily`, `weekly` and `monthly` the newest of each of so many
    days, ISO weeks and months that have one, in the schedule's zone. `days` is how old one may be
    at most, None for any age. The newest proven one always stays.
    """

    last: int = 7
    daily: int = 0
    weekly: int = 4
    monthly: int = 12
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """How the tenants that `scope` covers are backed up; the most specific rule holds.

    `schedule` None says that they are not, whatever wider rules say. A run of one tenant begins
    up to `jitter` later than its schedule. `quiesce` ends the tenant's sessions first. `to` is
    where the archives go, the place that is set for an empty one.
    """

    scope: Scope
    schedule: Schedule | None
    keep: Keep = Keep()
    jitter: timedelta = timedelta()
    quiesce: bool = False
    to: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A rule as it is kept: who set it, when, and why."""

    rule: Rule
    by: str
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one tenant: when it was due, and when it began.

    `archive` is the id of what it takes, empty where it could not begin: `problem` says why.
    """

    tenant: TenantKey
    due: datetime
    begun: datetime
    archive: str = ""
    problem: str = ""


class State(StrEnum):
    """How the archive of a run is."""

    TAKING = "being taken"
    PROVEN = "proven"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Backup:
    """What a run took: as much of its archive as says whether it stays, and how it is."""

    archive: str
    tenant: TenantKey
    at: datetime
    state: State
    bytes: int = 0
    problem: str = ""

    @property
    def proven(self) -> bool:
        """Whether it was read back whole."""
        return self.state is State.PROVEN

    @property
    def settled(self) -> bool:
        """Whether it is not being taken any more."""
        return self.state is not State.TAKING


@dataclass(frozen=True, slots=True)
class Standing:
    """How a tenant is backed up. `rule` None is by no rule, `next_at` None is never.

    `last` is the newest run, `took` what it took; `newest` the newest proven archive, taken by a
    run or by hand. `late` is how long a run has been due, None where none is.
    """

    tenant: TenantKey
    rule: Kept | None
    last: Run | None
    took: Backup | None
    newest: Backup | None
    next_at: datetime | None
    late: timedelta | None = None

    @property
    def problem(self) -> str:
        """Why the newest run came to no proven archive; empty where it did, or runs."""
        if self.last is None:
            return ""
        return self.last.problem or (self.took.problem if self.took else "")


@dataclass(frozen=True, slots=True)
class Changes:
    """Rules that are to be set, in place of those for the same tenants, and to be removed."""

    put: tuple[Rule, ...] = ()
    removed: tuple[Scope, ...] = ()

    def but(self, there: Iterable[Rule]) -> Changes:
        """Return what of it is a change: neither what is so already, nor what is not there."""
        known = {rule.scope: rule for rule in there}
        put = {rule.scope: rule for rule in self.put if known.get(rule.scope) != rule}
        gone = (each for each in dict.fromkeys(self.removed) if each in known and each not in put)
        return Changes(tuple(put.values()), tuple(gone))

    def __bool__(self) -> bool:
        return bool(self.put or self.removed)


def in_order(kept: Iterable[Kept]) -> Iterator[Kept]:
    """Yield rules as they are listed: the widest first, then by name."""
    return iter(sorted(kept, key=lambda each: (breadth(each.rule.scope), str(each.rule.scope))))
