"""What is coming of a figure: in words, and as points of its chart. Scipy is slow to import."""

from __future__ import annotations

from datetime import datetime, timedelta

from dashboard.app import runtime
from dashboard.app.cache import cached
from dashboard.draw.formatting import number, size
from services.access.viewer import Action
from services.history import formats
from services.history.forecast import Forecast, Reach, Span, reached
from services.history.models import Holder

Ahead = tuple[tuple[datetime, Span], ...]
"""What a figure is to be when."""

_POINTS = 12
_PART = 3  # of what is drawn, so much is ahead
_WEEK = timedelta(days=7)
_FEW = 10  # below it a tenth tells something


@cached(Action.SEE_FLEET, seconds=60, entries=64)
def of(holder: Holder, quantity: str) -> Forecast | None:
    """Return what is coming; None for a holder who is not in scope. Raises StoreError."""
    return runtime.desk().history.forecast(holder, quantity)


def points(found: Forecast | None, shown: timedelta) -> Ahead:
    """Return what is drawn of it beside so much of the past. Pure."""
    if found is None or found.at is None or found.until is None:
        return ()
    reach = min(found.until - found.at, max(shown / (_PART - 1), timedelta(hours=6)))
    moments = (found.at + reach * at / _POINTS for at in range(_POINTS + 1))
    spans = ((at, found.when(at)) for at in moments)
    return tuple((at, span) for at, span in spans if span is not None)


def sentence(found: Forecast | None, *, is_size: bool, limit: int | None = None) -> str:
    """Say how a figure grows, where it is in a week and when at its limit; or why not. Pure."""
    if found is None or found.line is None or found.at is None:
        why = formats.why_unsaid(found) if found else "it is not in your scope"
        return f"What is coming cannot be said: {why}."
    growth = found.line.growth
    low, mid, high = (
        _signed(each, is_size=is_size) for each in (growth.low, growth.mid, growth.high)
    )
    said = f"Growth: {mid} a day ({low} to {high} in 8 of 10 cases), by {found.days:,} known days."
    week = found.when(found.at + _WEEK)
    if week is not None:
        write = size if is_size else number
        said += f" In a week: {write(round(week.low))} to {write(round(week.high))}."
    return said if limit is None else f"{said} {_at_limit(found, limit)}"


def _at_limit(found: Forecast, limit: int) -> str:
    comes = reached(found, limit)
    if comes.state is Reach.REACHED:
        return "The limit is reached."
    until = f"{found.until:%Y-%m-%d}"
    if comes.earliest is None:
        return f"The limit is not reached by {until}; nothing is said of later."
    last = f"{comes.latest:%Y-%m-%d}" if comes.latest else f"later than {until}"
    return f"The limit is reached between {comes.earliest:%Y-%m-%d} and {last}."


def _signed(change: float, *, is_size: bool) -> str:
    sign = "+" if change > 0 else "−" if change < 0 else "±"
    if not is_size and 0 < abs(change) < _FEW:
        return f"{sign}{abs(change):.1f}"
    return sign + (size if is_size else number)(round(abs(change)))
