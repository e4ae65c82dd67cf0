"""The snapshot as CSV, for spreadsheets and scripts. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from services.figures import Measure, Usage
from services.spreadsheet import csv_text, neutral
from services.tenancy.ownership import ClaimState
from services.usage.snapshot import Snapshot
from services.visible import visible

CSV_HEADER = (
    "owner",
    "claim",
    *(name for measure in Measure for name in (measure.value, f"{measure}_bytes")),
)


def as_csv(snapshot: Snapshot) -> str:
    """Return one line an owner, with a header; an empty field is not known."""
    return csv_text((CSV_HEADER, *_lines(snapshot)))


def _lines(snapshot: Snapshot) -> Iterator[tuple[object, ...]]:
    for tenant in snapshot.tenants:
        yield (_shown(str(tenant.tenant)), tenant.claim.value, *_figures(tenant.usage))
    for part in snapshot.shared:
        names = " + ".join(str(tenant) for tenant in part.claim.tenants)
        yield (_shown(f"{part.name} ({names})"), part.claim.state.value, *_figures(part.usage))
    nobody = ClaimState.UNATTRIBUTED.value
    yield ("(unattributed)", nobody, *_figures(snapshot.unattributed.usage))


def _shown(name: str) -> str:
    return neutral(visible(name))


def _figures(usage: Usage) -> Iterator[object]:
    for measure in Measure:
        amount = usage.of(measure)
        yield "" if amount is None else amount.count
        yield "" if amount is None or amount.bytes is None else amount.bytes
