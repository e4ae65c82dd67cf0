"""`kato-tenants history`: what a tenant had when, out of this product's own records alone."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cli import desk, files
from cli.printed import aligned, plain
from services.access.viewer import Action
from services.errors import SettingsError
from services.figures import Measure
from services.history import formats
from services.history.forecast import Forecast, Reach, reached
from services.history.models import PREDICTION_BYTES, Cell, Holder, looked_at, quantities_of
from services.settings.environment import Settings
from services.spreadsheet import csv_text
from services.usage.formats import stamp
from services.visible import visible

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_SPAN = re.compile(r"([1-9]\d{0,6})(s|min|h|d)")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a figure did, and what is coming, if that was asked for, with a limit or without."""

    holder: Holder
    quantity: str
    cells: tuple[Cell, ...]
    forecast: Forecast | None = None
    limit: int | None = None
    made_up_until: datetime | None = None


def asked_of(
    settings: Settings, holder: Holder, quantity: str, *, since: str, until: str, step: str,
    forecast: bool = False, limit: int | None = None,
) -> Asked:  # fmt: skip
    """Return what a figure did in each step, and what is coming. Raises KatoTenantsError."""
    began, ended = asked(quantity, since=since, until=until)
    with (
        desk.opened_alone(settings) as alone,
        alone.gate.doing(Action.EXPORT, target=f"history of {quantity} of {holder.tenant}"),
    ):
        cells = alone.history.series(holder, quantity, began, ended, seconds_of("--step", step))
        coming = alone.history.forecast(holder, quantity) if forecast else None
        return Asked(holder, quantity, cells, coming, limit, alone.history.made_up_until())


def asked(quantity: str, *, since: str, until: str) -> tuple[datetime, datetime]:
    """Read of which time it is to be, and whether there is such a figure. Raises SettingsError."""
    known = {PREDICTION_BYTES, *(each for m in Measure for each in quantities_of(m))}
    if looked_at(quantity) not in known:
        raise SettingsError("--measure", "is none of " + ", ".join((*Measure, PREDICTION_BYTES)))
    began, ended = moment_of("--from", since), moment_of("--to", until)
    if began >= ended:
        raise SettingsError("--from", "has to be before --to")
    return began, ended


def moment_of(option: str, text: str) -> datetime:
    """Read a time: ISO 8601, in UTC where it names no zone, or a span before now, as `7d`."""
    if _SPAN.fullmatch(text):
        return datetime.now(UTC) - timedelta(seconds=seconds_of(option, text))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(option, "is no time, as 2026-01-31T12:00Z or 7d") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def seconds_of(option: str, text: str) -> int:
    """Read a span: a whole number and s, min, h or d. Raises SettingsError."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise SettingsError(option, "is no span, as 30min, 1h or 7d")
    return int(found[1]) * _UNITS[found[2]]


def json_text(found: Asked) -> str:
    """Return the documented JSON."""
    text = formats.as_json(found.holder, found.quantity, found.cells, found.made_up_until)
    if found.forecast is not None:
        text = {**text, "forecast": formats.forecast_as_json(found.forecast, found.limit)}
    return json.dumps(text, indent=2)


def csv_of(found: Asked) -> str:
    """Return one line a span; an empty field is not known."""
    lines = (map(plain, row) for row in formats.rows(found.cells))
    return csv_text((formats.COLUMNS, *lines)).removesuffix("\n")


def write_parquet(path: Path, cells: Sequence[Cell]) -> None:
    """Write a Parquet file of one row a span. Raises SettingsError."""
    from services.history.parquet import as_parquet  # noqa: PLC0415  its library, for this alone

    files.write(path, "--parquet", as_parquet(cells))


def table_text(found: Asked) -> str:
    """Return one line a span, for people, and below what is coming, if that was asked for."""
    table = aligned([("FROM", "LAST", "MIN", "MAX", "MEAN", "KNOWN"), *map(_row, found.cells)])
    if found.made_up_until is not None:
        table += f"\n\nSample data: all before {stamp(found.made_up_until)} is made up."
    return table if found.forecast is None else f"{table}\n\n{_coming(found.forecast, found.limit)}"


def _coming(found: Forecast, limit: int | None) -> str:
    if found.line is None:
        return f"What is coming cannot be said: {formats.why_unsaid(found)}."
    growth = found.line.growth
    text = (
        f"Growth per day: {growth.mid:+,.1f} ({growth.low:+,.1f} to {growth.high:+,.1f} in 8 of 10 "
        f"cases), by {found.days:,} days."
    )
    return text if limit is None else f"{text}\n{_reached(found, limit)}"


def _reached(found: Forecast, limit: int) -> str:
    comes = reached(found, limit)
    if comes.state is Reach.REACHED:
        return f"{limit:,} is reached."
    if comes.state is Reach.NOT_WITHIN:
        return f"{limit:,} is not reached by {found.until:%Y-%m-%d}; nothing is said of later."
    words = [f"{limit:,} is reached at the earliest on {comes.earliest:%Y-%m-%d}"]
    if comes.likely is not None:
        words.append(f"likely on {comes.likely:%Y-%m-%d}")
    last = f"on {comes.latest:%Y-%m-%d}" if comes.latest else f"not by {found.until:%Y-%m-%d}"
    return ", ".join([*words, f"at the latest {last}."])


def _row(cell: Cell) -> tuple[str, ...]:
    began, did = cell.began.strftime("%Y-%m-%dT%H:%M:%SZ"), cell.rollup
    if did is None:
        return began, "unknown", "", "", "", visible(cell.reason) or "nobody looked"
    mean, margin = formats.mean_of(cell) or "", f" ± {cell.margin:,}" if cell.margin else ""
    figures = (f"{did.last:,}{margin}", f"{did.least:,}", f"{did.most:,}", mean)
    return began, *figures, f"{cell.share:.0%}"
