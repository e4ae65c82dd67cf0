"""`kato-tenants usage`: the whole fleet's usage as text, JSON or CSV."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from cli import desk
from cli.history import aligned, moment_of
from services import spreadsheet
from services.access.viewer import Action
from services.figures import Amount, Measure, Usage
from services.history import formats as past
from services.history.read import Then
from services.settings.environment import Settings
from services.spreadsheet import neutral
from services.tenancy.claims import CLAIM_WORDS, ClaimState
from services.usage import formats
from services.usage.snapshot import Snapshot
from services.visible import visible

_NAMES = 2  # the columns that hold words


def collect(settings: Settings, shape: Callable[[Snapshot], str]) -> tuple[str, bool]:
    """Collect once; return the snapshot in the given shape, and whether all stores were read.

    One that is not configured is not meant to be. Raises KatoTenantsError.
    """
    with (
        desk.opened(settings) as found,
        found.gate.doing(Action.EXPORT, target="the usage of every tenant"),
    ):
        snapshot = found.fleet.read()
        return shape(snapshot), all(figures.unread is None for figures in snapshot.stores.values())


def at_moment(settings: Settings, time: str, shape: Callable[[Then], str]) -> tuple[str, bool]:
    """Return in the given shape what is kept of a moment, and whether all of it was known.

    No store is asked. Raises KatoTenantsError.
    """
    moment = moment_of("--at", time)
    target = f"the usage of every tenant at {formats.stamp(moment)}"
    with (
        desk.opened_alone(settings) as alone,
        alone.gate.doing(Action.EXPORT, target=target),
    ):
        then = alone.history.kept_at(moment)
        return shape(then), not any(past.reason_of(then, measure) for measure in Measure)


def then_json(then: Then) -> str:
    """Return the documented JSON, ASCII only."""
    return json.dumps(past.then_as_json(then), indent=2)


def then_csv(then: Then) -> str:
    """Return one line an owner; an empty field was not known."""
    lines = (
        (kind, tenant and neutral(visible(str(tenant))), *figures)
        for kind, tenant, *figures in past.then_rows(then)
    )
    return spreadsheet.csv_text((past.THEN_COLUMNS, *lines)).removesuffix("\n")


def then_table(then: Then) -> str:
    """Return a table for people."""
    rows: list[tuple[str, ...]] = [("OWNER", *(measure.upper() for measure in Measure))]
    for kind, tenant, *figures in past.then_rows(then):
        counts = ("unknown" if count is None else f"{count:,}" for count in figures[::2])
        rows.append((visible(str(tenant)) if tenant else f"({kind})", *counts))
    whys = ((measure, past.reason_of(then, measure)) for measure in Measure)
    unknown = (f"{measure}: unknown, {visible(why)}" for measure, why in whys if why)
    at = f"At {formats.stamp(then.at)}"
    return "\n".join((at, aligned(rows, right_from=1), *unknown))


def json_text(snapshot: Snapshot) -> str:
    """Return the documented JSON, ASCII only: names can hold any bytes."""
    return json.dumps(formats.as_json(snapshot), indent=2)


def csv_text(snapshot: Snapshot) -> str:
    """Return one line an owner."""
    return formats.as_csv(snapshot).removesuffix("\n")


def table_text(snapshot: Snapshot) -> str:
    """Return a table for people."""
    rows = list(_rows(snapshot))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [_aligned(row, widths) for row in rows]
    problems = [
        f"{m.value}: {f.state.value.replace('_', ' ')}, {visible(str(f.reason))}"
        for m, f in snapshot.stores.items()
        if f.reason
    ]
    unread = [measure.value for measure in snapshot.in_part]
    if unread:
        problems.append(f"there may be more tenants: {', '.join(unread)} not read to the end")
    return "\n".join((*lines, *problems))


def _rows(snapshot: Snapshot) -> Iterator[tuple[str, ...]]:
    yield ("TENANT", "OWNERSHIP", *(measure.value.upper() for measure in Measure))
    for tenant in snapshot.tenants:
        yield (visible(str(tenant.tenant)), CLAIM_WORDS[tenant.claim], *_counts(tenant.usage))
    for part in snapshot.shared:
        yield (visible(part.name), CLAIM_WORDS[ClaimState.SHARED], *_counts(part.usage))
    yield ("(unowned)", "", *_counts(snapshot.unattributed.usage))
    totals = (snapshot.stores[measure].total for measure in Measure)
    yield ("TOTAL", "", *map(_count, totals))


def _counts(usage: Usage) -> Iterator[str]:
    return (_count(usage.of(measure)) for measure in Measure)


def _count(amount: Amount | None) -> str:
    return "unknown" if amount is None else f"{amount.count:,}"


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    """Names to the left, numbers to the right."""
    words = [
        cell.ljust(width) if i < _NAMES else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(words).rstrip()
