"""`kato-tenants archive`: take archives of tenants, prove them, list them.

Exit codes: 0 done, 1 it could not be done, an archive is not as it was written, or the stores are
not as it is, 2 wrong settings or arguments, 3 the embedded engines are in use by another process.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli import desk, progress
from cli.archive_text import (
    archive_text,
    archives_text,
    files_text,
    plan_text,
    proof_text,
    removal_text,
    shown_text,
)
from cli.desk import load_settings
from cli.errors import EXIT_FAILED, fail, one_line_errors
from cli.restore import restore_command
from services.archive.access import DeskArchive
from services.archive.listed import archive_json, archives_json, proof_json, shown_json
from services.archive.models import State
from services.purge.formats import plan_json
from services.purge.models import Request, Target
from services.tenancy.kb_ids import TenantKey
from services.visible import visible

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
app.command("restore")(restore_command)

AsJson = Annotated[bool, typer.Option("--json", help="Print the documented JSON.")]
Which = Annotated[
    str, typer.Argument(help="An archive's id, the name of its file, or the file's address.")
]


@contextmanager
def _service() -> Iterator[DeskArchive]:
    with one_line_errors(), desk.opened(load_settings()) as found:
        yield found.archives


@app.command("create")
def create_command(
    *,
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="A tenant, as kind/id: tenant/acme.")
    ] = None,
    node: Annotated[str | None, typer.Option("--node", help="Only this node_id of it.")] = None,
    user: Annotated[
        str | None, typer.Option("--user", help="Only this user; without --tenant, of all.")
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option("--include", help="A kb_id that would be left out, to be in it all the same."),
    ] = None,
    include_guessed: Annotated[
        bool,
        typer.Option(
            "--include-guessed",
            help="Take in what is guessed from the name and could be no other tenant's.",
        ),
    ] = False,
    to: Annotated[
        str, typer.Option("--to", help="A folder or URL; else that of KATO_TENANTS_ARCHIVES.")
    ] = "",
    quiesce: Annotated[
        bool, typer.Option("--quiesce", help="End its sessions first; they are in the archive.")
    ] = False,
    parquet: Annotated[
        Path | None,
        typer.Option(
            "--parquet",
            exists=True,
            file_okay=False,
            help="A folder that is there, for its rows as Parquet once it is proven.",
        ),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, or the ticket.")] = "asked for",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be in it, and take none.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take an archive, and prove it by reading it back."""
    key = TenantKey.parse(tenant) if tenant else None
    request = Request(
        Target(tenant=key, node_id=node, user=user), included=frozenset(include or ()),
        include_inferred=include_guessed,
    )  # fmt: skip
    with _service() as archives:
        if dry_run:
            plan = archives.plan(request)
            typer.echo(plan_json(plan) if as_json else plan_text(plan))
            return
        begun = archives.begin(request, reason=reason, to=to, quiesce=quiesce)
        ended = archives.run_here(begun.id)
        job = archives.job(begun.id)
        if parquet is not None and ended.state is State.PROVEN:
            archives.export(ended.id, parquet)
    typer.echo(json.dumps(archive_json(ended), indent=2) if as_json else archive_text(ended, job))
    if ended.state is not State.PROVEN:
        raise typer.Exit(EXIT_FAILED)


@app.command("list")
def list_command(
    *,
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Only those with this tenant's data.")
    ] = None,
    place: Annotated[
        str, typer.Option("--at", help="What lies in a folder or at a URL instead.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Print the archives that are known, newest first, or the files in a place."""
    with _service() as archives:
        if place:
            files = archives.files(place)
            found = [{"name": each.name, "bytes": each.bytes} for each in files]
            typer.echo(json.dumps({"files": found}, indent=2) if as_json else files_text(files))
            return
        known = [each for each in archives.archives() if not tenant or tenant in each.tenants]
    typer.echo(json.dumps(archives_json(known), indent=2) if as_json else archives_text(known))


@app.command("show")
def show_command(which: Which, *, as_json: AsJson = False) -> None:
    """Print what an archive says of itself, without reading its content."""
    with _service() as archives:
        head, manifest = archives.show_file(which) if "/" in which else archives.show(which)
    shown = shown_json(head, manifest)
    typer.echo(json.dumps(shown, indent=2) if as_json else shown_text(head, manifest))


@app.command("export")
def export_command(
    which: Annotated[str, typer.Argument(help="An archive's id, or the name of its file.")],
    *,
    to: Annotated[
        Path, typer.Option("--to", exists=True, file_okay=False, help="A folder that is there.")
    ],
    as_json: AsJson = False,
) -> None:
    """Write an archive's rows as Parquet files, for reading elsewhere: none is restored from."""
    with _service() as archives:
        files = archives.export(which, to)
    told = [{"part": each.part, "file": each.file, "rows": each.rows} for each in files]
    lines = "\n".join(f"{visible(each.file)}: {each.rows:,} rows" for each in files)
    typer.echo(json.dumps({"files": told}, indent=2) if as_json else lines or "it has no rows")


@app.command("remove")
def remove_command(
    which: Annotated[str, typer.Argument(help="An archive's id, or the name of its file.")],
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why, or the ticket.")],
    confirm: Annotated[
        str, typer.Option("--confirm", help="The name of its file; without, nothing is removed.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Delete an archive's file for good. That it was there stays known, with by whom and why."""
    with _service() as archives:
        found = archives.removal(which)
        if confirm != found.archive.name:
            typer.echo(removal_text(found))
            fail(f"nothing was removed: give --confirm {found.archive.name}", EXIT_FAILED)
        gone = archives.remove(found.archive.id, reason=reason)
    said = f"{gone.name}: {gone.state.value}\nid: {gone.id}"
    typer.echo(json.dumps(archive_json(gone), indent=2) if as_json else said)


@app.command("verify")
def verify_command(
    which: Which,
    *,
    stores: Annotated[
        bool, typer.Option("--stores", help="Compare with what the stores hold now.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read an archive back and prove it. Exit 1 where it is not as it was written."""
    with _service() as archives:
        verify = archives.verify_file if "/" in which else archives.verify
        with progress.told() as hears:
            proof = verify(which, stores=stores, hears=hears)
    typer.echo(json.dumps(proof_json(proof), indent=2) if as_json else proof_text(proof))
    if proof.differences:
        raise typer.Exit(EXIT_FAILED)
