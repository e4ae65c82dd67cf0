"""This product's own records: node_ids that were seen, and how usage went over time.

SQLAlchemy Core on one SQLite file in the data directory, or on PostgreSQL by URL. Nothing here
is kept in Redis: KATO's stock configuration evicts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from services.attribution import bytes_of, text_of
from services.errors import StoreMisconfigured, StoreUnavailable
from services.models import Amount, Measure

STORE = "state store"
SCHEMA_VERSION = 1
HISTORY_KEPT = timedelta(days=90)
LAST_SEEN_GRAIN = timedelta(hours=1)

_metadata = MetaData()

_schema = Table("schema_version", _metadata, Column("version", Integer, nullable=False))

_nodes = Table(
    "node_seen",
    _metadata,
    Column("digest", String(64), primary_key=True),  # a node_id may be too long for an index
    Column("node_id", LargeBinary, nullable=False),  # bytes: it may hold NUL or bad UTF-8
    Column("source", String(32), nullable=False),
    Column("first_seen", DateTime(timezone=True), nullable=False),
    Column("last_seen", DateTime(timezone=True), nullable=False),
)

_history = Table(
    "usage_history",
    _metadata,
    Column("measure", String(16), primary_key=True),
    Column("collected_at", DateTime(timezone=True), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("bytes", BigInteger),
)


@dataclass(frozen=True, slots=True)
class SeenNode:
    """A node_id that was seen: where first, and when first and last."""

    node_id: str
    source: str
    first_seen: datetime
    last_seen: datetime


class StateStore:
    """The product's own records. Raises StoreUnavailable when its database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        with self._connected("opening") as connection:
            _metadata.create_all(connection)
            _migrate(connection)

    @classmethod
    def open(cls, data: Path, url: str | None = None) -> StateStore:
        """Open the database at `url`, or the SQLite file in the data directory."""
        if url is not None:
            return cls(create_engine(url, pool_pre_ping=True))
        data.mkdir(parents=True, exist_ok=True)
        engine = create_engine(f"sqlite:///{data / 'state.sqlite'}", connect_args={"timeout": 10})
        event.listen(engine, "connect", _use_write_ahead_log)
        return cls(engine)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def record_nodes(self, seen: Mapping[str, str], at: datetime) -> None:
        """Record node_ids (each with where it was seen) as seen at this time."""
        by_digest = {_digest(node): (node, source) for node, source in seen.items()}
        with self._connected("recording node_ids") as connection:
            rows = connection.execute(select(_nodes.c.digest, _nodes.c.last_seen))
            known = {digest: _utc(last) for digest, last in rows if digest in by_digest}
            fresh = [_row(digest, *by_digest[digest], at) for digest in by_digest.keys() - known]
            if fresh:
                connection.execute(insert(_nodes), fresh)
            stale = [digest for digest, last in known.items() if at - last > LAST_SEEN_GRAIN]
            for digest in stale:
                statement = update(_nodes).where(_nodes.c.digest == digest)
                connection.execute(statement.values(last_seen=at))

    def nodes(self) -> tuple[SeenNode, ...]:
        """Return every node_id that was ever seen."""
        columns = (_nodes.c.node_id, _nodes.c.source, _nodes.c.first_seen, _nodes.c.last_seen)
        with self._connected("reading node_ids") as connection:
            return tuple(
                SeenNode(text_of(raw), source, _utc(first), _utc(last))
                for raw, source, first, last in connection.execute(select(*columns))
            )

    def record_totals(self, totals: Mapping[Measure, Amount], at: datetime) -> None:
        """Add one point to the history of each measure, and drop what is older than 90 days."""
        rows = [
            {"measure": m.value, "collected_at": at, "count": a.count, "bytes": a.bytes}
            for m, a in totals.items()
        ]
        with self._connected("recording usage") as connection:
            connection.execute(_history.delete().where(_history.c.collected_at < at - HISTORY_KEPT))
            if rows:
                connection.execute(insert(_history), rows)

    def history(self, measure: Measure, since: datetime) -> tuple[tuple[datetime, Amount], ...]:
        """Return the recorded totals of one measure since a time, oldest first."""
        statement = (
            select(_history.c.collected_at, _history.c.count, _history.c.bytes)
            .where(_history.c.measure == measure.value, _history.c.collected_at >= since)
            .order_by(_history.c.collected_at)
        )
        with self._connected("reading usage") as connection:
            return tuple(
                (_utc(at), Amount(count, size)) for at, count, size in connection.execute(statement)
            )

    def last_totals(self) -> dict[Measure, tuple[datetime, Amount]]:
        """Return the newest recorded total of each measure."""
        newest = (
            select(_history.c.measure, func.max(_history.c.collected_at).label("at"))
            .group_by(_history.c.measure)
            .subquery()
        )
        statement = select(_history).join(
            newest,
            (newest.c.measure == _history.c.measure) & (newest.c.at == _history.c.collected_at),
        )
        with self._connected("reading usage") as connection:
            return {
                Measure(measure): (_utc(at), Amount(count, size))
                for measure, at, count, size in connection.execute(statement)
            }

    @contextmanager
    def _connected(self, operation: str) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as exc:
            raise StoreUnavailable(STORE, operation, "its database gave an error") from exc


def _migrate(connection: Connection) -> None:
    version = connection.execute(select(_schema.c.version)).scalar()
    if version is None:
        connection.execute(insert(_schema).values(version=SCHEMA_VERSION))
    elif version > SCHEMA_VERSION:
        reason = "its records were written by a newer version of this product"
        raise StoreMisconfigured(STORE, "opening", reason)


def _use_write_ahead_log(connection: object, _: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # a DBAPI connection has no type
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.close()


def _digest(node_id: str) -> str:
    return hashlib.sha256(bytes_of(node_id)).hexdigest()


def _row(digest: str, node_id: str, source: str, at: datetime) -> dict[str, object]:
    raw = bytes_of(node_id)
    return {
        "digest": digest, "node_id": raw, "source": source, "first_seen": at, "last_seen": at
    }  # fmt: skip


def _utc(at: datetime) -> datetime:
    """SQLite forgets the zone; everything here is UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def seen_of(nodes: Iterable[SeenNode]) -> frozenset[str]:
    """Return the node_ids alone."""
    return frozenset(node.node_id for node in nodes)
