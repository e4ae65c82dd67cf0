"""`kato-tenants backups`: archives of tenants that are taken by themselves, proven and kept.

Exit codes: 0 done, 1 it could not be done; of `status`, that a backup failed or was missed, of
`run` that no proven archive came of it; 2 wrong settings or arguments, 3 the embedded engines are
in use by another process.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli import desk
from cli.backups_text import rules_text, standings_text
from cli.desk import load_settings
from cli.errors import EXIT_FAILED, EXIT_SETTINGS, one_line_errors
from cli.printed import changed
from services.archive.models import State
from services.backups.access import DeskBackups
from services.backups.formats import rules_json, standings_json
from services.backups.judge import failed, missed
from services.backups.models import Changes
from services.backups.written import BackupError, rule_written, scope_of
from services.tenancy.kb_ids import TenantKey

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

Scope = Annotated[
    str, typer.Argument(metavar="FOR", help="tenant/acme, label:plan=gold, org/*, or * for all.")
]
Why = Annotated[str, typer.Option("--why", help="Why; it is kept and logged.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the documented JSON.")]


@contextmanager
def _service() -> Iterator[DeskBackups]:
    with one_line_errors(), desk.opened(load_settings()) as found:
        yield found.backups


@app.command("list")
def list_command(*, as_json: AsJson = False) -> None:
    """Print every rule."""
    with _service() as backups:
        kept = backups.rules()
    typer.echo(json.dumps(rules_json(kept), indent=2) if as_json else rules_text(kept))


@app.command("set")
def set_command(
    scope: Scope,
    cron: Annotated[
        str, typer.Argument(metavar="CRON", help="minute hour day month weekday; or never.")
    ],
    *,
    zone: Annotated[str, typer.Option("--zone", help="The schedule's time zone.")] = "UTC",
    keep: Annotated[
        str,
        typer.Option("--keep", help="What stays: last=7 daily=7 weekly=4 monthly=12 days=400."),
    ] = "",
    jitter: Annotated[
        int, typer.Option("--jitter", help="Minutes over which the tenants are spread.")
    ] = 0,
    quiesce: Annotated[
        bool, typer.Option("--quiesce", help="End the tenant's sessions first.")
    ] = False,
    to: Annotated[str, typer.Option("--to", help="Another place than the one that is set.")] = "",
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Set a rule, in place of the one that is set for the same tenants."""
    with one_line_errors(failed=EXIT_SETTINGS):
        rule = rule_written(
            scope, cron, zone=zone, keep=keep, jitter_minutes=jitter, quiesce=quiesce, to=to
        )
    with _service() as backups:
        done = backups.change(Changes((rule,)), why=why)
    typer.echo(changed(done.put, done.removed, as_json=as_json))


@app.command("remove")
def remove_command(scope: Scope, *, why: Why = "", as_json: AsJson = False) -> None:
    """Remove a rule: the next wider one holds again. Archives stay."""
    with one_line_errors(failed=EXIT_SETTINGS):
        whom = scope_of(scope)
    with _service() as backups:
        done = backups.change(Changes((), (whom,)), why=why)
        if not done:
            raise BackupError(f"there is no rule for {scope}")
    typer.echo(changed(done.put, done.removed, as_json=as_json))


@app.command("status")
def status_command(
    *,
    tenant: Annotated[
        list[str] | None, typer.Option("--tenant", help="A tenant; without, every one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the newest proven archive of each tenant. Exit 1 where one failed or was missed."""
    with one_line_errors(), desk.opened(load_settings()) as found:
        names = tuple(map(TenantKey.parse, tenant or ()))
        names = names or tuple(each.tenant for each in found.fleet.read().tenants)
        standings, now = found.backups.standings(names), datetime.now(UTC)
    text = json.dumps(standings_json(standings, now=now), indent=2)
    typer.echo(text if as_json else standings_text(standings, now=now))
    if failed(standings) or missed(standings):
        raise typer.Exit(EXIT_FAILED)


@app.command("run")
def run_command(
    tenant: Annotated[str, typer.Argument(help="A tenant, as tenant/acme.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Back a tenant up now by its rule, to the end, and print how it stands then."""
    with one_line_errors(failed=EXIT_SETTINGS):
        key = TenantKey.parse(tenant)
    with one_line_errors(), desk.opened(load_settings()) as found:
        run = found.backups.begin_now(key)
        taken = found.archives.run_here(run.archive).state if run.archive else None
        standings, now = found.backups.standings([key]), datetime.now(UTC)
    text = json.dumps(standings_json(standings, now=now), indent=2)
    typer.echo(text if as_json else standings_text(standings, now=now))
    if taken is not State.PROVEN:
        raise typer.Exit(EXIT_FAILED)
