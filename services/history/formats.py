"""Usage over time as JSON and as a table. Documented in docs/history.md; JSON keys stay. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal, localcontext

from services.figures import Measure, StoreState
from services.history.forecast import LEAST, SURE, Forecast, Unsaid, reached
from services.history.models import (
    FLEET,
    NOBODY,
    NOTHING,
    SHARED,
    Cell,
    Holder,
    OwnerKind,
    quantities_of,
)
from services.history.movers import Move, Movers
from services.history.read import Then
from services.usage.formats import Json, stamp

_DIGITS = 40
COLUMNS = (
    "from", "to", "first", "last", "min", "max", "mean", "margin", "known", "reason",
)  # fmt: skip
"""What is told of each span: figures are whole numbers and exact, but for the mean."""

MOVER_COLUMNS = (
    "holder", "tenant", "before", "after", "change", "per_cent", "margin_before", "margin_after",
)  # fmt: skip
"""What is told of each owner: counts or bytes, whole and exact; per cent as digits."""


THEN_COLUMNS = (
    "holder", "tenant", *(quantity for measure in Measure for quantity in quantities_of(measure)),
)  # fmt: skip
"""What is told of each owner at a moment: counts and bytes; None is not known."""


def as_json(
    holder: Holder, quantity: str, cells: Sequence[Cell], made_up_until: datetime | None = None
) -> Json:
    """Return a series as JSON: null where a figure was not known in a span."""
    return {
        "holder": holder.kind.value,
        "tenant": holder.tenant or None,
        "measure": quantity,
        "made_up_until": stamp(made_up_until),
        "spans": [dict(zip(COLUMNS, row, strict=True)) for row in rows(cells)],
    }


def rows(cells: Sequence[Cell]) -> Iterator[tuple[object, ...]]:
    """Yield each span's `COLUMNS`; the mean is a number in decimal digits, since floats round."""
    for cell in cells:
        did = cell.rollup
        figures: tuple[object, ...] = (None,) * 6
        if did is not None:
            figures = (did.first, did.last, did.least, did.most, mean_of(cell), cell.margin)
        yield (stamp(cell.began), stamp(cell.ended), *figures, round(cell.share, 6),
               cell.reason or None)  # fmt: skip


def mean_of(cell: Cell) -> str | None:
    """Return the mean weighted by time, rounded to thousandths; None where it was not known."""
    if cell.rollup is None:
        return None
    mean = cell.rollup.mean
    with localcontext(prec=_DIGITS):
        rounded = round(Decimal(mean.numerator) / mean.denominator, 3)
    return f"{rounded.normalize():f}"


def holder_named(tenant: str) -> Holder:
    """Return the holder that a name is of: kind/id, `shared`, `unowned` or `fleet`."""
    if tenant in {SHARED.kind, NOBODY.kind, FLEET.kind}:
        return Holder(OwnerKind(tenant))
    return Holder(OwnerKind.TENANT, tenant)


def then_as_json(then: Then) -> Json:
    """Return a fleet at a moment as JSON, in the shape of `kato-tenants usage --json`."""
    return {
        "at": stamp(then.at),
        "stores": {m.value: _store(then, m) for m in Measure},
        "tenants": [{"tenant": who.tenant, **_amounts(then, who)} for who in _tenants(then)],
        "shared": _amounts(then, SHARED),
        "unattributed": _amounts(then, NOBODY),
    }


def then_rows(then: Then) -> Iterator[tuple[object, ...]]:
    """Yield the `THEN_COLUMNS` of each tenant, of what is shared and unowned, and of the fleet."""
    for who in (*_tenants(then), SHARED, NOBODY, FLEET):
        figures = (_figure(then, who, quantity) for quantity in THEN_COLUMNS[2:])
        yield (who.kind.value, who.tenant or None, *figures)


def reason_of(then: Then, quantity: str) -> str:
    """Return why a quantity was not known then; empty where it was."""
    return then.reasons.get(quantity, "nobody looked")


