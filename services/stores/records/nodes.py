"""This product's own records: node_ids that were seen, and how usage went over time.

Nothing here is kept in Redis: KATO's stock configuration evicts. Several dashboards may keep
their records in one database: what two write at once is written once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

from sqlalchemy import func, select

from services.figures import Amount, Measure
from services.health.models import Health
from services.stores.records.database import STORE, open_database, reading, writing
from services.stores.records.names import NameBook
from services.stores.records.putting import put_rows
from services.stores.records.schema import HISTORY, NODES_VERSION

HISTORY_KEPT = timedelta(days=90)


class StateStore(NameBook):
    """Names and totals. Raises StoreUnavailable when its database does not answer."""

    @classmethod
    def open(cls, data: Path, url: str | None = None) -> StateStore:
        """Open the database at `url`, or the SQLite file in the data directory.

        Raises what `open_database` raises.
        """
        return cls(open_database(data, url))

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def health(self) -> Health:
        """Return the database's version, and how long one row takes."""
        with reading(self._engine, "asking how it is") as connection:
            began = perf_counter()
            connection.execute(select(NODES_VERSION.c.version))
            latency = perf_counter() - began
            kind = connection.dialect
        version = ".".join(map(str, kind.server_version_info or ()))
        name = Path(self._engine.url.database or "").name  # where that is, viewers need not know
        return Health(STORE, f"{kind.name} {version}", latency, f"database {name}")

    def record_totals(self, totals: Mapping[Measure, Amount], at: datetime) -> None:
        """Add one point to the history of each measure, and drop what is older than 90 days.

        Where a measure has a point of this very time, the new one counts.
        """
        rows = [
            {"measure": m.value, "collected_at": at, "count": a.count, "bytes": a.bytes}
            for m, a in sorted(totals.items())
        ]
        with writing(self._engine, "recording usage") as connection:
            connection.execute(HISTORY.delete().where(HISTORY.c.collected_at < at - HISTORY_KEPT))
            put_rows(connection, HISTORY, rows)

    def history(self, measure: Measure, since: datetime) -> tuple[tuple[datetime, Amount], ...]:
        """Return the recorded totals of one measure since a time, oldest first."""
        statement = (
            select(HISTORY.c.collected_at, HISTORY.c["count"], HISTORY.c.bytes)
            .where(HISTORY.c.measure == measure.value, HISTORY.c.collected_at >= since)
            .order_by(HISTORY.c.collected_at)
        )
        with reading(self._engine, "reading usage") as connection:
            return tuple(
                (at, Amount(count, size)) for at, count, size in connection.execute(statement)
            )

    def last_totals(self) -> dict[Measure, tuple[datetime, Amount]]:
        """Return the newest recorded total of each measure."""
        newest = (
            select(HISTORY.c.measure, func.max(HISTORY.c.collected_at).label("at"))
            .group_by(HISTORY.c.measure)
            .subquery()
        )
        statement = select(HISTORY).join(
            newest,
            (newest.c.measure == HISTORY.c.measure) & (newest.c.at == HISTORY.c.collected_at),
        )
        with reading(self._engine, "reading usage") as connection:
            return {
                Measure(measure): (at, Amount(count, size))
                for measure, at, count, size in connection.execute(statement)
            }
