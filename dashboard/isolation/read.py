"""What the parts of the Isolation page read of the last audit. Cached."""

from __future__ import annotations

from datetime import datetime

from dashboard.app import runtime
from dashboard.app.cache import cached
from dashboard.isolation import tables
from dashboard.isolation.tables import Listing
from services.access.viewer import Action
from services.errors import StoreError
from services.isolation.models import Report


def _stamp(report: Report) -> tuple[object, ...]:
    """What is accepted changes between two audits."""
    accepted = [r.acceptance.at for r in report.records if r.acceptance is not None]
    return (report.at, len(report.records), len(accepted), max(accepted, default=None))


@cached(Action.SEE_FINDINGS, key=_stamp, newest=True)
def listing(report: Report) -> Listing:
    """Return the findings of a report as rows, made once."""
    return tables.listing(report, runtime.desk().isolation.rules)


@cached(Action.SEE_FINDINGS, seconds=10)
def scores() -> tuple[tuple[datetime, int | None], ...]:
    """Return the scores of the newest audits, oldest first; empty when they cannot be read."""
    try:
        return runtime.desk().isolation.scores()
    except StoreError:
        return ()
