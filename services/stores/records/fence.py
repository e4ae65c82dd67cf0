"""Keeps a dashboard that slept through its turn to collect from writing when it wakes.

What a thread writes in a `fence` begins with one statement that finds the turn by its number, and
holds its row until the write is there. Another dashboard that takes the turn changes that number,
and passes the row over while it is held so. Prolonging the turn changes no key, and waits for none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, select

from services.errors import TurnLost
from services.stores.records.dashboard_tables import COLLECTING
from services.stores.records.database import GUARD


@contextmanager
def fence(number: int) -> Iterator[None]:
    """Have every write of this thread in the block be one of this turn, or raise TurnLost."""

    def check(connection: Connection) -> None:
        hold_turn(connection, number)

    before = GUARD.set(check)
    try:
        yield
    finally:
        GUARD.reset(before)


def hold_turn(connection: Connection, number: int) -> None:
    """Hold the turn until the transaction ends. Raises TurnLost where another dashboard has it."""
    mine = select(COLLECTING.c.id).where(COLLECTING.c.number == number)
    if connection.scalar(mine.with_for_update(read=True, key_share=True)) is None:
        raise TurnLost
