"""Usage of days gone by, as an archive has it, brought back where nobody here looked.

Days are kept, and nothing finer. Of a day that is known here, or has a row of the owner's, all
stays as it is: what is there is known to be so, also where it is nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.errors import KatoTenantsError
from services.history.models import Figure, Figures, Grain, Holder, looked_at, moment, second
from services.history.ports import HistoryStore
from services.history.read import HistoryService
from services.history.rollup import Rollup, known_seconds
from services.history.rows import EMPTY, Kept, Looks, Row, figures_at_end, row_of

_DAY = Grain.DAY.seconds
_TRIES = 5

Days = Mapping[int, Row]
"""A holder's rows by the second in which their day began."""


class Recording(KatoTenantsError):
    """The past that is being recorded all the time."""


def days_of(lines: Iterable[Mapping[str, Any]]) -> dict[str, dict[int, Row]]:
    """Read the days of each tenant out of lines of an archive; a day that had not ended is none.

    Of a mean three decimals are told, and of how long it was known a millionth of a day.
    """
    found: dict[str, dict[int, dict[str, Kept]]] = defaultdict(lambda: defaultdict(dict))
    for line in lines:
        began = second(datetime.fromisoformat(line["from"]))
        if second(datetime.fromisoformat(line["to"])) == began + _DAY and not began % _DAY:
            found[line["tenant"]][began][line["measure"]] = _kept(line)
    return {tenant: dict(days) for tenant, days in found.items()}


def _kept(line: Mapping[str, Any]) -> Kept:
    known = max(1, round(Decimal(str(line["known"])) * _DAY))
    integral = round(Decimal(line["mean"]) * known)
    did = Rollup(line["first"], line["last"], line["min"], line["max"], integral, known)
    return Kept(Figure(line["last"], line["margin"]), did)


def bring_back(
    store: HistoryStore, service: HistoryService, holder: Holder, days: Days, now: datetime
) -> int:  # fmt: skip
    """Keep days that nobody here knows; return how many are otherwise here, or not known yet.

    Doing it again comes to the same. Raises Recording, StoreUnavailable.
    """
    if not days:
        return 0
    for _ in range(_TRIES):
        head = store.head()
        until = head.rolled[Grain.DAY] if head.number else Grain.DAY.start(second(now))
        rows = _new(store, holder, days, until)
        found = {start: {holder: row} for start, row in rows.items()}
        if not rows or store.roll_up(Grain.DAY, found, until, after=head) is not None:
            return len(_otherwise(service, holder, days))
    raise Recording("usage was recorded meanwhile, again and again: try once more")


def _new(store: HistoryStore, holder: Holder, days: Days, until: int) -> dict[int, Row]:
    """Return the rows that are to be there; after the last day one more has to be over."""
    began, ended = min(days), max(days) + 2 * _DAY
    there = store.rows(holder, Grain.DAY, began, ended)
    looks = store.looks(began, ended)
    unknown = {
        start: _unknown(row, looks, start) for start, row in days.items()
        if start not in there and start + 2 * _DAY <= until
    }  # fmt: skip
    return dict(_runs(store, holder, {at: row for at, row in unknown.items() if row}, there))


def _otherwise(service: HistoryService, holder: Holder, days: Days) -> set[int]:
    """Return the days on which any figure is another one here than these say, or not known."""
    found = set[int]()
    for quantity in {name for row in days.values() for name in row}:
        since, until = moment(min(days)), moment(max(days) + _DAY)
        cells = service.series(holder, quantity, since, until, _DAY)
        here = {second(cell.began): _ends(cell.rollup) for cell in cells}
        found |= {
            start for start, row in days.items()
            if quantity in row and here.get(start) != _ends(row[quantity].rollup)
        }  # fmt: skip
    return found


def _ends(did: Rollup | None) -> tuple[int, ...] | None:
    """Return what of a day is told exactly."""
    return None if did is None else (did.first, did.last, did.least, did.most)


def _unknown(row: Row, looks: Looks, start: int) -> Row:
    """Return what of a day's row nobody here looked at in it."""
    return {
        quantity: kept for quantity, kept in row.items()
        if not known_seconds(looks.get(looked_at(quantity), ()), start, start + _DAY)
    }  # fmt: skip


def _runs(
    store: HistoryStore, holder: Holder, days: Days, there: Days
) -> Iterator[tuple[int, Row]]:  # fmt: skip
    """Yield days that follow one another with what the owner had before, and has again after."""
    for run in _following(sorted(days)):
        before = store.before(run[0], frozenset({holder})).get(holder, EMPTY)
        figures: Figures = figures_at_end(before)
        had = row_of(figures)
        for start in run:
            yield start, {**had, **days[start]}
        after = run[-1] + _DAY
        if after not in there:
            yield after, had


def _following(starts: Sequence[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for start in starts:
        if run and start != run[-1] + _DAY:
            yield run
            run = []
        run.append(start)
    if run:
        yield run
