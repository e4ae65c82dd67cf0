"""Which rule holds for a tenant, and when it is backed up next. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from services.backups.models import Backup, Kept, Run, Standing
from services.cards.models import Label, LabelsOf, unlabelled
from services.cards.scope import LabelScope
from services.jobs.schedule import jitter, next_after
from services.tenancy.kb_ids import TenantKey


class Rules:
    """Rules, asked for the one that holds. The most specific wins: tenant, label, kind, everyone.

    Of two labels of a tenant that have one each, the first by name holds.
    """

    def __init__(self, kept: Iterable[Kept], labels: LabelsOf = unlabelled) -> None:
        self._labels = labels
        self._named: dict[tuple[str, str], Kept] = {}
        labelled: list[tuple[Label, Kept]] = []
        for each in kept:
            scope = each.rule.scope
            if isinstance(scope, LabelScope):
                labelled.append((scope.label, each))
            else:
                self._named[scope.kind, scope.id] = each
        self._labelled = sorted(labelled, key=lambda pair: pair[0])

    def of(self, tenant: TenantKey) -> Kept | None:
        """Return the rule that holds for a tenant; None where none is for it."""
        named = self._named
        return (named.get((tenant.kind, tenant.id)) or self._by_label(tenant)
                or named.get((tenant.kind, "*")) or named.get(("*", "*")))  # fmt: skip

    def _by_label(self, tenant: TenantKey) -> Kept | None:
        labels = self._labels(tenant) if self._labelled else {}
        return next((kept for label, kept in self._labelled if label.on(labels)), None)


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
