"""`kato-tenants import`: writes patterns, keys, sessions or vectors for a tenant out of a file.

Without `--yes` it checks the file row by row and writes nothing. With it the file is written whole
or not at all. Exit codes: 0 done, or all of it can be written; 1 it could not be; 2 wrong
arguments, 3 the embedded engines are in use.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from cli import desk
from cli.desk import load_settings
from cli.errors import EXIT_FAILED, EXIT_SETTINGS, one_line_errors
from cli.files import STDIN
from cli.printed import aligned
from services.imports.formats import elsewhere_json, given_up_json, preview_json, run_json
from services.imports.models import (
    STAGING,
    Existing,
    Form,
    GivenUp,
    ImportRefused,
    Kind,
    Order,
    Preview,
    Run,
    State,
)
from services.imports.read import form_of
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import Layout
from services.usage.formats import stamp
from services.visible import unseen, visible

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
AsJson = Annotated[bool, typer.Option("--json", help="Print the documented JSON.")]
Import = Annotated[str, typer.Argument(metavar="IMPORT", help="Its id, as `list` says it.")]
_SHOWN, _UNKNOWN = 20, "unknown"


@app.command("file")
def file_command(
    what: Annotated[Kind, typer.Argument(help="What its rows are.")],
    file: Annotated[str, typer.Argument(help="The file; - reads standard input.")],
    *,
    tenant: Annotated[str, typer.Option("--tenant", help="For whom: tenant/acme.")],
    layout: Annotated[Layout, typer.Option("--layout", help="Whose layout.")] = Layout.KATO,
    node: Annotated[
        str, typer.Option("--node", help="The node_id whose memory it is, in KATO's layout.")
    ] = "",
    form: Annotated[
        Form | None, typer.Option("--form", help="Where the file's name does not say it.")
    ] = None,
    table: Annotated[str, typer.Option("--table", help="For patterns.")] = "patterns_data",
    collection: Annotated[
        str, typer.Option("--collection", help="A shared one, for vectors; else its own.")
    ] = "",
    existing: Annotated[
        Existing, typer.Option("--existing", help="What becomes of names that are there.")
    ] = Existing.STOP,
    ttl: Annotated[
        int | None, typer.Option("--ttl", min=1, help="Seconds, for rows that have none.")
    ] = None,
    leave_out: Annotated[
        bool, typer.Option("--leave-out-refused", help="Write the other rows.")
    ] = False,
    why: Annotated[str, typer.Option("--why", help="Why; it is logged.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Write it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check a file, and with --yes write it for a tenant."""
    with one_line_errors(failed=EXIT_SETTINGS):
        found_form = form or form_of(file)
        if found_form is None:
            raise ImportRefused("say by --form how the file is written: jsonl, csv or parquet")
        order = Order(
            TenantKey.parse(unseen(tenant)), what, layout, found_form, unseen(node), table,
            collection, existing, ttl, leave_out,
        )  # fmt: skip
    run = None
    with one_line_errors(), desk.opened(load_settings()) as found:
        with _opened(file) as source:
            preview = found.imports.check(order, source)
        if yes and not preview.obstacle:
            run = found.imports.write(preview.run, why=why, here=True)
    typer.echo(_told(preview, run, as_json=as_json))
    if (yes and run is None) or preview.obstacle or (run and run.state is not State.DONE):
        raise typer.Exit(EXIT_FAILED)


