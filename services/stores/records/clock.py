"""The clock of the database, by which several hosts go. SQLite's is this host's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, func, select

_APART = timedelta(seconds=2)
"""Clocks that differ by less are one: that much a slow answer makes up."""

_AHEAD: WeakKeyDictionary[Engine, timedelta] = WeakKeyDictionary()


def ahead_of(engine: Engine) -> timedelta:
    """Return how far its clock is ahead of this host's, as it was last asked; 0 before."""
    return _AHEAD.get(engine, timedelta(0))


def now_of(engine: Engine, connection: Connection) -> datetime:
    """Ask the database what time it is."""
    if engine.dialect.name != "postgresql":
        return datetime.now(UTC)
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    ahead = now - datetime.now(UTC)
    _AHEAD[engine] = ahead if abs(ahead) >= _APART else timedelta(0)
    return now.astimezone(UTC)


def by_its_clock(engine: Engine, connection: Connection, *times: datetime) -> list[datetime]:
    """Return times of this host's clock as the database's has them."""
    if engine.dialect.name != "postgresql":
        return list(times)
    now_of(engine, connection)
    return [at + ahead_of(engine) for at in times]
