"""The rows that are kept of the past: a holder's figures in a span, and cells read out of them.

Pure. A row has every figure that is not 0, so that the newest row before a moment tells all of it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from services.history.models import (
    NOTHING,
    Cell,
    Figure,
    Figures,
    Holder,
    looked_at,
    moment,
)
from services.history.packed import Packed, pack, unpack
from services.history.rollup import Look, Rollup, merged, reason_in, rolled_up

Looks = Mapping[str, Sequence[Look]]
"""When each quantity was known, the oldest first."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A figure at the end of a span, and what it did in it: None where it never changed."""

    last: Figure
    rollup: Rollup | None = None


Row = Mapping[str, Kept]
"""A holder's figures in one span, by quantity; one that is missing was 0 all the time."""

EMPTY: Row = {}

Brief = Mapping[str, tuple[int, int, int | None]]
"""Of some figures of a row: what they were at the end of its span, their margin, and what they came
to in it, times seconds: None where they never changed."""


def row_of(figures: Figures) -> Row:
    """Return the row of a moment: figures that did not change since."""
    return {quantity: Kept(figure) for quantity, figure in figures.items()}


def figures_at_end(row: Row) -> dict[str, Figure]:
    """Return what a holder had at the end of a row's span."""
    return {quantity: kept.last for quantity, kept in row.items() if kept.last != NOTHING}


def rolled_row(
    samples: Sequence[tuple[int, Figures]], looks: Looks, began: int, ended: int, before: Figures
) -> Row:
    """Roll up what changed in a span: whole figures since a second each, the oldest first."""
    row = {}
    for quantity in sorted({*before, *(name for _, figures in samples for name in figures)}):
        last, changes = before.get(quantity, NOTHING), list[tuple[int, int]]()
        start = last.value
        for at, figures in samples:
            figure = figures.get(quantity, NOTHING)
            if figure != last:
                changes.append((at, figure.value))
                last = figure
        known = looks.get(looked_at(quantity), ())
        rollup = rolled_up(changes, known, began, ended, before=start) if changes else None
        row[quantity] = Kept(last, rollup)
    return row


def rolled(
    changes: Mapping[Holder, Mapping[int, Row]],
    looks: Looks,
    span: int,
    before: Mapping[Holder, Row],
) -> dict[int, dict[Holder, Row]]:
    """Roll up changes to the spans, of so many seconds, in which they were: by their start.

    `before` has what their holders had until the first.
    """
    found: dict[int, dict[Holder, Row]] = {}
    near: dict[int, Looks] = {}  # every holder asks for the same spans
    for holder, rows in changes.items():
        figures = figures_at_end(before.get(holder, EMPTY))
        for start, some in groupby(sorted(rows.items()), key=lambda each: each[0] // span * span):
            samples = [(at, figures_at_end(row)) for at, row in some]
            if start not in near:
                near[start] = _near(looks, start, start + span)
            row = rolled_row(samples, near[start], start, start + span, figures)
            found.setdefault(start, {})[holder] = row
            figures = figures_at_end(row)
    return found


def _near(looks: Looks, began: int, ended: int) -> Looks:
    return {
        quantity: [look for look in some if look.began < ended and look.ended > began]
        for quantity, some in looks.items()
    }


def cells(
    rows: Mapping[int, Row],
    looks: Sequence[Look],
    quantity: str,
    before: Row,
    *,
    began: int,
    ended: int,
    grain: int,
    step: int,
) -> Iterator[Cell]:
    """Yield what a figure did in each span of `step` seconds, a multiple of the rows' `grain`.

    `before` is the newest row of before; a span without a row is one without a change.
    """
    last, none = before.get(quantity, Kept(NOTHING)).last, Kept(NOTHING)
    for start in range(began, ended, step):
        until, found, margin = min(start + step, ended), list[Rollup | None](), 0
        for at in range(start, until, grain):
            kept = Kept(last) if at not in rows else rows[at].get(quantity, none)
            last, margin = kept.last, max(margin, kept.last.margin)
            found.append(kept.rollup or rolled_up((), looks, at, min(at + grain, until),
                                                  before=last.value))  # fmt: skip
        yield Cell(
            moment(start), moment(until), merged(found), margin, reason_in(looks, start, until)
        )


def bytes_of(row: Row) -> bytes:
    """Write a row as it is kept."""
    return pack([(name, kept.last, kept.rollup) for name, kept in row.items()])


def row_in(kept: bytes, quantity: str | None = None) -> Row:
    """Read a row that was kept; of one quantity alone, if that is named."""
    wanted = None if quantity is None else {quantity}
    return {name: Kept(figure, did) for name, figure, did in _figures_in(kept, wanted)}


def brief_in(kept: bytes, wanted: frozenset[str]) -> Brief:
    """Read of a row that was kept what a sum over time takes: a fleet's month has very many."""
    return {
        name: (figure.value, figure.margin, None if did is None else did.integral)
        for name, figure, did in _figures_in(kept, wanted)
    }


_JSON = b"{"
"""How rows begin that were kept before the records' version 8."""


def _figures_in(kept: bytes, wanted: Collection[str] | None) -> Iterator[Packed]:
    if kept[:1] != _JSON:
        return unpack(kept, wanted)
    found = json.loads(kept).items()
    return (_read(name, each) for name, each in found if wanted is None or name in wanted)


def _read(name: str, kept: int | list[int]) -> Packed:
    if isinstance(kept, int):
        return name, Figure(kept), None
    value, margin, *rollup = kept
    return name, Figure(value, margin), Rollup(*rollup) if rollup else None
