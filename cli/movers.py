"""`kato-tenants movers`: who grew and who shrank, out of this product's own records alone."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cli import desk
from cli.history import asked
from cli.printed import aligned
from services.access.viewer import Action
from services.history import formats
from services.history.movers import Move, Movers
from services.settings.environment import Settings
from services.spreadsheet import csv_text, neutral
from services.usage.formats import stamp
from services.visible import visible


def between(settings: Settings, quantity: str, *, since: str, until: str) -> Movers:
    """Compare two moments. Raises KatoTenantsError."""
    began, ended = asked(quantity, since=since, until=until)
    with (
        desk.opened_alone(settings) as alone,
        alone.gate.doing(Action.EXPORT, target=f"movers of {quantity}"),
    ):
        return alone.history.movers(began, ended, quantity)


def json_text(found: Movers) -> str:
    """Return the documented JSON."""
    return json.dumps(formats.movers_as_json(found), indent=2)


def csv_of(found: Movers) -> str:
    """Return one line an owner; nothing but the heading where it is not known."""
    lines = (
        (holder, tenant and neutral(visible(str(tenant))), *figures)
        for holder, tenant, *figures in formats.mover_rows(found)
    )
    return csv_text((formats.MOVER_COLUMNS, *lines)).removesuffix("\n")


def table_text(found: Movers) -> str:
    """Return one line an owner, for people, and the fleet's below."""
    if found.unknown:
        began, ended = stamp(found.began), stamp(found.ended)
        return f"{found.quantity} unknown from {began} to {ended}: {visible(found.unknown)}"
    heading = ("OWNER", f"{stamp(found.began)}", f"{stamp(found.ended)}", "CHANGE", "PER CENT")
    return aligned([heading, *_rows(found)])


def _rows(found: Movers) -> Iterator[tuple[str, ...]]:
    for move in (*found.moves, *((found.fleet,) if found.fleet else ())):
        name = visible(move.holder.tenant) or move.holder.kind.value
        yield (
            name,
            f"{move.before.value:,}",
            f"{move.after.value:,}",
            f"{move.change:+,}",
            _per(move),
        )


def _per(move: Move) -> str:
    if move.is_new:
        return "new" if move.change else ""
    return "gone" if move.is_gone else str(formats.per_cent(move))
