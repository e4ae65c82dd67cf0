"""`kato-tenants park`: a tenant goes out of the stores into a proven archive.

Exit codes: 0 done, 1 it could not be done, 2 wrong settings or arguments, 3 the embedded engines
are in use by another process.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cli import desk
from cli.desk import load_settings
from cli.errors import EXIT_FAILED, EXIT_SETTINGS, fail, one_line_errors
from cli.parking_text import every_text, job_text, plan_text
from services.jobs.models import Job, JobState
from services.parking.formats import every_json, job_json, plan_json
from services.tenancy.kb_ids import TenantKey

app = typer.Typer(add_completion=False)

Name = Annotated[str, typer.Argument(metavar="TENANT", help="As kind/id: tenant/acme.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, or the ticket.")]
Resume = Annotated[
    str, typer.Option("--resume", help="Go on with one that stopped or failed, by its id.")
]
GiveUp = Annotated[
    str,
    typer.Option("--give-up", help="Give up one that has not begun to erase or write, by its id."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the documented JSON.")]


@app.command("park")
def park_command(
    tenant: Name = "",
    *,
    reason: Reason = "asked for",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what goes and what stays; change nothing.")
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="Print who is parked.")] = False,
    resume: Resume = "",
    give_up: GiveUp = "",
    as_json: AsJson = False,
) -> None:
    """Take a tenant out of the stores into an archive that is proven, to be brought back."""
    if sum((bool(tenant), listed, bool(resume), bool(give_up))) != 1:
        fail("name a tenant, or give --list, --resume or --give-up", EXIT_SETTINGS)
    with one_line_errors(), desk.opened(load_settings()) as found:
        parking = found.parking
        if listed:
            parked = parking.every().values()
            said = every_json(parked)
            typer.echo(json.dumps(said, indent=2) if as_json else every_text(parked))
        elif give_up:
            parking.abandon(give_up)
            shown(parking.job(give_up), as_json=as_json)
        elif resume:
            parking.resume(resume)
            ended(parking.run_here(resume), as_json=as_json)
        elif dry_run:
            plan = parking.plan(TenantKey.parse(tenant))
            typer.echo(json.dumps(plan_json(plan), indent=2) if as_json else plan_text(plan))
            if plan.in_the_way:
                raise typer.Exit(EXIT_FAILED)
        else:
            begun = parking.park(TenantKey.parse(tenant), reason=reason)
            ended(parking.run_here(begun.id), as_json=as_json)


def shown(job: Job, *, as_json: bool) -> None:
    """Print a job."""
    typer.echo(json.dumps(job_json(job), indent=2) if as_json else job_text(job))


def ended(job: Job, *, as_json: bool, well: str = "") -> None:
    """Print a job that ran; exit 1 where it did not end, or not with the outcome `well`."""
    shown(job, as_json=as_json)
    if job.state is not JobState.ENDED or (well and job.outcome != well):
        raise typer.Exit(EXIT_FAILED)
