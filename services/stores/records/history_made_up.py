"""A past that was made up, for sample data: kept as a real one, and known for what it is."""

from __future__ import annotations

from sqlalchemy import Engine, delete, func, insert, select, update

from services.history.models import Grain
from services.history.ports import Head, MadeUp
from services.stores.records.database import reading, writing
from services.stores.records.history_tables import HEAD, HOLDERS, LOOKS, MADE_UP, ROWS
from services.stores.records.history_writing import moved, put, put_looks

_NO_PAST = Head(0, 0, {Grain.HOUR: 0, Grain.DAY: 0})


class MadeUpHistory:
    """Keeps and forgets a made-up past. Raises StoreUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def until(self) -> int | None:
        """Return the second until which the past is made up; None where nothing of it is."""
        with reading(self._engine, "reading usage over time") as connection:
            until: int | None = connection.scalar(select(func.max(MADE_UP.c.until)))
        return until

    def keep(self, past: MadeUp) -> bool:
        """Keep a past that was made up; False where anything was recorded before."""
        with writing(self._engine, "keeping a made-up past") as connection:
            if not moved(connection, _NO_PAST, past.head):
                return False
            for grain, rows in past.rows.items():
                put(connection, grain.seconds, rows)
            put_looks(connection, past.looks)
            connection.execute(insert(MADE_UP).values(until=past.head.last))
            return True

    def forget(self) -> bool:
        """Remove all of a past that began with a made-up one; whether there was one."""
        if self.until() is None:
            return False
        with writing(self._engine, "removing a made-up past") as connection:
            for table in (MADE_UP, ROWS, LOOKS, HOLDERS):
                connection.execute(delete(table))
            connection.execute(update(HEAD).values(number=0, last=0, hours=0, days=0))
        return True
