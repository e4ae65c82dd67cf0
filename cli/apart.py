"""`kato-tenants apart`: of a kb_id that tenants share, what can be told apart gets its own name.

Exit codes: 0 done, 1 it could not be done, or clients go on under an old name, 2 wrong settings or
arguments, 3 the embedded engines are in use by another process.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cli import desk
from cli.apart_text import every_text, job_text, plan_text
from cli.desk import load_settings
from cli.errors import EXIT_FAILED, EXIT_SETTINGS, fail, one_line_errors
from services.apart.access import DeskApart
from services.apart.formats import apart_json, job_json, plan_json
from services.apart.models import Outcome, Words
from services.apart.spoken import words_of
from services.jobs.models import Job

app = typer.Typer(add_completion=False)


@app.command("apart")
def apart_command(
    kb_id: Annotated[str, typer.Argument(metavar="KB_ID", help="As the store has it.")] = "",
    *,
    began: Annotated[
        list[str] | None,
        typer.Option(
            "--began", metavar="TENANT=TIME",
            help="Your word that a tenant wrote nothing before; first-seen for when it was seen.",
        ),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option("--as", metavar="TENANT=NODE_ID", help="Its node_id from now on."),
    ] = None,
    begin: Annotated[
        str, typer.Option("--begin", metavar="DIGEST", help="Begin the plan of this digest.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why, or the ticket.")] = "asked for",
    resume: Annotated[
        str, typer.Option("--resume", help="Go on with one that stopped or failed, by its id.")
    ] = "",
    give_up: Annotated[
        str, typer.Option("--give-up", help="Give up one that stopped or failed, by its id.")
    ] = "",
    listed: Annotated[
        bool, typer.Option("--list", help="Print which kb_ids were taken apart.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the documented JSON.")] = False,
) -> None:  # fmt: skip
    """Say what can be told apart of a kb_id that tenants share; with --begin, do it."""
    if sum((bool(kb_id), listed, bool(resume), bool(give_up))) != 1 or (begin and not kb_id):
        fail("name a kb_id, or give --list, --resume or --give-up", EXIT_SETTINGS)
    with one_line_errors(), desk.opened(load_settings()) as found:
        if listed:
            every = found.apart.every()
            said = {"apart": [apart_json(each) for each in every]}
            typer.echo(json.dumps(said, indent=2) if as_json else every_text(every))
        elif give_up:
            found.apart.abandon(give_up)
            _shown(found.apart.job(give_up), as_json=as_json)
        elif resume:
            found.apart.resume(resume)
            _ended(found.apart.run_here(resume), as_json=as_json)
        else:
            words = words_of(began or (), names or ())
            if not begin:
                _planned(found.apart, kb_id, words, as_json=as_json)
                return
            job = found.apart.begin(kb_id, words, reason=reason, seen=begin)
            _ended(found.apart.run_here(job.id), as_json=as_json)


def _planned(apart: DeskApart, kb_id: str, words: Words, *, as_json: bool) -> None:
    plan = apart.plan(kb_id, words)
    typer.echo(json.dumps(plan_json(plan), indent=2) if as_json else plan_text(plan))
    if plan.obstacles:
        raise typer.Exit(EXIT_FAILED)


def _shown(job: Job, *, as_json: bool) -> None:
    typer.echo(json.dumps(job_json(job), indent=2) if as_json else job_text(job))


def _ended(job: Job, *, as_json: bool) -> None:
    _shown(job, as_json=as_json)
    if job.outcome != Outcome.APART:
        raise typer.Exit(EXIT_FAILED)
