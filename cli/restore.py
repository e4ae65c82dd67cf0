"""`kato-tenants restore`: write an archive back, over nothing that is there, and prove it.

Exit codes: 0 done, 1 it could not be done or not all is as in the archive, 2 wrong settings or
arguments, 3 the embedded engines are in use by another process.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from cli import desk, progress
from cli.desk import load_settings
from cli.errors import EXIT_FAILED, EXIT_SETTINGS, fail, one_line_errors
from cli.restore_text import jobs_text, outcome_text, plan_text
from services.jobs.models import Job
from services.restore.access import DeskRestore
from services.restore.formats import job_json, plan_json
from services.restore.models import Outcome
from services.tenancy.kb_ids import TenantKey

app = typer.Typer(add_completion=False)
_ASKED = "asked for"


@contextmanager
def _service() -> Iterator[DeskRestore]:
    with one_line_errors(), desk.opened(load_settings()) as found:
        yield found.restore


@app.command("restore")
def restore_command(
    which: Annotated[
        str,
        typer.Argument(help="An archive's id, the name of its file, or the file's address."),
    ] = "",
    *,
    named: Annotated[
        str | None, typer.Option("--as", help="Another tenant as which it comes back: kind/id.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why, or the ticket.")] = "",
    resume: Annotated[
        str, typer.Option("--resume", help="Go on with one that stopped or failed, by its id.")
    ] = "",
    give_up: Annotated[
        str,
        typer.Option(
            "--give-up", help="End one for good that cannot go on, by its id; with --reason."
        ),
    ] = "",
    listed: Annotated[bool, typer.Option("--list", help="Print the restores there were.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the documented JSON.")] = False,
) -> None:
    """Write an archive back, over nothing that is there, and prove it."""
    if sum((bool(which), bool(resume), bool(give_up), listed)) != 1:
        fail("name an archive, or give --resume, --give-up or --list", EXIT_SETTINGS)
    with _service() as restores:
        if listed:
            jobs = restores.jobs()
            found = {"restores": [job_json(job) for job in jobs]}
            typer.echo(json.dumps(found, indent=2) if as_json else jobs_text(jobs))
            return
        if resume:
            restores.resume(resume)
            _ended(restores.run_here(resume), as_json=as_json)
            return
        if give_up:
            _print(restores.give_up(give_up, reason=reason), as_json=as_json)
            return
        tenant = TenantKey.parse(named) if named else None
        with progress.told() as hears:
            plan = restores.plan(which, tenant, hears=hears)
        if dry_run or not plan.can_run:
            typer.echo(json.dumps(plan_json(plan), indent=2) if as_json else plan_text(plan))
            if not plan.can_run:
                raise typer.Exit(EXIT_FAILED)
            return
        job = restores.begin(which, tenant, reason=reason or _ASKED, seen=plan.digest)
        _ended(restores.run_here(job.id), as_json=as_json)


def _ended(job: Job, *, as_json: bool) -> None:
    _print(job, as_json=as_json)
    if job.outcome != Outcome.RESTORED:
        raise typer.Exit(EXIT_FAILED)


def _print(job: Job, *, as_json: bool) -> None:
    typer.echo(json.dumps(job_json(job), indent=2) if as_json else outcome_text(job))