@app.command("list")
def list_command(*, as_json: AsJson = False) -> None:
    """Print the imports that were begun on this machine."""
    with one_line_errors(), desk.opened(load_settings()) as found:
        runs, elsewhere = found.imports.runs(), found.imports.elsewhere()
    if as_json:
        told = {
            "imports": [run_json(run) for run in runs],
            "elsewhere": [elsewhere_json(each) for each in elsewhere],
        }
        typer.echo(json.dumps(told, indent=2))
        return
    rows = [
        (run.id, visible(str(run.order.tenant)), run.order.kind.value, run.state.value,
         stamp(run.at) or "", visible(run.by), visible(run.problem))
        for run in runs
    ]  # fmt: skip
    rows += [
        (each.id, visible(str(each.tenant)), each.kind.value if each.kind else _UNKNOWN,
         "given up" if each.given_up else f"on {visible(each.machine) or _UNKNOWN}",
         stamp(each.at) or "", visible(each.by), visible(each.problem))
        for each in elsewhere
    ]  # fmt: skip
    head = ("IMPORT", "TENANT", "WHAT", "STATE", "AT", "BY", "PROBLEM")
    typer.echo(aligned([head, *rows]) if rows else "nothing was imported on this machine")


@app.command("take-back")
def take_back_command(run: Import, *, as_json: AsJson = False) -> None:
    """Take back what an import wrote that was cut off, or could not be taken back before."""
    with one_line_errors(), desk.opened(load_settings()) as found:
        done = found.imports.take_back(run, here=True)
    typer.echo(json.dumps(run_json(done), indent=2) if as_json else _run_text(done))
    if done.state is not State.UNDONE:
        raise typer.Exit(EXIT_FAILED)


@app.command("give-up")
def give_up_command(
    run: Import,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is logged.")],
    as_json: AsJson = False,
) -> None:
    """End an import for good that cannot go on: its machine is gone, or the store it wrote to."""
    with one_line_errors(), desk.opened(load_settings()) as found:
        told = found.imports.give_up(run, reason=reason)
    typer.echo(json.dumps(given_up_json(told), indent=2) if as_json else _given_up_text(run, told))


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == STDIN:
        yield sys.stdin.buffer
        return
    try:
        source = Path(file).open("rb")  # noqa: SIM115 - it is closed below
    except OSError:
        raise ImportRefused(f"{file} cannot be read") from None
    with source:
        yield source


def _told(preview: Preview, run: Run | None, *, as_json: bool) -> str:
    if as_json:
        told = {**preview_json(preview), "run": None if run is None else run_json(run)}
        return json.dumps(told, indent=2)
    counts = f"{preview.fresh:,} new, {preview.there:,} there already, {preview.refused:,} refused"
    lines = [f"{preview.rows:,} rows: {counts}"]
    for each in preview.told[:_SHOWN]:
        about = f" ({visible(each.about)})" if each.about else ""
        lines.append(f"row {each.number:,}: {each.why.value}{about}")
    if preview.refused > _SHOWN:
        lines.append(f"and {preview.refused - _SHOWN:,} more")
    if preview.lacking:
        lines.append(f"columns that the file lacks: {', '.join(map(visible, preview.lacking))}")
    if preview.obstacle:
        lines.append(f"nothing was written: {preview.obstacle}")
    elif run is None:
        lines.append(f"would write {preview.will_write:,}; --yes writes it")
    else:
        lines.append(_run_text(run))
    return "\n".join(lines)


def _given_up_text(run: str, told: GivenUp) -> str:
    lines = [f"given up: {visible(told.reason)}"]
    if not told.begun:
        lines.append("whether it wrote anything is unknown" if told.tables else "it wrote nothing")
    elif told.taken_back:
        lines.append(f"what it wrote was taken back, under {told.left:,} names others wrote since")
    else:
        at_least = _UNKNOWN if told.at_least is None else f"at least {told.at_least:,}"
        rows = _UNKNOWN if told.rows is None else f"{told.rows:,}"
        lines.append(f"rows written, which stay: {at_least} of {rows}")
    if told.tables:
        lines.append(f"tables that may be left in ClickHouse: {STAGING}{run}…")
    return "\n".join(lines)


def _run_text(run: Run) -> str:
    if run.state is State.DONE:
        return f"written: {run.written:,} new, {run.replaced:,} replaced"
    ends = {
        State.UNDONE: "what was written was taken back",
        State.HALF: f"and not all was taken back: kato-tenants import take-back {run.id}",
    }
    return f"failed: {visible(run.problem)}; {ends.get(run.state, run.state.value)}"
