"""Limits, and who is near or over, in this product's own records."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Table, bindparam, delete, insert, select, update

from services.cards.scope import Scope, scope_written
from services.history.events import Event, EventKind
from services.limits.models import Crossed, Kept, Rule, State
from services.limits.ports import Held
from services.stores.records.database import reading, writing
from services.stores.records.events import add_events
from services.stores.records.limit_tables import CROSSED, LIMIT_VERSION, LIMITS
from services.stores.records.putting import put_rows
from services.stores.records.schema import digest_of

_KINDS = {
    State.NEAR: EventKind.LIMIT_NEAR,
    State.OVER: EventKind.LIMIT_OVER,
    None: EventKind.LIMIT_LEFT,
}


class LimitBook:
    """Keeps them. Every method raises StoreUnavailable when the database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def version(self) -> int:
        """Return a number that is another one whenever anything here changed, by anybody."""
        with reading(self._engine, "reading limits") as connection:
            version: int = connection.execute(select(LIMIT_VERSION.c.version)).scalar_one()
            return version

    def rules(self) -> tuple[Kept, ...]:
        """Return every rule."""
        with reading(self._engine, "reading limits") as connection:
            return tuple(
                Kept(_rule(row), row.who, row.at, row.why)
                for row in connection.execute(select(LIMITS))
            )

    def change(self, put: Collection[Kept], removed: Collection[tuple[Scope, str]]) -> None:
        """Set rules, in place of those of the same key, and remove others, all or none."""
        with writing(self._engine, "changing limits") as connection:
            _count(connection)  # first: so two that write at once do so one after the other
            _delete(connection, LIMITS, [(str(scope), quantity) for scope, quantity in removed])
            put_rows(connection, LIMITS, list(map(_row, put)))

    def held(self) -> Held:
        """Return who was near or over at the last look."""
        with reading(self._engine, "reading who is over a limit") as connection:
            return _held(connection)

    def hold(self, changed: Mapping[tuple[str, str], Crossed | None], *, at: datetime) -> None:
        """Note who came to be near or over, and who is that no longer (None).

        It is an event at this moment for each whose state is another one than before.
        """
        with writing(self._engine, "noting who is over a limit") as connection:
            _count(connection)
            add_events(connection, list(_events(changed, _held(connection), at)))
            _delete(connection, CROSSED, changed)
            rows = [_crossed(key, now) for key, now in changed.items() if now is not None]
            if rows:
                connection.execute(insert(CROSSED), rows)


def _held(connection: Connection) -> Held:
    return {
        (row.tenant, row.quantity): Crossed(State(row.state), row.most, row.since)
        for row in connection.execute(select(CROSSED))
    }


def _events(
    changed: Mapping[tuple[str, str], Crossed | None], before: Held, at: datetime
) -> Iterator[Event]:
    for (tenant, quantity), now in changed.items():
        was = before.get((tenant, quantity))
        if (now and now.state) == (was and was.state):
            continue
        crossed = now or was
        most = None if crossed is None else crossed.most
        yield Event(at, _KINDS[now.state if now else None], tenant, quantity, most)


def _delete(connection: Connection, table: Table, keys: Collection[tuple[str, str]]) -> None:
    if keys:
        of = table.c.digest == bindparam("of"), table.c.quantity == bindparam("what")
        rows = [{"of": digest_of(name), "what": quantity} for name, quantity in keys]
        connection.execute(delete(table).where(*of), rows)


def _crossed(key: tuple[str, str], now: Crossed) -> dict[str, object]:
    tenant, quantity = key
    return {
        "digest": digest_of(tenant), "quantity": quantity, "tenant": tenant,
        "state": now.state.value, "most": now.most, "since": now.since,
    }  # fmt: skip


def _row(kept: Kept) -> dict[str, object]:
    rule = kept.rule
    return {
        "digest": digest_of(str(rule.scope)), "quantity": rule.quantity, "scope": str(rule.scope),
        "most": rule.most, "who": kept.by, "at": kept.at, "why": kept.why,
    }  # fmt: skip


def _rule(row: Row[Any]) -> Rule:
    return Rule(scope_written(row.scope), row.quantity, row.most)


def _count(connection: Connection) -> None:
    """Say to every process that something has changed."""
    connection.execute(update(LIMIT_VERSION).values(version=LIMIT_VERSION.c.version + 1))
