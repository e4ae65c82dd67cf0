"""`kato-tenants card`: what is said of a tenant, and whether its data has to be kept.

No command here reads the stores. Exit codes: 0 done, 1 it could not be done, or some lines of an
import were not taken, 2 wrong settings or arguments.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from cli import desk, files
from cli.cards_text import card_text, cards_text, changes_text
from cli.desk import load_settings
from cli.errors import EXIT_FAILED, EXIT_SETTINGS, one_line_errors
from services.access.viewer import Action
from services.cards.csv_file import Refused
from services.cards.formats import card_json, cards_json, changes_json
from services.cards.labels import contact_of, key_of, label_of, name_of, notes_of
from services.cards.models import CardError, Edit
from services.cards.written import csv_of, read, tenant_of
from services.visible import visible

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

Name = Annotated[str, typer.Argument(metavar="TENANT", help="As kind/id: tenant/acme.")]
Names = Annotated[list[str], typer.Argument(metavar="TENANT…", help="As kind/id: tenant/acme.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what it would come to, and change nothing.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the documented JSON.")]


@app.command("show")
def show_command(tenant: Name, *, as_json: AsJson = False) -> None:
    """Print one tenant's card: what it is called, its labels, whether it is on hold."""
    with one_line_errors(failed=EXIT_SETTINGS):
        key = tenant_of(tenant)
    with one_line_errors(), desk.opened_alone(load_settings()) as alone:
        card, doings = alone.cards.card(key), alone.cards.doings().get(key, ())
    said = card_json(card, doings)
    typer.echo(json.dumps(said, indent=2) if as_json else card_text(card, doings))


@app.command("list")
def list_command(
    *,
    label: Annotated[
        list[str] | None, typer.Option("--label", help="Those that have it: plan=gold.")
    ] = None,
    held: Annotated[bool, typer.Option("--held", help="Those that are on legal hold.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print every card on which anything stands; of several labels all have to be on it."""
    with one_line_errors(failed=EXIT_SETTINGS):
        wanted = [label_of(each) for each in label or ()]
    with one_line_errors(), desk.opened_alone(load_settings()) as alone:
        every, doings = alone.cards.cards(), alone.cards.doings()
    cards = [
        card for card in every.values()
        if all(each.on(card.labels) for each in wanted) and (card.hold or not held)
    ]  # fmt: skip
    said = cards_json(cards, doings)
    typer.echo(json.dumps(said, indent=2) if as_json else cards_text(cards, doings))


@app.command("set")
def set_command(
    tenant: Name,
    *,
    name: Annotated[str | None, typer.Option(help="What people call it; '' takes it away.")] = None,
    contact: Annotated[str | None, typer.Option(help="Whom to write to.")] = None,
    notes: Annotated[str | None, typer.Option(help="What else is to be known of it.")] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", help="A label to set: plan=gold.")
    ] = None,
    no_label: Annotated[
        list[str] | None, typer.Option("--no-label", help="A key to take away: plan.")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Change a tenant's card; what is not named stays as it is."""
    with one_line_errors(failed=EXIT_SETTINGS):
        labels: dict[str, str | None] = {key_of(each): None for each in no_label or ()}
        labels |= {each.key: each.value for each in map(label_of, label or ())}
        edit = Edit(
            tenant_of(tenant), None if name is None else name_of(name),
            None if contact is None else contact_of(contact),
            None if notes is None else notes_of(notes), labels,
        )  # fmt: skip
    with one_line_errors():
        _change([edit], dry_run=dry_run, as_json=as_json)


@app.command("hold")
def hold_command(
    tenants: Names,
    *,
    reason: Annotated[str, typer.Option(help="Why; it is kept and logged.")],
) -> None:
    """Put tenants on legal hold: nothing of them is erased until it is lifted."""
    with one_line_errors(failed=EXIT_SETTINGS):
        keys = list(map(tenant_of, tenants))
    with one_line_errors(), desk.opened_alone(load_settings()) as alone:
        alone.cards.hold(keys, reason=reason)
    typer.echo(f"on hold: {len(keys):,}")


@app.command("lift")
def lift_command(
    tenants: Names, *, why: Annotated[str, typer.Option(help="Why; it is logged.")]
) -> None:
    """Lift the legal holds of tenants."""
    with one_line_errors(failed=EXIT_SETTINGS):
        keys = list(map(tenant_of, tenants))
    with one_line_errors(), desk.opened_alone(load_settings()) as alone:
        alone.cards.lift(keys, why=why)
    typer.echo(f"no longer on hold: {len(keys):,}")


@app.command("import")
def import_command(
    file: Annotated[
        str, typer.Argument(help="CSV with tenant, and name, contact, labels or notes; - is stdin.")
    ],
    *,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Change the cards that a file names; a column that is not in it stays as it is."""
    with one_line_errors():
        lines = read(files.read(file, CardError))
        refused = [line for line in lines if isinstance(line, Refused)]
        for line in refused:
            typer.echo(f"line {line.number:,}, refused: {visible(line.why)}", err=True)
        edits = [line for line in lines if isinstance(line, Edit)]
        _change(edits, dry_run=dry_run, as_json=as_json, refused=len(refused))
    if refused:
        raise typer.Exit(EXIT_FAILED)


@app.command("export")
def export_command() -> None:
    """Print every card as CSV, to import again; holds are told and not imported."""
    with (
        one_line_errors(),
        desk.opened_alone(load_settings()) as alone,
        alone.gate.doing(Action.EXPORT, target="cards"),
    ):
        sys.stdout.buffer.write(csv_of(alone.cards.cards().values()))
        sys.stdout.buffer.flush()


def _change(edits: Sequence[Edit], *, dry_run: bool, as_json: bool, refused: int = 0) -> None:
    with desk.opened_alone(load_settings()) as alone:
        found = alone.cards.preview(edits) if dry_run else alone.cards.change(edits)
    if as_json:
        told = changes_json(found, refused=refused, done=not dry_run)
        typer.echo(json.dumps(told, indent=2))
    else:
        typer.echo(changes_text(found, done=not dry_run))
