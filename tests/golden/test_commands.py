"""What commands print for scripts: of usage, the audit, a purge from its plan on, and the log."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.golden.expected import check

ACME = ("--tenant", "tenant/acme")


def printed(*arguments: str, code: int = 0) -> str:
    """Run `kato-tenants`, which has to end with a code, and return what it prints."""
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == code, (arguments, done.stdout, done.stderr, done.exception)
    return done.stdout


def purged(tenant: str, *, code: int = 0) -> str:
    """Plan and run a purge, which has to end with a code, and return its receipt."""
    named = ("--tenant", tenant)
    digest = json.loads(printed("purge", "plan", *named, "--json"))["digest"]
    sure = ("--digest", digest, "--confirm", tenant, "--reason", "ticket 4711")
    return printed("purge", "run", *named, *sure, "--json", code=code)


@pytest.mark.usefixtures("still")
def test_what_commands_print() -> None:
    """As JSON, CSV and text."""
    found = {
        "usage.json": printed("usage", "--json"),
        "usage.csv": printed("usage", "--csv"),
        "usage.txt": printed("usage"),
        "audit.json": printed("audit", "--json"),
        "audit.txt": printed("audit"),
        "doctor.txt": printed("doctor"),
        "canary.json": printed("canary", "--yes", "--json"),
        "plan-shared.json": printed("purge", "plan", "--tenant", "tenant/acme-corp", "--json"),
        "plan.json": printed("purge", "plan", *ACME, "--json"),
        "plan.txt": printed("purge", "plan", *ACME),
    }
    found["receipt.json"] = purged("tenant/acme")
    job = json.loads(found["receipt.json"])["job"]
    found["status.json"] = printed("purge", "status", job, "--json")
    found["purges.txt"] = printed("purge", "list")
    found["log.jsonl"] = printed("log", "export")
    found["log.csv"] = printed("log", "export", "--format", "csv")
    found["log.txt"] = printed("log", "show")
    found["verify.json"] = printed("log", "verify", "--json")
    check("commands", found)
