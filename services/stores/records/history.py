"""Usage over time in this product's own records. Times are seconds since the epoch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    ScalarSelect,
    Select,
    and_,
    delete,
    func,
    literal,
    select,
)

from services.history.changes import Change, Present
from services.history.columns import FleetRows, columns_of
from services.history.models import Grain, Holder, OwnerKind
from services.history.ports import Head
from services.history.rollup import Look
from services.history.rows import (
    Looks,
    Row,
    figures_at_end,
    row_in,
    row_of,
)
from services.stores.records.database import batches, give_back, reading, writing
from services.stores.records.history_tables import HEAD, HOLDERS, LOOKS, ROWS, looks_in
from services.stores.records.history_writing import digest, moved, put, put_looks

_DOING = "recording usage over time"
_ASKING = "reading usage over time"

_KINDS = {kind.value: kind for kind in OwnerKind}
_FEW = 8  # spans of a fleet that are read one after the other, and not holder by holder


class HistoryRecords:
    """Keeps usage over time, as `HistoryStore` says. Raises StoreUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def head(self) -> Head:
        """Return how far the past is kept."""
        with reading(self._engine, _ASKING) as connection:
            return _head(connection)

    def present(self) -> tuple[Head, Present]:
        """Return what is known last, and how far that is."""
        oldest_first = select(LOOKS).order_by(LOOKS.c.began)
        with reading(self._engine, _ASKING, long=True) as connection:
            head = _head(connection)
            figures = {holder: figures_at_end(row) for holder, row in _before(connection)}
            looks = dict(looks_in(connection.execute(oldest_first)))  # the newest of each stays
        return head, Present(figures, looks)

    def add(self, change: Change, at: int, *, after: Head) -> Head | None:
        """Add what a snapshot changed, and return the new head; None where it is not `after`."""
        head = Head(after.number + 1, at, after.rolled)
        with writing(self._engine, _DOING) as connection:
            if not moved(connection, after, head):
                return None
            rows = {at: {holder: row_of(each) for holder, each in change.figures.items()}}
            put(connection, Grain.SECOND.seconds, rows)
            put_looks(connection, change.looks)
        return head

    def roll_up(
        self, grain: Grain, rows: Mapping[int, Mapping[Holder, Row]], until: int, *, after: Head
    ) -> Head | None:
        """Keep the rows of spans, by their start, and that all is rolled up until then."""
        head = Head(after.number, after.last, {**after.rolled, grain: until})
        with writing(self._engine, _DOING) as connection:
            if not moved(connection, after, head):
                return None
            put(connection, grain.seconds, rows)
        return head

    def changed(self, began: int, ended: int) -> Mapping[Holder, Mapping[int, Row]]:
        """Return each holder's figures since each second of a span in which they changed."""
        asked = _rows_of(Grain.SECOND.seconds, began, ended)
        found: dict[Holder, dict[int, Row]] = defaultdict(dict)
        with reading(self._engine, _ASKING, long=True) as connection:
            for row in connection.execute(asked):
                found[_holder(row)][row.start] = row_in(row.row)
        return found

    def spans(self, grain: Grain, began: int, ended: int, wanted: frozenset[str]) -> FleetRows:
        """Return all rows that begin in this time, of some quantities."""
        asked = select(ROWS.c.holder, ROWS.c.start, ROWS.c.row).where(
            ROWS.c.grain == grain.seconds, ROWS.c.start >= began, ROWS.c.start < ended
        )
        if ended - began > _FEW * grain.seconds:  # those of one holder stand together
            asked = asked.where(ROWS.c.holder.in_(select(HOLDERS.c.id)))
        with reading(self._engine, _ASKING, long=True) as connection:
            return _fleet(connection, connection.execute(asked).all(), wanted)

    def newest(self, at: int, wanted: frozenset[str]) -> FleetRows:
        """Return every holder's newest row that ends before a second, of some quantities."""
        asked = select(HOLDERS.c.id, literal(0), _newest(at)).order_by(HOLDERS.c.id)
        with reading(self._engine, _ASKING, long=True) as connection:
            return _fleet(connection, connection.execute(asked).all(), wanted)

    def before(
        self, at: int, holders: frozenset[Holder] | None = None, *, quantity: str | None = None
    ) -> Mapping[Holder, Row]:
        """Return the newest row that ends before a second: of these holders, or of all.

        Where one quantity is named, rows have that alone.
        """
        with reading(self._engine, _ASKING, long=True) as connection:
            if holders is None:
                return dict(_before(connection, at, quantity=quantity))
            found: dict[Holder, Row] = {}
            for some in batches(sorted(map(digest, holders))):
                whose = HOLDERS.c.digest.in_(some)
                found.update(_before(connection, at, whose, quantity=quantity))
            return found

    def rows(
        self, holder: Holder, grain: Grain, began: int, ended: int, *, quantity: str | None = None
    ) -> Mapping[int, Row]:
        """Return one holder's rows of the spans that begin in this time, by their start.

        Where one quantity is named, rows have that alone.
        """
        asked = _rows_of(grain.seconds, began, ended).where(HOLDERS.c.digest == digest(holder))
        with reading(self._engine, _ASKING) as connection:
            return {row.start: row_in(row.row, quantity) for row in connection.execute(asked)}

    def looks(self, began: int, ended: int) -> Looks:
        """Return when each quantity was known in this time, the oldest first."""
        asked = select(LOOKS).where(LOOKS.c.began < ended, LOOKS.c.ended > began)
        found: dict[str, list[Look]] = defaultdict(list)
        with reading(self._engine, _ASKING) as connection:
            for quantity, look in looks_in(connection.execute(asked.order_by(LOOKS.c.began))):
                found[quantity].append(look)
        return found

    def drop(self, *, changes: int, hours: int, days: int) -> None:
        """Remove what is older than these seconds; not what tells a holder's figures last.

        What is not rolled up yet has to be younger.
        """
        later = ROWS.alias()
        superseded = select(later.c.holder).where(
            later.c.grain == ROWS.c.grain, later.c.holder == ROWS.c.holder,
            later.c.start > ROWS.c.start, later.c.start < days,
        )  # fmt: skip
        with writing(self._engine, "removing usage that is old") as connection:
            for grain, before in ((Grain.SECOND, changes), (Grain.HOUR, hours)):
                connection.execute(delete(ROWS).where(_older(grain, before)))
            connection.execute(delete(ROWS).where(_older(Grain.DAY, days), superseded.exists()))
            connection.execute(delete(LOOKS).where(LOOKS.c.ended < days))
        give_back(self._engine)


