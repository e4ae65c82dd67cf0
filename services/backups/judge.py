"""Which rule holds for a tenant, and when it is backed up next. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from services.backups.models import Backup, Kept, Run, Standing
from services.cards.models import LabelsOf, unlabelled
from services.cards.specific import MostSpecific
from services.jobs.schedule import jitter, next_after
from services.tenancy.kb_ids import TenantKey


def rules_of(kept: Iterable[Kept], labels: LabelsOf = unlabelled) -> MostSpecific[Kept]:
    """Return what tells the rule that holds; of two labels of a tenant, the first by name's."""
    return MostSpecific(((each.rule.scope, each) for each in kept), labels)


def next_at(tenant: TenantKey, kept: Kept | None, last: Run | None) -> datetime | None:
    """Return when a tenant is backed up next; None for never.

    It is in the past where nobody did it then: however many runs were missed, one catches up.
    """
    if kept is None or kept.rule.schedule is None:
        return None
    since = kept.at if last is None else max(kept.at, last.begun)
    return next_after(kept.rule.schedule, since) + jitter(str(tenant), kept.rule.jitter)


def standing(
    tenant: TenantKey, kept: Kept | None, last: Run | None, known: Mapping[str, Backup],
    newest: Backup | None, *, now: datetime,
) -> Standing:  # fmt: skip
    """Say how a tenant is backed up, by the rule that holds and what the records know."""
    at = next_at(tenant, kept, last)
    late = now - at if at is not None and at <= now else None
    took = known.get(last.archive) if last is not None else None
    return Standing(tenant, kept, last, took, newest, at, late)
