"""`kato-tenants`: start the dashboard, and do from a shell what scripts need.

Exit codes: 0 done, 1 it could not be done, 2 wrong settings or arguments, 3 the embedded
engines are in use by another process. `audit` ends with 1 for what it found, and with 2 where it
could not look.
"""

from __future__ import annotations

import locale
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli.desk import Named, choose, load_settings, to_the_front
from cli.errors import EXIT_FAILED, EXIT_SETTINGS, fail, one_line_errors

_UTF8 = "utf-8"
_GROUPS = {
    "bill": "cli.bill", "limits": "cli.limits", "purge": "cli.purge", "log": "cli.audit_log",
    "names": "cli.names", "alerts": "cli.alerts", "retention": "cli.retention",
    "archive": "cli.archive", "card": "cli.cards", "restore": "cli.restore", "tenant": "cli.setup",
    "import": "cli.imports", "backups": "cli.backups", "park": "cli.parking",
    "unpark": "cli.unparking", "move": "cli.move", "apart": "cli.apart", "audit": "cli.isolation",
    "deployments": "cli.deployments",
    "instance": "cli.instances",
}  # fmt: skip
"""Where commands that have commands of their own are."""

AsJson = Annotated[bool, typer.Option("--json", help="Print the documented JSON.")]
Quantity = Annotated[
    str,
    typer.Option("--measure", help="patterns, keys, vectors, sessions; with _bytes their size."),
]
Since = Annotated[str, typer.Option("--from", help="A time, or a span before now.")]
Until = Annotated[str, typer.Option("--to", help="A time, or a span before now.")]