def _older(grain: Grain, before: int) -> ColumnElement[bool]:
    return and_(ROWS.c.grain == grain.seconds, ROWS.c.start < before)


def _rows_of(grain: int, began: int, ended: int) -> Select[Any]:
    return (
        select(HOLDERS.c.kind, HOLDERS.c.tenant, ROWS.c.start, ROWS.c.row)
        .join(HOLDERS, HOLDERS.c.id == ROWS.c.holder)
        .where(ROWS.c.grain == grain, ROWS.c.start >= began, ROWS.c.start < ended)
        .order_by(ROWS.c.start)
    )


def _before(
    connection: Connection,
    at: int | None = None,
    whose: ColumnElement[bool] | None = None,
    *,
    quantity: str | None = None,
) -> Iterator[tuple[Holder, Row]]:
    """Yield each holder's newest row that ends before a second: of changes, else of spans."""
    row = _newest(at).label("row")
    asked = select(HOLDERS.c.kind, HOLDERS.c.tenant, row).order_by(HOLDERS.c.id)
    if whose is not None:
        asked = asked.where(whose)
    for found in connection.execute(asked):
        if found.row is not None:
            yield _holder(found), row_in(found.row, quantity)


def _newest(at: int | None) -> ColumnElement[bytes]:
    """Return what is a holder's newest row that ends before a second, of any grain."""

    def of_grain(grain: int) -> ScalarSelect[bytes]:
        found = select(ROWS.c.row).where(ROWS.c.grain == grain, ROWS.c.holder == HOLDERS.c.id)
        if at is not None:
            found = found.where(ROWS.c.start <= at - grain)
        return found.order_by(ROWS.c.start.desc()).limit(1).scalar_subquery()

    return func.coalesce(*(of_grain(grain.seconds) for grain in Grain))


def _fleet(
    connection: Connection, found: Sequence[Sequence[Any]], wanted: frozenset[str]
) -> FleetRows:
    """Read rows that have a holder's number, a start and what is kept, if anything is."""
    some = [each for each in found if each[2] is not None]
    names = _holders(connection) if some else {}
    there = [row for row in some if row[0] in names]  # a made-up past may be forgotten meanwhile
    ids, starts, rows = zip(*there, strict=True) if there else ((), (), ())
    whose, places = np.unique(np.array(ids, np.int64), return_inverse=True)
    holders = [names[each] for each in whose.tolist()]
    return FleetRows(holders, places, np.array(starts, np.int64), columns_of(rows, wanted))


def _head(connection: Connection) -> Head:
    number, last, hours, days = connection.execute(
        select(HEAD.c.number, HEAD.c.last, HEAD.c.hours, HEAD.c.days)
    ).one()
    return Head(number, last, {Grain.HOUR: hours, Grain.DAY: days})


def _holders(connection: Connection) -> dict[int, Holder]:
    """Return every holder by its number."""
    rows = connection.execute(select(HOLDERS.c.id, HOLDERS.c.kind, HOLDERS.c.tenant))
    return {number: Holder(_KINDS[kind], tenant) for number, kind, tenant in rows}


def _holder(row: Any) -> Holder:
    return Holder(_KINDS[row.kind], row.tenant)
