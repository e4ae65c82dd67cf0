"""`kato-tenants purge`: plan, run, resume and prove a purge from a script.

Exit codes of `run`, `resume` and `end`: 0 erased, 1 erased except what was left out, partly
erased or refused, 2 not known, 3 the embedded engines are in use by another process.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli import desk
from cli.desk import load_settings
from cli.errors import one_line_errors
from cli.purge_text import (
    file_stem,
    list_text,
    plan_text,
    receipt_text,
    status_of,
    status_text,
)
from services.errors import PurgeRefused
from services.figures import Measure
from services.jobs.models import JobState
from services.purge.access import DeskPurge
from services.purge.formats import plan_json
from services.purge.job import Job, Outcome
from services.purge.models import Request, Target
from services.tenancy.kb_ids import TenantKey

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

_EXITS = {
    Outcome.ERASED: 0, Outcome.ERASED_EXCEPT: 1, Outcome.PARTIAL: 1, Outcome.UNKNOWN: 2,
}  # fmt: skip

AsJson = Annotated[bool, typer.Option("--json", help="Print the documented JSON.")]
JobId = Annotated[str, typer.Argument(help="A job's id.")]
Store = Annotated[
    list[Measure] | None,
    typer.Option("--store", help="Only this store; may be given several times."),
]
Tenants = Annotated[
    list[str] | None,
    typer.Option("--tenant", help="A tenant, as kind/id: tenant/acme; several times for several."),
]
TenantFile = Annotated[
    typer.FileText | None,
    typer.Option("--from-file", help="A file with one tenant a line; - is standard input."),
]


@contextmanager
def _service() -> Iterator[DeskPurge]:
    with one_line_errors(), desk.opened(load_settings()) as found:
        yield found.purge


@app.command("plan")
def plan_command(
    *,
    tenant: Tenants = None,
    from_file: TenantFile = None,
    node: Annotated[str | None, typer.Option("--node", help="Only this node_id.")] = None,
    user: Annotated[
        str | None, typer.Option("--user", help="Only this user; without --tenant, of all.")
    ] = None,
    store: Store = None,
    include: Annotated[
        list[str] | None,
        typer.Option("--include", help="A kb_id that the plan left out, to go all the same."),
    ] = None,
    include_inferred: Annotated[
        bool,
        typer.Option(
            "--include-guessed",
            "--include-inferred",
            help="Take in what is guessed from the name and could be no other tenant's.",
        ),
    ] = False,
    pass_over: Annotated[
        list[str] | None,
        typer.Option("--pass-over", help="A table or collection whose rows cannot be erased."),
    ] = None,
    trim_streams: Annotated[
        bool, typer.Option("--trim-streams", help="Empty the stm:* streams, of everyone.")
    ] = False,
    drop_collections: Annotated[
        bool,
        typer.Option(
            "--drop-collections",
            help="Drop collections at once; a KATO that used them has to be restarted.",
        ),
    ] = False,
    archive_first: Annotated[
        bool,
        typer.Option(
            "--archive-first", help="Take an archive and prove it before anything is erased."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a purge would do; nothing is changed. Exit 1 when such a plan cannot run."""
    with _service() as purge:
        lines = from_file.read().splitlines() if from_file is not None else []
        request = Request(
            _target([*(tenant or ()), *filter(str.strip, lines)], node, user),
            frozenset(store or Measure),
            frozenset(include or ()),
            trim_streams,
            include_inferred,
            frozenset(pass_over or ()),
            drop_collections,
            archive_first,
        )
        plan = purge.plan(request)
    typer.echo(plan_json(plan) if as_json else plan_text(plan))
    if plan.obstacles:
        raise typer.Exit(1)


@app.command("run")
def run_command(
    *,
    tenant: Tenants = None,
    user: Annotated[str | None, typer.Option("--user", help="As in the plan.")] = None,
    digest: Annotated[str, typer.Option("--digest", help="The plan's digest.")],
    confirm: Annotated[str, typer.Option("--confirm", help="What the plan says is to be typed.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, or the ticket.")],
    as_json: AsJson = False,
) -> None:
    """Run a plan that was made, to its end, and print the receipt."""
    with _service() as purge:
        planned = purge.planned(digest).request.target
        named = tuple(map(TenantKey.parse, tenant or ()))
        if (named or not planned.many) and named != planned.tenants:
            raise PurgeRefused("the plan with this digest is for another target")
        if user not in (planned.user, None):
            raise PurgeRefused("the plan with this digest is for another target")
        job = purge.begin(digest, confirm=confirm, reason=reason)
        _finish(purge, purge.run_here(job.id), as_json=as_json)


