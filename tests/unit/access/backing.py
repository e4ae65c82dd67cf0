"""Rules of backups and how tenants stand, in which acme and somebody else are named."""

from __future__ import annotations

from datetime import UTC, datetime

from services.access.viewer import TenantPattern
from services.backups.models import Backup, Changes, Kept, Rule, Run, Standing, State
from services.cards.models import Label
from services.cards.scope import LabelScope, Scope
from services.jobs.schedule import schedule_of
from services.tenancy.kb_ids import TenantKey

AT = datetime(2026, 11, 1, tzinfo=UTC)
ACME, ZED = TenantKey("tenant", "acme"), TenantKey("tenant", "zed")


def _kept(scope: Scope) -> Kept:
    rule = Rule(scope, schedule_of("0 3 * * *"), to="s3://zed/archives")
    return Kept(rule, "zed-admin", AT, "since zed asked")


BACKED_BY = tuple(map(_kept, (
    TenantPattern("*", "*"), TenantPattern("tenant", "zed"), LabelScope(Label("owner", "zed")),
    TenantPattern("tenant", "acme"),
)))  # fmt: skip
TO_SET = Changes((Rule(TenantPattern("tenant", "acme"), None),))


def _standing(tenant: TenantKey, kept: Kept) -> Standing:
    return Standing(
        tenant, kept, Run(tenant, AT, AT, "a", "zed is on hold"),
        Backup("a", tenant, AT, State.FAILED, 1, "zed failed"),
        Backup("b", tenant, AT, State.PROVEN, 1), AT,
    )  # fmt: skip


STANDINGS = (_standing(ACME, BACKED_BY[3]), _standing(ZED, BACKED_BY[1]))
