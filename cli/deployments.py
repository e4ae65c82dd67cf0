"""`kato-tenants deployments`: how each of several deployments is, all read at the same time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Annotated

import typer

from cli import desk
from cli.errors import EXIT_FAILED, one_line_errors
from cli.printed import aligned
from services.deployments.formats import is_whole, rows, standings_json
from services.deployments.models import Standing, State
from services.deployments.overview import with_figures
from services.errors import KatoTenantsError
from services.settings.deployment_settings import Deployment, deployments_of
from services.settings.environment import Settings, load_settings
from services.usage.refresh import CollectorState
from services.visible import visible

app = typer.Typer(add_completion=False)


@app.command("deployments")
def deployments(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the documented JSON.")] = False,
    fail_on_unknown: Annotated[
        bool, typer.Option("--fail-on-unknown", help="Exit 1 where one was not read whole.")
    ] = False,
) -> None:
    """Print how each of several deployments is; all of them are read."""
    with one_line_errors():
        found = standings(load_settings())
        typer.echo((json_text if as_json else table_text)(found))
    if fail_on_unknown and not all(map(is_whole, found)):
        raise typer.Exit(EXIT_FAILED)


def standings(here: Settings) -> Sequence[Standing]:
    """Read every store of every deployment. Raises SettingsError where none can be told."""
    found = deployments_of(here)
    with ThreadPoolExecutor(here.deployments_at_once) as reading:
        return tuple(reading.map(_standing, found))


def _standing(found: Deployment) -> Standing:
    """Read one; what goes wrong with it is said, and leaves the others as they are."""
    known = Standing(found.name, found.color, found.labels, State.FAILED)
    if found.settings is None:
        return replace(known, problem=found.problem)
    try:
        with desk.opened(found.settings) as opened:
            return with_figures(known, CollectorState(opened.fleet.read()))
    except KatoTenantsError as exc:
        return replace(known, problem=str(exc))


def json_text(found: Sequence[Standing]) -> str:
    """Return the documented JSON, ASCII only."""
    return json.dumps(standings_json(found), indent=2)


def table_text(found: Sequence[Standing]) -> str:
    """Return a table for people, and under it what is wrong."""
    problems = [f"{each.name}: {visible(each.problem)}" for each in found if each.problem]
    down = [f"{each.name}: no figures of {', '.join(each.down)}" for each in found if each.down]
    return "\n".join([aligned(rows(found), right_from=2), *problems, *down])
