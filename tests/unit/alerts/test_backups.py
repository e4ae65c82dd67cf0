"""A backup that failed, and one that nobody began, ask for somebody: for who sees the tenant."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from services.alerts.words import line_of
from services.backups.models import Run, Standing
from services.errors import Problem
from tests.unit.access.backing import ACME, BACKED_BY, STANDINGS
from tests.unit.alerts.test_conditions import seen
from tests.unit.alerts.worlds import NOW, alert

WELL = Standing(ACME, BACKED_BY[0], Run(ACME, NOW, NOW, "a"), None, None, NOW)


def test_a_backup_that_failed() -> None:
    """Until a later one is proven."""
    failed = replace(STANDINGS[0], late=None)
    (told,) = seen("backup_failed", backups=(failed, WELL)).seen
    assert (told.tenants, told.concerns) == ((ACME,), (ACME,))
    assert "2026-11-01 00:00 UTC" in line_of(alert(code="backup_failed", facts=told.facts))
    assert seen("backup_failed", backups=(WELL,)).seen == ()
    gone = replace(failed, rule=None, next_at=None)  # then nothing comes that would end it
    assert seen("backup_failed", backups=(gone,)).seen == ()


def test_a_backup_that_nobody_began_for_an_hour() -> None:
    late = [replace(WELL, late=timedelta(minutes=minutes)) for minutes in (59, 61)]
    (told,) = seen("backup_missed", backups=tuple(late)).seen
    assert (told.tenants, told.concerns) == ((ACME,), (ACME,))
    assert "nobody began it" in line_of(alert(code="backup_missed", facts=told.facts))


def test_what_is_not_known_resolves_nothing() -> None:
    for code in ("backup_failed", "backup_missed"):
        assert seen(code, backups=Problem("x")).unknown
