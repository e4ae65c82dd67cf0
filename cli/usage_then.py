"""`kato-tenants usage --at`: the whole fleet's usage at a moment of the past."""

from __future__ import annotations

import json
from collections.abc import Callable

from cli import desk
from cli.history import moment_of
from cli.printed import aligned
from services.access.viewer import Action
from services.figures import Measure
from services.history import formats
from services.history.read import Then
from services.settings.environment import Settings
from services.spreadsheet import csv_text as as_csv, neutral
from services.usage.formats import stamp
from services.visible import visible


def collect(settings: Settings, time: str, shape: Callable[[Then], str]) -> tuple[str, bool]:
    """Return in the given shape what is kept of a moment, and whether all of it was known.

    No store is asked. Raises KatoTenantsError.
    """
    moment = moment_of("--at", time)
    target = f"the usage of every tenant at {stamp(moment)}"
    with (
        desk.opened_alone(settings) as alone,
        alone.gate.doing(Action.EXPORT, target=target),
    ):
        then = alone.history.kept_at(moment)
        return shape(then), not any(formats.reason_of(then, measure) for measure in Measure)


def json_text(then: Then) -> str:
    """Return the documented JSON, ASCII only."""
    return json.dumps(formats.then_as_json(then), indent=2)


def csv_text(then: Then) -> str:
    """Return one line an owner; an empty field was not known."""
    lines = (
        (kind, tenant and neutral(visible(str(tenant))), *figures)
        for kind, tenant, *figures in formats.then_rows(then)
    )
    return as_csv((formats.THEN_COLUMNS, *lines)).removesuffix("\n")


def table_text(then: Then) -> str:
    """Return a table for people."""
    rows: list[tuple[str, ...]] = [("OWNER", *(measure.upper() for measure in Measure))]
    for kind, tenant, *figures in formats.then_rows(then):
        counts = ("unknown" if count is None else f"{count:,}" for count in figures[::2])
        rows.append((visible(str(tenant)) if tenant else f"({kind})", *counts))
    whys = ((measure, formats.reason_of(then, measure)) for measure in Measure)
    unknown = (f"{measure}: unknown, {visible(why)}" for measure, why in whys if why)
    at = f"At {stamp(then.at)}"
    return "\n".join((at, aligned(rows, right_from=1), *unknown))
