"""How far usage over time is kept in a place outside of these records, and what of it counts.

Such a place takes rows, and no transaction. So each write has a number, which is given out here
before its rows are sent and is *open* until they count: a reader sees the rows of numbers that were
given out and are not open, as PostgreSQL's own snapshots do (`pg_current_snapshot`: xmax, xip).
What was sent for a write that never ended counts for nothing. Times are seconds since the epoch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, insert, select, update

from services.errors import StoreMisconfigured
from services.history.models import Grain
from services.history.ports import Head
from services.history.rollup import Look
from services.history.rows import Looks
from services.stores.records.database import STORE, batches, reading, writing
from services.stores.records.history_place_tables import PLACE_LOOKS, PLACES, WRITES
from services.stores.records.history_tables import looks_in
from services.stores.records.history_writing import moved, put_looks

_DOING = "recording usage over time"
_ASKING = "reading usage over time"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reader sees: writes up to a number, without those that are open."""

    head: Head
    until: int
    without: tuple[int, ...]


class HistoryLedger:
    """Keeps the books of one place, by the id that the place has too. Raises StoreError."""

    def __init__(self, engine: Engine, place: str) -> None:
        self._engine, self.place = engine, place

    def is_known(self) -> bool:
        """Whether the place is one of these records."""
        asked = select(PLACES.c.id).where(PLACES.c.id == self.place)
        with reading(self._engine, _ASKING) as connection:
            return connection.execute(asked).first() is not None

    def enter(self) -> None:
        """Add the place, in which nothing was recorded."""
        with writing(self._engine, _DOING) as connection:
            none = dict.fromkeys(("number", "last", "hours", "days", "writes"), 0)
            connection.execute(insert(PLACES).values(id=self.place, **none))

    def seen(self) -> Seen:
        """Return how far the past is kept, and which writes are part of it."""
        with reading(self._engine, _ASKING) as connection:
            return self._seen(connection)

    def present(self) -> tuple[Seen, dict[str, Look]]:
        """Return what is seen, and the newest look at each quantity."""
        of_place = PLACE_LOOKS.c.place == self.place
        asked = select(PLACE_LOOKS).where(of_place).order_by(PLACE_LOOKS.c.began)
        with reading(self._engine, _ASKING, long=True) as connection:
            return self._seen(connection), dict(looks_in(connection.execute(asked)))

    def looks(self, began: int, ended: int) -> Looks:
        """Return when each quantity was known in this time, the oldest first."""
        asked = select(PLACE_LOOKS).where(
            PLACE_LOOKS.c.place == self.place, PLACE_LOOKS.c.began < ended,
            PLACE_LOOKS.c.ended > began,
        )  # fmt: skip
        found: dict[str, list[Look]] = defaultdict(list)
        with reading(self._engine, _ASKING) as connection:
            for quantity, look in looks_in(connection.execute(asked.order_by(PLACE_LOOKS.c.began))):
                found[quantity].append(look)
        return found

    def begin(self, at: int) -> int:
        """Return the number of a write that begins now; it is open."""
        more = {"writes": PLACES.c.writes + 1}
        with writing(self._engine, _DOING) as connection:
            connection.execute(update(PLACES).where(PLACES.c.id == self.place).values(more))
            number: int = connection.execute(
                select(PLACES.c.writes).where(PLACES.c.id == self.place)
            ).scalar_one()
            connection.execute(insert(WRITES).values(place=self.place, number=number, began=at))
        return number

    def end(
        self, number: int, *, after: Head, to: Head, looks: Iterable[tuple[str, Look]] = ()
    ) -> bool:
        """Have a write count and the head move, with looks; False where that is not `after`.

        So it is too where the write was given up meanwhile.
        """
        with writing(self._engine, _DOING) as connection:
            held = select(WRITES).where(WRITES.c.place == self.place, WRITES.c.number == number)
            is_open = connection.execute(held.with_for_update()).first() is not None
            of_place = PLACES.c.id == self.place
            if not is_open or not moved(connection, after, to, of_place, table=PLACES):
                return False
            self._close(connection, (number,))
            put_looks(connection, looks, table=PLACE_LOOKS, place=self.place)
        return True

    def open_since(self, before: int) -> tuple[int, ...]:
        """Return the writes that began before a second and did not end."""
        asked = select(WRITES.c.number).where(
            WRITES.c.place == self.place, WRITES.c.began < before
        )  # fmt: skip
        with reading(self._engine, _ASKING) as connection:
            return tuple(connection.execute(asked.order_by(WRITES.c.number)).scalars())

    def close(self, numbers: Sequence[int]) -> None:
        """Have writes be open no more: their rows count from now on, or there are none."""
        with writing(self._engine, _DOING) as connection:
            for some in batches(numbers):
                self._close(connection, some)

    def drop_looks(self, before: int) -> None:
        """Remove the looks that ended before a second."""
        with writing(self._engine, "removing usage that is old") as connection:
            connection.execute(
                delete(PLACE_LOOKS).where(
                    PLACE_LOOKS.c.place == self.place, PLACE_LOOKS.c.ended < before
                )
            )

    def _seen(self, connection: Connection) -> Seen:
        asked = (  # one statement: PostgreSQL's next one would see what came in between
            select(PLACES, WRITES.c.number.label("open"))
            .join(WRITES, WRITES.c.place == PLACES.c.id, isouter=True)
            .where(PLACES.c.id == self.place)
        )
        rows = connection.execute(asked).all()
        if not rows:  # taken out by hand
            raise StoreMisconfigured(STORE, _ASKING, "it does not know the history store any more")
        of, opened = rows[0], (row.open for row in rows if row.open is not None)
        head = Head(of.number, of.last, {Grain.HOUR: of.hours, Grain.DAY: of.days})
        return Seen(head, of.writes, tuple(sorted(opened)))

    def _close(self, connection: Connection, numbers: Sequence[int]) -> None:
        whose = WRITES.c.place == self.place
        connection.execute(delete(WRITES).where(whose, WRITES.c.number.in_(numbers)))
