"""What conditions look at: what was collected anyway, as one value. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.alerts.ahead import Coming
from services.alerts.growth import Growth
from services.audit_log.models import Verification
from services.backups.models import Standing as Backed
from services.errors import Problem
from services.isolation.models import Report
from services.jobs.models import Job as AnyJob
from services.limits.models import Standings
from services.purge.job import Job, Tombstone
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership
from services.usage.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How long a store may be unknown, and how old figures may get, before somebody is told.

    `ahead` is how long before a limit is likely to be reached somebody is.
    """

    store: timedelta = timedelta(minutes=5)
    snapshot: timedelta = timedelta(minutes=15)
    ahead: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Chain:
    """What is known of the audit log: an entry that is another one than was anchored, by number.

    `verified` is what verifying it came to last, None where that was not done or failed.
    """

    changed: int | None = None
    verified: Verification | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that conditions look at, or why it could not be read.

    `since` is when this dashboard began to collect. `back` are the kb_ids that were purged and
    have data again, `growth` is by tenant, `standings` are to limits, `coming` who is to reach one,
    `retention` are its newest runs, `backups` how each tenant is backed up, `jobs` are purges,
    `others` the jobs of other kinds that have not ended.
    """

    now: datetime
    since: datetime
    ownership: Ownership
    snapshot: Snapshot | Problem
    report: Report | Problem
    jobs: tuple[Job, ...] | Problem
    back: tuple[Tombstone, ...] | Problem
    chain: Chain | Problem
    growth: Mapping[TenantKey, tuple[Growth, ...]] | Problem
    standings: Standings | Problem
    coming: tuple[Coming, ...] | Problem
    retention: tuple[AnyJob, ...] | Problem = ()
    backups: tuple[Backed, ...] | Problem = ()
    others: tuple[AnyJob, ...] | Problem = ()
    thresholds: Thresholds = field(default_factory=Thresholds)

    @property
    def unread(self) -> Problem | None:
        """Why not all that tenants have is known; None where it is."""
        if isinstance(self.snapshot, Problem):
            return self.snapshot
        return next(iter(self.snapshot.unread.values()), None)
