"""Usage over time as JSON and as a table. Documented in docs/history.md; JSON keys stay. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal, localcontext

from services.history.models import FLEET, NOBODY, SHARED, Cell, Holder, OwnerKind
from services.history.movers import Move, Movers
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


def as_json(holder: Holder, quantity: str, cells: Sequence[Cell]) -> Json:
    """Return a series as JSON: null where a figure was not known in a span."""
    return {
        "holder": holder.kind.value,
        "tenant": holder.tenant or None,
        "measure": quantity,
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


def _named(move: Move) -> Json:
    return dict(zip(MOVER_COLUMNS, _mover(move), strict=True))


def _mover(move: Move) -> tuple[object, ...]:
    holder, before, after = move.holder, move.before, move.after
    return (holder.kind.value, holder.tenant or None, before.value, after.value, move.change,
            per_cent(move), before.margin, after.margin)  # fmt: skip
