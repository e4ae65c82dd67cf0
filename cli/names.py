"""`kato-tenants names`: import and export node_ids, and confirm whose a kb_id is.

Only `confirm` reads the stores. Exit codes: 0 done, 1 it could not be done, or some lines of an
import were not taken, 2 wrong settings or arguments.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from cli import desk, files
from cli.desk import load_settings
from cli.errors import EXIT_FAILED, EXIT_SETTINGS, fail, one_line_errors
from services.errors import NamesError
from services.names.formats import preview_json, preview_lines
from services.names.models import Format
from services.names.write import written
from services.tenancy.kb_ids import TenantKey
from services.visible import visible

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

TenantName = Annotated[str, typer.Argument(help="The tenant, as kind/id: tenant/acme.")]
Why = Annotated[str, typer.Option("--why", help="Why; it is kept and logged.")]


@app.command("import")
def import_command(
    file: Annotated[str, typer.Argument(help="Text, CSV or JSON Lines; - reads standard input.")],
    *,
    kind: Annotated[
        Format | None, typer.Option("--format", help="How it is written, where that is not seen.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would come to, and write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the documented JSON.")] = False,
) -> None:
    """Have node_ids count as seen: one a line, or with columns node_id, tenant and since."""
    with one_line_errors(), desk.opened_alone(load_settings()) as alone:
        data = files.read(file, NamesError)
        found = alone.names.preview(data, kind) if dry_run else alone.names.take(data, kind)
    if as_json:
        typer.echo(json.dumps(preview_json(found, imported=not dry_run), indent=2))
    else:
        typer.echo("\n".join(preview_lines(found, imported=not dry_run)))
    if not found.whole:
        raise typer.Exit(EXIT_FAILED)


@app.command("export")
def export_command(
    *,
    kind: Annotated[Format, typer.Option("--format", help="csv or jsonl.")] = Format.JSONL,
) -> None:
    """Print every node_id seen with its tenant and since when, to import again."""
    if kind is Format.TEXT:
        fail("names are exported as csv or jsonl", EXIT_SETTINGS)
    with (
        one_line_errors(),
        desk.opened_alone(load_settings()) as alone,
        alone.names.exporting() as names,
    ):
        for line in written(names, kind):
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()


@app.command("confirm")
def confirm_command(
    tenant: TenantName,
    kb_ids: Annotated[list[str] | None, typer.Argument(help="kb_ids, as they are stored.")] = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Every kb_id of it that no other tenant could hold.")
    ] = False,
    why: Why,
) -> None:
    """Confirm that kb_ids whose owner is only guessed from the name are a tenant's."""
    if bool(kb_ids) == everything:
        fail("name kb_ids, or say --all", EXIT_SETTINGS)
    with one_line_errors(), desk.opened(load_settings()) as found:
        owner = TenantKey.parse(tenant)
        there = found.names.candidates(found.fleet.read(), owner)
        wanted = [each.kb_id for each in there if each.alone] if everything else list(kb_ids or ())
        strange = sorted({*wanted} - {each.kb_id for each in there})
        if strange:
            raise NamesError(f"{strange[0]} cannot be confirmed to be of {tenant}: {_WHY_NOT}")
        if not wanted:
            raise NamesError(f"nothing of {tenant} is guessed that no other tenant could hold")
        found.names.confirm(owner, wanted, why=why)
    typer.echo("\n".join(f"confirmed for {visible(tenant)}: {visible(each)}" for each in wanted))


@app.command("revoke")
def revoke_command(
    tenant: TenantName,
    kb_ids: Annotated[list[str], typer.Argument(help="kb_ids, as they are stored.")],
    *,
    why: Why,
) -> None:
    """Take back what was confirmed of kb_ids: their evidence is again what it was."""
    with one_line_errors(), desk.opened_alone(load_settings()) as alone:
        alone.names.revoke(TenantKey.parse(tenant), kb_ids, why=why)
    typer.echo("\n".join(f"revoked for {visible(tenant)}: {visible(each)}" for each in kb_ids))


_WHY_NOT = "nothing is stored under it, it is seen or confirmed, or its name is others' alone"
