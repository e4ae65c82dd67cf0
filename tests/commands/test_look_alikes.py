"""Tenants that look alike, in what commands print, take and write into files."""

from __future__ import annotations

import pytest
import typer

from cli import purge, usage
from cli.errors import EXIT_FAILED, one_line_errors
from services.errors import PurgeRefused
from services.tenancy.kb_ids import TenantKey
from tests.unit.isolation.fleets_seen import fleet

NAMES = ("alike", "alike ", "Alike", "caf\u00e9", "cafe\u0301", "back\\slash")
SHOWN = [r"tenant/alike", r"tenant/alike\x20", "tenant/Alike", "tenant/caf\u00e9",
         r"tenant/cafe\u0301", r"tenant/back\\slash"]  # fmt: skip


def test_they_differ_in_tables_and_files() -> None:
    """What can be overlooked is written out, in the table and in the CSV alike."""
    snapshot = fleet(*(f"tenant:{name}:user:x" for name in NAMES), sessions=[
        f"tenant:{name}:user:x" for name in NAMES]).snapshot  # fmt: skip
    table = [line.split()[0] for line in usage.table_text(snapshot).splitlines()]
    csv = [line.split(",")[0] for line in usage.csv_text(snapshot).splitlines()]
    assert sorted(table[1:-2]) == sorted(csv[1:-1]) == sorted(SHOWN)


def test_they_differ_in_errors(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), one_line_errors(failed=EXIT_FAILED):
        raise PurgeRefused("type exactly: tenant/cafe\u0301 ")
    assert capsys.readouterr().err == "kato-tenants: type exactly: tenant/cafe\\u0301\\x20\n"


def test_a_blank_at_the_end_of_a_tenant_is_not_passed_over() -> None:
    """A purge of `acme ` would else be one of `acme`."""
    assert purge._target(["tenant/alike "], None, None).tenant == TenantKey("tenant", "alike ")
