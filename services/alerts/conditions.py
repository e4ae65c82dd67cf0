"""Every condition that alerts: one table. Each has its page, `docs/alerts/<code>.md`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from services.access.viewer import Action
from services.alerts import backups, limits, records, retention, stores
from services.alerts.look import Look, Thresholds
from services.alerts.models import Condition, ShownTo, Sighting, Verdict
from services.errors import Problem
from services.isolation.severity import Severity
from services.limits.models import State

_AT_ONCE = timedelta(0)
_SHORT = timedelta(minutes=2)
_LONG = timedelta(minutes=10)
_DAY = timedelta(days=1)


def growth(look: Look) -> Verdict:
    """See each tenant that grew within a day by much more than is usual for it."""
    if isinstance(look.growth, Problem):
        return Verdict(unknown=look.growth)
    seen = []
    for tenant, grown in sorted(look.growth.items(), key=lambda each: str(each[0])):
        facts: dict[str, int | str] = {}
        for each in grown:
            facts |= {
                each.quantity: each.change,
                f"{each.quantity}_before": each.before,
                f"{each.quantity}_usual": each.usual,
            }
        named = (tenant,)
        seen.append(Sighting(str(tenant), Severity.MEDIUM, named, named, facts))
    return Verdict(tuple(seen), look.unread)


def conditions(after: Thresholds = Thresholds()) -> Mapping[str, Condition]:  # noqa: B008  frozen
    """Return every condition by its code, the gravest first."""
    table = (
        Condition(
            "store_unknown", Severity.CRITICAL, "A store does not answer",
            "See System for what it says, and what works meanwhile.",
            ShownTo.EVERYONE, Action.SEE_FLEET, after.store, _SHORT, stores.store_unknown,
        ),
        Condition(
            "log_broken", Severity.CRITICAL, "The audit log is not as it was written",
            "Verify it on its page against the anchors, and keep a copy of the records.",
            ShownTo.FLEET, Action.SEE_LOG, _AT_ONCE, _SHORT, records.log_broken,
        ),
        Condition(
            "finding", Severity.HIGH, "A grave finding of the isolation audit",
            "Open the finding: it says what to do. One that is to stay as it is can be accepted.",
            ShownTo.TENANTS, Action.SEE_FINDINGS, _AT_ONCE, _SHORT, records.finding,
        ),
        Condition(
            "purge_back", Severity.HIGH, "Data of a purge is back",
            "Find out who writes it, end that, and purge again.",
            ShownTo.TENANTS, Action.SEE_PURGES, _AT_ONCE, _LONG, records.purge_back,
        ),
        Condition(
            "purge_outcome", Severity.HIGH, "A purge did not erase everything",
            "Read its receipt, and plan it again.",
            ShownTo.TENANTS, Action.SEE_PURGES, _AT_ONCE, _SHORT, records.purge_outcome,
        ),
        Condition(
            "job_stuck", Severity.HIGH, "A job does not go on",
            "Open it: it says why, and can be resumed, or ended by hand.",
            ShownTo.TENANTS, Action.SEE_PURGES, _SHORT, _SHORT, records.job_stuck,
        ),
        Condition(
            "retention_failed", Severity.HIGH, "A run of retention failed, or left something",
            "Open it on the page Retention: it says why, and can be resumed, or ended by hand.",
            ShownTo.FLEET, Action.SEE_FLEET, _AT_ONCE, _SHORT, retention.retention_failed,
        ),
        Condition(
            "backup_failed", Severity.HIGH, "A backup came to no proven archive",
            "See why on the page Backups, mend that, and back the tenant up at once.",
            ShownTo.TENANTS, Action.SEE_FLEET, _AT_ONCE, _SHORT, backups.failed,
        ),
        Condition(
            "backup_missed", Severity.HIGH, "A backup is due and was not begun",
            "See on System whether a dashboard runs that may write, and back it up at once.",
            ShownTo.TENANTS, Action.SEE_FLEET, _AT_ONCE, _SHORT, backups.missed,
        ),
        Condition(
            "conservation", Severity.HIGH, "What a store holds does not add up",
            "See Reconciliation on the page Isolation.",
            ShownTo.FLEET, Action.SEE_FLEET, _LONG, _LONG, stores.conservation,
        ),
        Condition(
            "replica_dead", Severity.HIGH, "Replicas of Qdrant miss what is written",
            "See Peers of Qdrant on System, and bring the peer back: it takes over what it missed.",
            ShownTo.FLEET, Action.SEE_FLEET, after.store, _SHORT, stores.replica_dead,
        ),
        Condition(
            "snapshot_old", Severity.HIGH, "Figures are old",
            "See System for what the last refresh came to, and the dashboard's own log.",
            ShownTo.EVERYONE, Action.SEE_FLEET, _AT_ONCE, _SHORT, stores.snapshot_old,
        ),
        Condition(
            "limit_over", Severity.HIGH, "A tenant is over a limit",
            "See Usage on the tenant's page for since when; the page Limits has what was agreed.",
            ShownTo.TENANTS, Action.SEE_FLEET, _SHORT, _SHORT, limits.at(State.OVER, Severity.HIGH),
        ),
        Condition(
            "limit_near", Severity.MEDIUM, "A tenant is near a limit",
            "See Usage on the tenant's page: it shows how fast it grows.",
            ShownTo.TENANTS, Action.SEE_FLEET, _SHORT, _SHORT,
            limits.at(State.NEAR, Severity.MEDIUM),
        ),
        Condition(
            "limit_ahead", Severity.MEDIUM, "A tenant is likely to reach a limit soon",
            "See What is coming in Usage on the tenant's page, and agree on what is to happen.",
            ShownTo.TENANTS, Action.SEE_FLEET, _LONG, _DAY, limits.ahead,
        ),
        Condition(
            "growth", Severity.MEDIUM, "A tenant grew suddenly",
            "See Usage on the tenant's page: since when, and of what.",
            ShownTo.TENANTS, Action.SEE_FLEET, _LONG, _LONG, growth,
        ),
    )  # fmt: skip
    return {each.code: each for each in table}
