"""`kato-tenants purge`: plan, run, resume and prove a purge from a script.

Exit codes of `run` and `resume`: 0 erased, 1 partly erased or refused, 2 not known, 3 the embedded
engines are in use by another process.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from cli import desk
from cli.errors import one_line_errors
from services.desk.purging import DeskPurge
from services.errors import PurgeRefused
from services.figures import Measure
from services.identity import TenantKey
from services.purging.models import Job, JobState, Outcome, Plan, Request, Target
from services.purging.records import plan_json
from services.settings import load_settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

_EXITS = {Outcome.ERASED: 0, Outcome.PARTIAL: 1, Outcome.UNKNOWN: 2}

AsJson = Annotated[bool, typer.Option("--json", help="Print the documented JSON.")]
JobId = Annotated[str, typer.Argument(help="A job's id.")]
Store = Annotated[
    list[Measure] | None,
    typer.Option("--store", help="Only this store; may be given several times."),
]
TenantName = Annotated[
    str | None, typer.Option("--tenant", help="A tenant, as kind/id: tenant/acme.")
]


@contextmanager
def _service() -> Iterator[DeskPurge]:
    with one_line_errors(), desk.opened(load_settings()) as found:
        yield found.purge


@app.command("plan")
def plan_command(
    *,
    tenant: TenantName = None,
    node: Annotated[str | None, typer.Option("--node", help="Only this node_id.")] = None,
    user: Annotated[
        str | None, typer.Option("--user", help="Only this user; without --tenant, of all.")
    ] = None,
    store: Store = None,
    include: Annotated[
        list[str] | None,
        typer.Option("--include", help="A kb_id that the plan left out, to go all the same."),
    ] = None,
    trim_streams: Annotated[
        bool, typer.Option("--trim-streams", help="Empty the stm:* streams, of everyone.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a purge would do; nothing is changed. Exit 1 when such a plan cannot run."""
    with _service() as purge:
        target = Target(_tenant(tenant), node, user)
        stores = frozenset(store or Measure)
        plan = purge.plan(Request(target, stores, frozenset(include or ()), trim_streams))
    typer.echo(plan_json(plan) if as_json else _plan_text(plan))
    if plan.obstacles:
        raise typer.Exit(1)


@app.command("run")
def run_command(
    *,
    tenant: TenantName = None,
    user: Annotated[str | None, typer.Option("--user", help="As in the plan.")] = None,
    digest: Annotated[str, typer.Option("--digest", help="The plan's digest.")],
    confirm: Annotated[str, typer.Option("--confirm", help="The target's name, once more.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, or the ticket.")],
    as_json: AsJson = False,
) -> None:
    """Run a plan that was made, to its end, and print the receipt."""
    with _service() as purge:
        planned = purge.planned(digest).request.target
        if (tenant, user) not in ((_name(planned), planned.user), (_name(planned), None)):
            raise PurgeRefused("the plan with this digest is for another target")
        job = purge.begin(digest, confirm=confirm, reason=reason)
        _finish(purge, purge.run_here(job.id), as_json=as_json)


@app.command("resume")
def resume_command(job_id: JobId, *, as_json: AsJson = False) -> None:
    """Go on with a job that stopped, failed or whose process died, and print the receipt."""
    with _service() as purge:
        purge.resume(job_id)
        _finish(purge, purge.run_here(job_id), as_json=as_json)


@app.command("status")
def status_command(job_id: JobId, *, as_json: AsJson = False) -> None:
    """Print how far a job is."""
    with _service() as purge:
        job = purge.job(job_id)
    typer.echo(json.dumps(_status(job), indent=2) if as_json else _status_text(job))


@app.command("receipt")
def receipt_command(job_id: JobId) -> None:
    """Print a job's receipt as JSON."""
    with _service() as purge:
        typer.echo(purge.receipt_text(job_id))


def _finish(purge: DeskPurge, job: Job, *, as_json: bool) -> None:
    """Print the receipt, or what is known so far of a job that did not end, and exit by it."""
    text = purge.receipt_text(job.id)
    typer.echo(text if as_json else f"{_status_text(job)}\n{_receipt_text(json.loads(text))}")
    ended = job.state is JobState.ENDED and job.outcome is not None
    raise typer.Exit(_EXITS[job.outcome] if ended and job.outcome else 2)


def _tenant(name: str | None) -> TenantKey | None:
    if name is None:
        return None
    kind, slash, rest = name.partition("/")
    if not (kind and slash and rest):
        raise PurgeRefused("a tenant is named as kind/id: tenant/acme")
    return TenantKey(kind, rest)


def _name(target: Target) -> str | None:
    return None if target.tenant is None else str(target.tenant)


def _plan_text(plan: Plan) -> str:
    lines = [f"purge of {_ascii(str(plan.request.target))}", f"digest {plan.digest}"]
    lines += [
        f"  {item.store.value}: {item.count:,} {_ascii(item.kind)} of {_ascii(item.owner)}"
        + (f" ({item.how})" if item.how else "")
        for item in plan.items
    ]
    lines += [f"left out: {_ascii(each.kb_id)}: {_ascii(each.why)}" for each in plan.left_out]
    lines += [f"disclosed: {_ascii(text)}" for text in plan.disclosed]
    lines += [f"cannot run: {_ascii(text)}" for text in plan.obstacles]
    return "\n".join(lines)


def _status(job: Job) -> dict[str, object]:
    """Return a job's state as the documented JSON has it."""
    return {
        "job": job.id,
        "state": job.state.value,
        "outcome": job.outcome.value if job.outcome else None,
        "problem": job.problem,
        "progress": job.progress,
        "steps": [
            {"name": step.name.value, "state": step.state.value, "error": step.error}
            for step in job.steps
        ],
    }


def _status_text(job: Job) -> str:
    end = f", {job.outcome.value}" if job.outcome else ""
    lines = [f"job {job.id}: {job.state.value}{end}"]
    lines += [f"  {step.name.value}: {step.state.value} {_ascii(step.error)}" for step in job.steps]
    return "\n".join([*lines, *([_ascii(job.problem)] if job.problem else [])])


def _receipt_text(receipt: dict[str, Any]) -> str:
    def figure(name: str, value: object) -> str:
        return f"{name} {'not known' if value is None else value}"

    lines = [
        f"  {store}: " + ", ".join(figure(name, value) for name, value in figures.items())
        for store, figures in receipt["stores"].items()
    ]
    lines += [_ascii(f"  {text}") for text in receipt["problems"]]
    return "\n".join([f"outcome: {receipt['outcome']}", *lines])


def _ascii(text: str) -> str:
    """Write a text so that no name can break a line or a terminal."""
    return ascii(text)[1:-1]