def _tenants(then: Then) -> list[Holder]:
    """Return the tenants that had anything, by name."""
    found = (who for who, some in then.figures.items() if some and who.kind is OwnerKind.TENANT)
    return sorted(found, key=lambda who: who.tenant)


def _store(then: Then, measure: Measure) -> Json:
    reason = reason_of(then, measure)
    return {
        "state": (StoreState.UNKNOWN if reason else StoreState.OK).value,
        "reason": reason or None,
        "total": _amount(then, FLEET, measure),
    }


def _amounts(then: Then, who: Holder) -> dict[str, object]:
    return {measure.value: _amount(then, who, measure) for measure in Measure}


def _amount(then: Then, who: Holder, measure: Measure) -> Json | None:
    count, size = (_figure(then, who, quantity) for quantity in quantities_of(measure))
    return None if count is None else {"count": count, "bytes": size}


def _figure(then: Then, who: Holder, quantity: str) -> int | None:
    """Return a figure, None where it was not known; one that is missing was 0."""
    if reason_of(then, quantity):
        return None
    return then.figures.get(who, {}).get(quantity, NOTHING).value


def movers_as_json(found: Movers) -> Json:
    """Return what moved as JSON; `unknown` is the reason where none of that time is known."""
    return {
        "measure": found.quantity,
        "from": stamp(found.began),
        "to": stamp(found.ended),
        "unknown": found.unknown or None,
        "fleet": None if found.fleet is None else _named(found.fleet),
        "movers": [_named(move) for move in found.moves],
    }


def mover_rows(found: Movers) -> Iterator[tuple[object, ...]]:
    """Yield each owner's `MOVER_COLUMNS`, the largest change first."""
    return map(_mover, found.moves)


def per_cent(move: Move) -> str | None:
    """Return the change in per cent, rounded to tenths, with its sign; None of nothing."""
    share = move.share
    if share is None:
        return None
    with localcontext(prec=_DIGITS):
        return f"{Decimal(share.numerator) * 100 / share.denominator:+.1f}"


def forecast_as_json(found: Forecast, limit: int | None = None) -> Json:
    """Return what is coming as JSON: counts or bytes, per day; null where it cannot be said."""
    line = found.line
    coming: Json = {
        "at": stamp(found.at),
        "value": None if found.at is None else found.value,
        "days": found.days,
        "since": stamp(found.since),
        "unknown": None if found.unsaid is None else found.unsaid.value,
        "sure": SURE,
        "per_day": None if line is None else {
            "low": _rounded(line.growth.low),
            "mid": _rounded(line.growth.mid),
            "high": _rounded(line.growth.high),
        },
        "until": stamp(found.until),
    }  # fmt: skip
    return coming if limit is None else {**coming, "reached": _reached(found, limit)}


def _reached(found: Forecast, limit: int) -> Json:
    comes = reached(found, limit)
    return {
        "limit": limit,
        "state": comes.state.value,
        "earliest": stamp(comes.earliest),
        "likely": stamp(comes.likely),
        "latest": stamp(comes.latest),
    }


def why_unsaid(found: Forecast) -> str:
    """Say why it cannot be said what is coming."""
    match found.unsaid:
        case Unsaid.FEW_DAYS:
            days = "1 day" if found.days == 1 else f"{found.days:,} days"
            return f"{days} known, and it takes {LEAST} without a sudden change"
        case Unsaid.OLD:
            return "it was last known more than two days ago"
        case Unsaid.WIDE:
            return "it goes up and down too much"
    return ""


def _rounded(value: float) -> float:
    return round(value, 3) + 0.0  # no -0.0


def _named(move: Move) -> Json:
    return dict(zip(MOVER_COLUMNS, _mover(move), strict=True))


def _mover(move: Move) -> tuple[object, ...]:
    holder, before, after = move.holder, move.before, move.after
    return (holder.kind.value, holder.tenant or None, before.value, after.value, move.change,
            per_cent(move), before.margin, after.margin)  # fmt: skip
