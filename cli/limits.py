"""`kato-tenants limits`: how much tenants should have at most, and who is near or over.

Only `check`, and `--dry-run`, read the stores. Exit codes: 0 done, 1 it could not be done, or some
lines of an import were not taken, 2 wrong settings or arguments. `check` ends with 1 for what it
found, and with 2 where it could not look.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from cli import desk, files
from cli.desk import load_settings
from cli.errors import EXIT_FAILED, EXIT_SETTINGS, one_line_errors
from cli.limits_text import counts_text, rules_text, standings_text
from services.access.viewer import Action
from services.cards.csv_file import Refused
from services.errors import LimitsError
from services.limits.formats import changes_json, rules_json, standings_json
from services.limits.models import Rule, Standing, State
from services.limits.preview import Changes, Preview
from services.limits.written import csv_of, quantity_of, read, rule_of, scope_of
from services.visible import visible

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

Scope = Annotated[
    str,
    typer.Argument(
        metavar="FOR", help="tenant/acme, label:plan=gold, org/* for a kind, or * for every one."
    ),
]
Quantity = Annotated[
    str,
    typer.Argument(
        metavar="MEASURE",
        help="patterns, keys, vectors or sessions, each also with _bytes; keys:prediction (or "
        "another kind), or keys:prediction_bytes.",
    ),
]
Why = Annotated[str, typer.Option("--why", help="Why; it is kept and logged.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what it would come to, and change nothing.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the documented JSON.")]


@app.command("list")
def list_command(*, as_json: AsJson = False) -> None:
    """Print every limit that is set."""
    with one_line_errors(), desk.opened_alone(load_settings()) as alone:
        kept = alone.limits.rules()
    typer.echo(json.dumps(rules_json(kept), indent=2) if as_json else rules_text(kept))


@app.command("check")
def check_command(
    *,
    fail_on: Annotated[
        State | None,
        typer.Option(help="Exit 1 where a tenant is over, or near: near counts both."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print how much of each limit each tenant uses, the gravest first."""
    if fail_on not in (None, State.OVER, State.NEAR):
        raise typer.BadParameter("over or near", param_hint="--fail-on")
    with (
        one_line_errors(failed=EXIT_SETTINGS),
        desk.opened(load_settings()) as found,
        found.gate.doing(Action.EXPORT, target="how much of each limit each tenant uses"),
    ):
        standings = found.limits.standings(found.fleet.read())
    every = [each for mine in standings.by_tenant.values() for each in mine]
    every.sort(key=lambda each: each.state.rank)
    typer.echo(json.dumps(standings_json(every), indent=2) if as_json else standings_text(every))
    raise typer.Exit(_code(every, fail_on))


def _code(found: Sequence[Standing], fail_on: State | None) -> int:
    if fail_on is None:
        return 0
    if any(each.state.rank <= fail_on.rank for each in found):
        return EXIT_FAILED
    return EXIT_SETTINGS if any(each.state is State.UNKNOWN for each in found) else 0


@app.command("set")
def set_command(
    scope: Scope,
    measure: Quantity,
    limit: Annotated[
        str, typer.Argument(help="A whole number, of bytes also 5GB or 5GiB; or none.")
    ],
    *,
    why: Why = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Set a limit, in place of the one that is set for the same; none takes wider ones away."""
    with one_line_errors(failed=EXIT_SETTINGS):
        rule = rule_of(scope, measure, limit)
    with one_line_errors():
        _change(Changes((rule,)), why=why, dry_run=dry_run, as_json=as_json)


@app.command("remove")
def remove_command(
    scope: Scope, measure: Quantity, *, why: Why = "", dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Remove a limit: the next wider one holds again."""
    with one_line_errors(failed=EXIT_SETTINGS):
        key = scope_of(scope), quantity_of(measure)
    with one_line_errors():
        changed = _change(Changes((), (key,)), why=why, dry_run=dry_run, as_json=as_json)
        if not changed:
            raise LimitsError(f"there is no limit of {measure} for {scope}")


@app.command("import")
def import_command(
    file: Annotated[
        str, typer.Argument(help="CSV with for, measure and limit; - reads standard input.")
    ],
    *,
    instead: Annotated[
        bool, typer.Option("--instead", help="Remove every limit that is not in the file.")
    ] = False,
    why: Why = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Set the limits of a file. With --instead nothing is done unless all of it can be taken."""
    with one_line_errors():
        lines = read(files.read(file, LimitsError))
        rules = tuple(line for line in lines if isinstance(line, Rule))
        refused = [line for line in lines if isinstance(line, Refused)]
        for line in refused:
            typer.echo(f"line {line.number:,}, refused: {visible(line.why)}", err=True)
        if refused and instead:
            raise LimitsError("nothing was changed: not every line can be taken")
        _change(
            Changes(rules), why=why, dry_run=dry_run, as_json=as_json, instead=instead,
            refused=len(refused),
        )  # fmt: skip
    if refused:
        raise typer.Exit(EXIT_FAILED)


@app.command("export")
def export_command() -> None:
    """Print every limit as CSV, to import again."""
    with (
        one_line_errors(),
        desk.opened_alone(load_settings()) as alone,
        alone.gate.doing(Action.EXPORT, target="limits"),
    ):
        sys.stdout.buffer.write(csv_of(alone.limits.rules()))
        sys.stdout.buffer.flush()


def _change(
    changes: Changes, *, why: str, dry_run: bool, as_json: bool, instead: bool = False,
    refused: int = 0,
) -> Changes:  # fmt: skip
    """Make changes, or say what they would come to; return what of them is one."""
    would: Preview | None = None
    if dry_run:
        with desk.opened(load_settings()) as found:
            asked = found.limits.instead(changes.put) if instead else changes
            would = found.limits.preview(found.fleet.read(), asked)
            done = would.changes
    else:
        with desk.opened_alone(load_settings()) as alone:
            asked = alone.limits.instead(changes.put) if instead else changes
            done = alone.limits.change(asked, why=why)
    put, removed = len(done.put), len(done.removed)
    if as_json:
        told = changes_json(would, put=put, removed=removed, refused=refused)
        typer.echo(json.dumps(told, indent=2))
    else:
        typer.echo(counts_text(would, put=put, removed=removed))
    return done