@app.command("resume")
def resume_command(
    job_id: JobId,
    *,
    digest: Annotated[
        str, typer.Option("--digest", help="A newer plan for the same target, to go by.")
    ] = "",
    confirm: Annotated[str, typer.Option("--confirm", help="What that plan says.")] = "",
    as_json: AsJson = False,
) -> None:
    """Go on with a job that stopped, failed or whose process died, and print the receipt."""
    with _service() as purge:
        purge.resume(job_id, digest=digest, confirm=confirm)
        _finish(purge, purge.run_here(job_id), as_json=as_json)


@app.command("list")
def list_command(*, as_json: AsJson = False) -> None:
    """Print the newest jobs."""
    with _service() as purge:
        jobs = purge.jobs()
    typer.echo(json.dumps(list(map(status_of, jobs)), indent=2) if as_json else list_text(jobs))


@app.command("status")
def status_command(job_id: JobId, *, as_json: AsJson = False) -> None:
    """Print how far a job is."""
    with _service() as purge:
        job = purge.job(job_id)
    typer.echo(json.dumps(status_of(job), indent=2) if as_json else status_text(job))


@app.command("stop")
def stop_command(job_id: JobId, *, as_json: AsJson = False) -> None:
    """Have a running job stop before its next step; `resume` goes on with it."""
    with _service() as purge:
        purge.stop(job_id)
        job = purge.job(job_id)
    typer.echo(json.dumps(status_of(job), indent=2) if as_json else status_text(job))


@app.command("end")
def end_command(job_id: JobId, *, as_json: AsJson = False) -> None:
    """End a stopped or failed job as it is, after one more look, and print the receipt."""
    with _service() as purge:
        _finish(purge, purge.abandon(job_id), as_json=as_json)


@app.command("verify")
def verify_command(
    job_id: JobId,
    *,
    drop: Annotated[
        bool,
        typer.Option(
            "--drop-emptied",
            help="Drop the collections that it emptied and kept, once KATO was restarted.",
        ),
    ] = False,
) -> None:
    """Look again at what an ended job erased, and keep that with its receipt.

    Exit 1 where data is back: nothing is dropped then.
    """
    with _service() as purge:
        look = purge.look_again(job_id)
        dropped = purge.drop_emptied(job_id) if drop and not look.back else ()
    for name in dropped:
        typer.echo(f"dropped {name}")
    typer.echo(f"{look.back:,} of its names have data again" if look.back else "nothing is back")
    raise typer.Exit(1 if look.back else 0)


@app.command("receipt")
def receipt_command(
    job_id: JobId,
    *,
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Of this tenant alone; it names nobody else.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", file_okay=False,
            help="Write files into this directory: the whole, and one for each tenant.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Print a job's receipt as JSON, or write it and each tenant's as files, JSON and text."""
    with _service() as purge:
        text = purge.receipt_text(job_id, tenant=tenant)
        if to is None:
            typer.echo(text)
            return
        _write(text, to / file_stem(job_id, tenant))
        for one in json.loads(text)["tenants"] if tenant is None else ():
            _write(purge.receipt_text(job_id, tenant=one), to / file_stem(job_id, one))


def _write(text: str, stem: Path) -> None:
    """Write one receipt as JSON and as text, and name the files."""
    for suffix, content in ((".json", text), (".txt", receipt_text(json.loads(text)))):
        path = stem.parent / f"{stem.name}{suffix}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content}\n", "utf-8")
        except OSError as exc:
            raise PurgeRefused(f"{path} cannot be written: {exc.strerror}") from None
        typer.echo(str(path))


def _finish(purge: DeskPurge, job: Job, *, as_json: bool) -> None:
    """Print the receipt, or what is known so far of a job that did not end, and exit by it."""
    text = purge.receipt_text(job.id)
    typer.echo(text if as_json else f"{status_text(job)}\n{receipt_text(json.loads(text))}")
    ended = job.state is JobState.ENDED and job.outcome is not None
    raise typer.Exit(_EXITS[job.outcome] if ended and job.outcome else 2)


def _target(names: Sequence[str], node: str | None, user: str | None) -> Target:
    """Return whom names mean: one tenant, or many that go as a whole."""
    tenants = tuple(dict.fromkeys(map(TenantKey.parse, names)))
    if len(tenants) <= 1:
        return Target(tenants[0] if tenants else None, node, user)
    if node is not None or user is not None:
        raise PurgeRefused("a node_id or a user is of one tenant, or of all")
    return Target(many=tenants)
