"""What happened to the fleet and its tenants, in this product's own records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, func, select

from services.history.events import Event, EventKind
from services.stores.records.database import insert_into, reading, writing
from services.stores.records.history_tables import EVENTS
from services.stores.records.schema import digest_of

KEPT = timedelta(days=5 * 366)


class EventRecords:
    """Keeps them. Every method raises StoreUnavailable when the database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, events: Sequence[Event]) -> None:
        """Add some; one that is there already stays as it is."""
        with writing(self._engine, "noting what happened") as connection:
            add_events(connection, events)

    def last(self, kind: EventKind) -> datetime | None:
        """Return when one of a kind happened last."""
        newest = select(func.max(EVENTS.c.at)).where(EVENTS.c.kind == kind.value)
        with reading(self._engine, "reading what happened") as connection:
            found: datetime | None = connection.execute(newest).scalar()
            return found

    def between(
        self, since: datetime, until: datetime, *, tenant: str, most: int
    ) -> tuple[Event, ...]:
        """Return the newest of a time, the oldest first: a tenant's and the deployment's.

        Without a tenant, everybody's.
        """
        wanted = select(EVENTS).where(EVENTS.c.at >= since, EVENTS.c.at < until)
        if tenant:
            wanted = wanted.where(EVENTS.c.digest.in_(["", digest_of(tenant)]))
        newest = wanted.order_by(EVENTS.c.at.desc()).limit(most)
        with reading(self._engine, "reading what happened") as connection:
            rows = connection.execute(newest).all()
        return tuple(
            Event(row.at, EventKind(row.kind), row.tenant, row.quantity, row.most)
            for row in reversed(rows)
        )


def add_events(connection: Connection, events: Sequence[Event]) -> None:
    """Add events in a transaction that is open, and let go of what is too old."""
    if not events:
        return
    connection.execute(
        insert_into(connection, EVENTS).on_conflict_do_nothing(), [_row(each) for each in events]
    )
    newest = max(each.at for each in events)
    connection.execute(delete(EVENTS).where(EVENTS.c.at < newest - KEPT))


def _row(event: Event) -> dict[str, object]:
    return {
        "at": event.at, "kind": event.kind.value, "quantity": event.quantity, "most": event.most,
        "digest": digest_of(event.tenant) if event.tenant else "", "tenant": event.tenant,
    }  # fmt: skip
