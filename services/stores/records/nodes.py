"""This product's own records: node_ids that were seen, and how usage went over time.

Nothing here is kept in Redis: KATO's stock configuration evicts. Several dashboards may keep
their records in one database: what two write at once is written once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

from sqlalchemy import Connection, Engine, func, select, update

from services.figures import Amount, Measure
from services.health.models import Health
from services.stores.records.database import STORE, insert_into, open_database, reading, writing
from services.stores.records.schema import HISTORY, NODES, NODES_VERSION, digest_of
from services.usage.readings import SeenNode

HISTORY_KEPT = timedelta(days=90)
LAST_SEEN_GRAIN = timedelta(hours=1)


class StateStore:
    """The product's own records. Raises StoreUnavailable when its database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

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

    def record_nodes(self, seen: Mapping[str, str], at: datetime) -> None:
        """Record node_ids (each with where it was seen) as seen at this time."""
        by_digest = {digest_of(node): (node, source) for node, source in seen.items()}
        with writing(self._engine, "recording node_ids") as connection:
            rows = connection.execute(select(NODES.c.digest, NODES.c.last_seen))
            known = {digest: last for digest, last in rows if digest in by_digest}
            # in one order, so that two dashboards never wait for each other
            fresh = [
                _row(digest, *by_digest[digest], at)
                for digest in sorted(by_digest.keys() - known.keys())
            ]
            if fresh:
                connection.execute(insert_into(connection, NODES).on_conflict_do_nothing(), fresh)
                _count(connection)
            stale = (digest for digest, last in known.items() if at - last > LAST_SEEN_GRAIN)
            for digest in sorted(stale):
                statement = update(NODES).where(NODES.c.digest == digest, NODES.c.last_seen < at)
                connection.execute(statement.values(last_seen=at))

    def nodes_version(self) -> int:
        """Return a number that is another one whenever node_ids came or went, in any process."""
        with reading(self._engine, "reading node_ids") as connection:
            version: int = connection.execute(select(NODES_VERSION.c.version)).scalar_one()
            return version

    def nodes(self) -> tuple[SeenNode, ...]:
        """Return every node_id that was ever seen."""
        columns = (NODES.c.node_id, NODES.c.source, NODES.c.first_seen, NODES.c.last_seen)
        with reading(self._engine, "reading node_ids", long=True) as connection:
            return tuple(SeenNode(*row) for row in connection.execute(select(*columns)))

    def forget_nodes(self, nodes: Iterable[str]) -> None:
        """Forget exactly these node_ids; one that was never seen is none."""
        digests = sorted({digest_of(node) for node in nodes})
        with writing(self._engine, "forgetting node_ids") as connection:
            for digest in digests:
                connection.execute(NODES.delete().where(NODES.c.digest == digest))
            _count(connection)

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
            if rows:
                statement = insert_into(connection, HISTORY)
                new = statement.excluded
                connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=[HISTORY.c.measure, HISTORY.c.collected_at],
                        set_={"count": new["count"], "bytes": new["bytes"]},
                    ),
                    rows,
                )

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


def _count(connection: Connection) -> None:
    connection.execute(update(NODES_VERSION).values(version=NODES_VERSION.c.version + 1))


def _row(digest: str, node_id: str, source: str, at: datetime) -> dict[str, object]:
    return {
        "digest": digest, "node_id": node_id, "source": source, "first_seen": at, "last_seen": at
    }  # fmt: skip
