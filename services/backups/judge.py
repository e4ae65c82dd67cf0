"""Which rule holds for a tenant, and when it is backed up next. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from services.backups.models import Backup, Kept, Run, Standing
from services.cards.models import LabelsOf, unlabelled
from services.cards.specific import MostSpecific
from services.jobs.schedule import jitter, next_after
from services.tenancy.kb_ids import TenantKey

LOST = timedelta(minutes=30)
"""So long after it began nobody is planning an archive any more: its process died."""

LATE = timedelta(hours=1)
"""A backup that has been due for so long was missed."""


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
    took = known.get(last.archive) if last is not None else None
    if last is not None and took is None and not last.problem and now - last.begun > LOST:
        last = replace(last, problem="whoever began it ended before anything was taken")
    waits = at is not None and at <= now and (took is None or took.settled)
    late = now - at if at is not None and waits else None
    return Standing(tenant, kept, last, took, newest, at, late)


def missed(standings: Sequence[Standing]) -> tuple[Standing, ...]:
    """Return whose backup has been due for long, and is not being taken."""
    return tuple(each for each in standings if each.late is not None and each.late > LATE)


def failed(standings: Sequence[Standing]) -> tuple[Standing, ...]:
    """Return whose newest run came to no proven archive, where a rule still has more taken."""
    return tuple(each for each in standings if each.problem and each.next_at is not None)
