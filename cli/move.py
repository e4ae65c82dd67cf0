"""`kato-tenants move`: a tenant goes to another deployment, and nothing of it is lost between.

`begin` copies and proves the copy, and then waits: stop the tenant's clients, and `cutover` ends
its sessions, copies the rest, proves it, and erases it here. Exit codes: 0 done, or it waits, 1 it
could not be done, 2 wrong settings or arguments, 3 the embedded engines are in use by another
process.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from cli import desk
from cli.desk import load_settings
from cli.errors import EXIT_FAILED, EXIT_SETTINGS, one_line_errors
from cli.move_text import every_text, job_text, plan_text
from services.jobs.models import Job, JobState
from services.move.access import DeskMove
from services.move.formats import every_json, job_json, plan_json
from services.move.models import Phase, phase_of
from services.tenancy.kb_ids import TenantKey
from services.visible import visible

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

Name = Annotated[str, typer.Argument(metavar="TENANT", help="As kind/id: tenant/acme.")]
To = Annotated[str, typer.Option("--to", help="A deployment of KATO_TENANTS_MOVE_TO.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, or the ticket.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="A move's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the documented JSON.")]


@contextmanager
def _service() -> Iterator[DeskMove]:
    with one_line_errors(), desk.opened(load_settings()) as found:
        yield found.move


@app.command("plan")
def plan_command(tenant: Name, *, to: To, as_json: AsJson = False) -> None:
    """Say what would go, what stays, and what stands in the way; nothing is changed."""
    named = _named(tenant)
    with _service() as move:
        plan = move.plan(named, to)
    typer.echo(json.dumps(plan_json(plan), indent=2) if as_json else plan_text(plan))
    if plan.in_the_way:
        raise typer.Exit(EXIT_FAILED)


@app.command("begin")
def begin_command(
    tenant: Name, *, to: To, reason: Reason = "asked for", as_json: AsJson = False
) -> None:
    """Copy a tenant there while its clients go on, prove the copy, and wait for `cutover`."""
    named = _named(tenant)
    with _service() as move:
        job = move.begin(named, to, reason=reason)
        _ended(move.run_here(job.id), as_json=as_json)


@app.command("cutover")
def cutover_command(job: JobId, *, as_json: AsJson = False) -> None:
    """End its sessions, copy the rest, prove it on both sides, and erase it here."""
    with _service() as move:
        move.cut_over(job)
        _ended(move.run_here(job), as_json=as_json)


@app.command("resume")
def resume_command(job: JobId, *, as_json: AsJson = False) -> None:
    """Go on with one that stopped or failed."""
    with _service() as move:
        move.resume(job)
        _ended(move.run_here(job), as_json=as_json)


@app.command("stop")
def stop_command(job: JobId, *, as_json: AsJson = False) -> None:
    """Let one that runs, here or in a dashboard, end as soon as it can; it can go on later."""
    with _service() as move:
        move.stop(job)
        _shown(move.job(job), as_json=as_json)


@app.command("give-up")
def give_up_command(
    job: JobId,
    *,
    leave: Annotated[
        bool, typer.Option("--leave", help="Leave there what was copied: nothing is removed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give up one that has erased nothing here: what it copied is removed there."""
    with _service() as move:
        move.give_up(job, leave=leave)
        _ended(move.run_here(job), as_json=as_json)


@app.command("forget")
def forget_command(tenant: Name) -> None:
    """Keep no more that a tenant moved, so that it can be here again."""
    named = _named(tenant)
    with _service() as move:
        move.forget(named)
    typer.echo(f"forgotten: where {visible(tenant)} moved")


@app.command("status")
def status_command(job: JobId, *, as_json: AsJson = False) -> None:
    """Print one move."""
    with _service() as move:
        _shown(move.job(job), as_json=as_json)


@app.command("list")
def list_command(*, as_json: AsJson = False) -> None:
    """Print where tenants can move, who moved, and the newest moves."""
    with _service() as move:
        found = tuple(move.every().values()), move.jobs(), move.destinations()
    typer.echo(json.dumps(every_json(*found), indent=2) if as_json else every_text(*found))


def _named(tenant: str) -> TenantKey:
    with one_line_errors(failed=EXIT_SETTINGS):
        return TenantKey.parse(tenant)


def _shown(job: Job, *, as_json: bool) -> None:
    typer.echo(json.dumps(job_json(job), indent=2) if as_json else job_text(job))


def _ended(job: Job, *, as_json: bool) -> None:
    """Print a job that ran; exit 1 where it neither ended nor waits."""
    _shown(job, as_json=as_json)
    if job.state is not JobState.ENDED and phase_of(job) is not Phase.WAITING:
        raise typer.Exit(EXIT_FAILED)