class _Commands(TyperGroup):
    """All commands; a group is imported when it is used, or when all are listed."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the options of the whole program."""
        return super().parse_args(ctx, to_the_front(args))

    def list_commands(self, ctx: Any) -> list[str]:
        """Name them."""
        return [*super().list_commands(ctx), *_GROUPS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return one by its name."""
        if cmd_name not in _GROUPS:
            return super().get_command(ctx, cmd_name)
        group = typer.main.get_command(import_module(_GROUPS[cmd_name]).app)
        group.name = cmd_name
        return group


app = typer.Typer(cls=_Commands, no_args_is_help=True, add_completion=False)


@app.callback(help=__doc__)
def whole(deployment: Named = "") -> None:
    """Take what is said of every command."""
    choose(deployment)


@app.command()
def run(
    *,
    sample: Annotated[
        bool, typer.Option("--sample", help="Fill empty embedded engines with a sample fleet.")
    ] = False,
    empty: Annotated[
        bool, typer.Option("--empty", help="Start with empty embedded engines.")
    ] = False,
    port: Annotated[
        int, typer.Option(envvar="STREAMLIT_SERVER_PORT", help="TCP port to listen on.")
    ] = 8501,
    address: Annotated[
        str, typer.Option(envvar="STREAMLIT_SERVER_ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    headless: Annotated[bool, typer.Option("--headless", help="Do not open a browser.")] = False,
) -> None:
    """Start the dashboard."""
    if sample and empty:
        fail("--sample and --empty exclude each other", EXIT_SETTINGS)
    from cli import serve

    if sample or empty:
        os.environ["KATO_TENANTS_FILL"] = "sample" if sample else "empty"
    with one_line_errors():
        # an address out of a file may have a newline
        command = serve.command(address.strip(), port=port, headless=headless)
    serve.become(command)


@app.command("load")
def load_command(
    directory: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="A capture directory.")
    ],
    *,
    merge: Annotated[bool, typer.Option("--merge", help="Mix into data that is there.")] = False,
) -> None:
    """Load a capture directory into the embedded or the configured stores."""
    from cli import load

    with one_line_errors():
        typer.echo(load.load(directory, load_settings(), merge=merge))


@app.command("usage")
def usage_command(
    *,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one line an owner.")] = False,
    fail_on_unknown: Annotated[
        bool,
        typer.Option(
            "--fail-on-unknown", help="Exit 1 where a configured store was not read to the end."
        ),
    ] = False,
    at: Annotated[
        str, typer.Option("--at", help="As it was kept of a time, or a span before now.")
    ] = "",
) -> None:
    """Print the usage of every tenant."""
    if as_json and as_csv:
        fail("--json and --csv exclude each other", EXIT_SETTINGS)
    with one_line_errors():
        if at:
            from cli import usage_then as then

            shape = then.json_text if as_json else then.csv_text if as_csv else then.table_text
            text, is_known = then.collect(load_settings(), at, shape)
        else:
            from cli import usage as now

            form = now.json_text if as_json else now.csv_text if as_csv else now.table_text
            text, is_known = now.collect(load_settings(), form)
        typer.echo(text)
    if fail_on_unknown and not is_known:
        raise typer.Exit(EXIT_FAILED)


@app.command("history")
def history_command(
    *,
    tenant: Annotated[
        str, typer.Option(help="Whose, as kind/id: tenant/acme; or fleet, shared or unowned.")
    ],
    measure: Quantity = "patterns",
    since: Since = "7d",
    until: Until = "1s",
    step: Annotated[str, typer.Option(help="The length of each span, as 30min, 1h or 1d.")] = "1h",
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one line a span.")] = False,
    parquet: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write a Parquet file, for programs.")
    ] = None,
    forecast: Annotated[
        bool, typer.Option("--forecast", help="Also print what is coming; not with --csv.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(help="Also print when this much will be reached.", min=1)
    ] = None,
) -> None:
    """Print what a tenant had over time, as far as it was recorded. No store is asked."""
    from cli import history
    from services.history.formats import holder_named

    forecast = forecast or limit is not None
    if as_json + as_csv + (parquet is not None) > 1:
        fail("--json, --csv and --parquet exclude each other", EXIT_SETTINGS)
    if forecast and (as_csv or parquet is not None):
        fail(
            f"{'--csv' if as_csv else '--parquet'} and --forecast exclude each other", EXIT_SETTINGS
        )
    shape = history.json_text if as_json else history.csv_of if as_csv else history.table_text
    with one_line_errors():
        found = history.asked_of(
            load_settings(), holder_named(tenant), measure, since=since, until=until, step=step,
            forecast=forecast, limit=limit,
        )  # fmt: skip
        if parquet is not None:
            history.write_parquet(parquet, found.cells)
        else:
            typer.echo(shape(found))


@app.command("movers")
def movers_command(
    *,
    measure: Quantity = "patterns",
    since: Since = "7d",
    until: Until = "1s",
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one line an owner.")] = False,
) -> None:
    """Print who grew and who shrank between two moments, as far as recorded. No store is asked."""
    from cli import movers

    if as_json and as_csv:
        fail("--json and --csv exclude each other", EXIT_SETTINGS)
    shape = movers.json_text if as_json else movers.csv_of if as_csv else movers.table_text
    with one_line_errors():
        typer.echo(shape(movers.between(load_settings(), measure, since=since, until=until)))


@app.command("doctor")
def doctor_command(
    *,
    as_json: AsJson = False,
) -> None:
    """Try every connection and what a pass asks of it. Exit 1 when one is not well."""
    from cli import doctor

    with one_line_errors():
        shape = doctor.json_text if as_json else doctor.text
        text, well = doctor.examine(load_settings(), shape)
        typer.echo(text)
    if not well:
        raise typer.Exit(EXIT_FAILED)


@app.command("rotate-keys")
def rotate_keys_command() -> None:
    """Re-encrypt sensitive metadata with the first key. Exit 1 when some could not be."""
    from cli import rotate_keys as rotate

    with one_line_errors():
        text, done = rotate.rotate(load_settings())
        typer.echo(text)
    if not done:
        raise typer.Exit(EXIT_FAILED)


@app.command("value")
def value_command(
    tenant: Annotated[str, typer.Argument(help="The tenant, as kind/id: tenant/acme.")],
    key: Annotated[str, typer.Argument(help="The Redis key, as it is stored or as pages show it.")],
) -> None:
    """Write one Redis key's whole value: a string's bytes, else a line of JSON a member."""
    from cli import value

    with one_line_errors():
        value.write(load_settings(), tenant, key, sys.stdout.buffer)


@app.command("canary")
def canary_command(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before writing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Prove with throwaway tenants that neither reads what is the other's.

    It writes into the deployment, under names that begin with canary- or canary_ and 8 random hex
    digits: three sessions through KATO's API, which end by themselves after 15 minutes; six rows of
    patterns_data; about 30 Redis keys, which expire after an hour; two Qdrant collections with six
    points; and three node_ids in this product's own records. Then it cleans up and looks again. What
    a killed run leaves behind, the next one takes away.

    Exit codes: 0 passed, 1 something leaked or was not cleaned up, 2 it could not be known.
    """  # noqa: E501  the lines are broken as they are shown
    from cli import canary

    if not yes and not canary.agreed():
        fail("nothing was written", canary.EXIT_UNKNOWN)
    with one_line_errors(failed=canary.EXIT_UNKNOWN):
        text, code = canary.canary(load_settings(), as_json=as_json)
    typer.echo(text)
    if code:
        raise typer.Exit(code)


def main() -> None:
    """Run the command line, in Python's UTF-8 mode whatever the locale.

    Qdrant's local mode writes names as the locale says, and most cannot write every name.
    """
    if sys.getfilesystemencoding() != _UTF8 or locale.getpreferredencoding().lower() != _UTF8:
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, "-m", "cli", *sys.argv[1:]])  # noqa: S606  as above
    app()
