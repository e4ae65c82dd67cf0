"""`kato-tenants usage`: the whole fleet's usage as text, JSON or CSV."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from cli import desk
from services.access.viewer import Action
from services.figures import Amount, Measure, Usage
from services.settings.environment import Settings
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


def json_text(snapshot: Snapshot) -> str:
    """Return the documented JSON, ASCII only: names can hold any bytes."""
    return json.dumps(formats.as_json(snapshot), indent=2)


def csv_text(snapshot: Snapshot) -> str:
    """Return one line an owner."""
    from services.usage.csv_lines import as_csv  # noqa: PLC0415  for spreadsheets alone

    return as_csv(snapshot).removesuffix("\n")


def table_text(snapshot: Snapshot) -> str:
    """Return a table for people."""
    from cli.printed import aligned  # noqa: PLC0415  for people alone

    problems = [
        f"{m.value}: {f.state.value.replace('_', ' ')}, {visible(str(f.reason))}"
        for m, f in snapshot.stores.items()
        if f.reason
    ]
    unread = [measure.value for measure in snapshot.in_part]
    if unread:
        problems.append(f"there may be more tenants: {', '.join(unread)} not read to the end")
    return "\n".join((aligned(list(_rows(snapshot)), right_from=_NAMES), *problems))


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
