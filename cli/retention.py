"""`kato-tenants retention`: what is kept, for how long and how much of it.

`list`, `set`, `remove` and `status` open this product's own records; `plan` and `run` read the
stores too. Exit codes: 0 done, 1 it could not be done, or some of what was due is there still, 2
wrong settings or arguments, or not known, 3 the embedded engines are in use by another process.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from cli import desk
from cli.desk import load_settings
from cli.errors import EXIT_FAILED, EXIT_SETTINGS, one_line_errors
from cli.printed import changed
from cli.retention_text import (
    job_json,
    jobs_text,
    plan_text,
    policies_text,
    receipt_text,
    simulated_text,
)
from services.jobs.models import Job
from services.retention.access import DeskRetention
from services.retention.formats import plan_json, policies_json, simulated_json
from services.retention.models import Changes, Key, Outcome, RetentionError
from services.retention.written import policy_of, quantity_of, scope_of
from services.tenancy.kb_ids import TenantKey

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

_EXITS = {Outcome.DONE: 0, Outcome.PARTIAL: EXIT_FAILED, Outcome.UNKNOWN: EXIT_SETTINGS}

Scope = Annotated[
    str, typer.Argument(metavar="FOR", help="tenant/acme, label:plan=gold, org/*, or * for all.")
]
Quantity = Annotated[
    str, typer.Argument(metavar="QUANTITY", help="predictions:idle, patterns:age and so on.")
]
Keep = Annotated[
    str,
    typer.Argument(metavar="KEEP", help="A number, a size as 5GB, a span as 30d or 12h; or all."),
]
Why = Annotated[str, typer.Option("--why", help="Why; it is kept and logged.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the documented JSON.")]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", help="FOR=QUANTITY of one policy; several times for several."),
]
JobId = Annotated[str, typer.Argument(help="A run's id.")]


@contextmanager
def _service() -> Iterator[DeskRetention]:
    with one_line_errors(), desk.opened(load_settings()) as found:
        yield found.retention


@app.command("list")
def list_command(*, as_json: AsJson = False) -> None:
    """Print every policy, and when it runs next."""
    with _service() as retention:
        kept = retention.policies()
    typer.echo(json.dumps(policies_json(kept), indent=2) if as_json else policies_text(kept))


@app.command("set")
def set_command(
    scope: Scope,
    quantity: Quantity,
    keep: Keep,
    *,
    cron: Annotated[
        str, typer.Option("--cron", help="When it runs by itself: minute hour day month weekday.")
    ] = "",
    zone: Annotated[str, typer.Option("--zone", help="The schedule's time zone.")] = "UTC",
    why: Why = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be removed now, and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Set a policy, in place of the one that is set for the same."""
    with one_line_errors(failed=EXIT_SETTINGS):
        policy = policy_of(scope, quantity, keep, cron, zone)
    with _service() as retention:
        changes = Changes((policy,))
        if dry_run:
            plan = retention.plan([policy.key], changes)
            typer.echo(json.dumps(plan_json(plan), indent=2) if as_json else plan_text(plan))
            return
        done = retention.change(changes, why=why)
    typer.echo(changed(done.put, done.removed, as_json=as_json))


@app.command("remove")
def remove_command(
    scope: Scope, quantity: Quantity, *, why: Why = "", as_json: AsJson = False
) -> None:
    """Remove a policy: the next wider one holds again."""
    with one_line_errors(failed=EXIT_SETTINGS):
        key = scope_of(scope), quantity_of(quantity)
    with _service() as retention:
        done = retention.change(Changes((), (key,)), why=why)
        if not done:
            raise RetentionError(f"there is no policy of {quantity} for {scope}")
    typer.echo(changed(done.put, done.removed, as_json=as_json))


@app.command("plan")
def plan_command(*, only: Only = None, as_json: AsJson = False) -> None:
    """Say what policies would do now; nothing is changed. Exit 1 where a store was not read."""
    with _service() as retention:
        plan = retention.plan(_keys(only))
    typer.echo(json.dumps(plan_json(plan), indent=2) if as_json else plan_text(plan))
    if plan.unread:
        raise typer.Exit(EXIT_FAILED)


@app.command("run")
def run_command(
    *,
    only: Only = None,
    digest: Annotated[str, typer.Option("--digest", help="The plan's digest.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, or the ticket.")] = "",
    as_json: AsJson = False,
) -> None:
    """Run policies that were planned, to the end, and print the receipt."""
    with _service() as retention:
        job = retention.begin(_keys(only), digest=digest, reason=reason)
        _finish(retention, retention.run_here(job.id), as_json=as_json)


@app.command("resume")
def resume_command(job_id: JobId, *, as_json: AsJson = False) -> None:
    """Go on with a run that stopped, failed or whose process died, and print the receipt."""
    with _service() as retention:
        retention.resume(job_id)
        _finish(retention, retention.run_here(job_id), as_json=as_json)


@app.command("stop")
def stop_command(job_id: JobId) -> None:
    """Have a run stop before its next step; `resume` goes on with it."""
    with _service() as retention:
        retention.stop(job_id)


@app.command("end")
def end_command(job_id: JobId, *, as_json: AsJson = False) -> None:
    """End a stopped or failed run as it is, and print the receipt."""
    with _service() as retention:
        _finish(retention, retention.abandon(job_id), as_json=as_json)


@app.command("status")
def status_command(
    job_id: Annotated[str, typer.Argument(help="A run's id; without, the newest runs.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Print how the newest runs are, or one of them."""
    with _service() as retention:
        jobs = (retention.job(job_id),) if job_id else retention.jobs()
    text = json.dumps({"runs": list(map(job_json, jobs))}, indent=2) if as_json else jobs_text(jobs)
    typer.echo(text)


@app.command("receipt")
def receipt_command(job_id: JobId) -> None:
    """Print what a run came to, or so far, as JSON."""
    with _service() as retention:
        typer.echo(json.dumps(retention.receipt(job_id), indent=2))


@app.command("simulate")
def simulate_command(
    *,
    tenant: Annotated[
        list[str] | None, typer.Option("--tenant", help="A tenant; without, every one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what policies would have come to in the last 90 days, by usage over time."""
    with one_line_errors(), desk.opened(load_settings()) as found:
        names = tuple(map(TenantKey.parse, tenant or ()))
        every = names or tuple(each.tenant for each in found.fleet.read().tenants)
        simulated = found.retention.simulate(every)
    text = json.dumps(simulated_json(simulated), indent=2)
    typer.echo(text if as_json else simulated_text(simulated))


def _keys(only: Collection[str] | None) -> tuple[Key, ...] | None:
    """Read the policies that are meant: FOR=QUANTITY. Raises RetentionError."""
    if not only:
        return None
    found = []
    for text in only:
        scope, _, quantity = text.rpartition("=")
        found.append((scope_of(scope), quantity_of(quantity)))
    return tuple(found)


def _finish(retention: DeskRetention, job: Job, *, as_json: bool) -> None:
    """Print the receipt, or what is known so far of a run that did not end, and exit by it."""
    receipt = retention.receipt(job.id)
    if as_json:
        typer.echo(json.dumps(receipt, indent=2))
    else:
        typer.echo(f"{jobs_text((job,))}\n{receipt_text(receipt)}")
    raise typer.Exit(EXIT_SETTINGS if job.outcome is None else _EXITS[Outcome(job.outcome)])
