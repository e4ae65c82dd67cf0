"""Tenants' cards in this product's own records."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update

from services.cards.models import Card, Edit, Held, Hold
from services.stores.records.database import batches, reading, writing
from services.stores.records.life_tables import CARD_VERSION, CARDS
from services.stores.records.putting import put_rows
from services.stores.records.schema import digest_of
from services.tenancy.kb_ids import TenantKey


class CardBook:
    """Keeps them. Every method raises StoreUnavailable when the database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def version(self) -> int:
        """Return a number that is another one whenever a card changed, by anybody."""
        with reading(self._engine, "reading cards") as connection:
            version: int = connection.execute(select(CARD_VERSION.c.version)).scalar_one()
            return version

    def cards(self) -> tuple[Card, ...]:
        """Return every card on which anything stands."""
        with reading(self._engine, "reading cards", long=True) as connection:
            found = map(_card, connection.execute(select(CARDS)))
            return tuple(card for card in found if card.says)

    def holds(self) -> tuple[Held, ...]:
        """Return every legal hold there is now."""
        held = select(CARDS.c.tenant, CARDS.c.held_at, CARDS.c.held_by, CARDS.c.held_why)
        with reading(self._engine, "reading legal holds") as connection:
            rows = connection.execute(held.where(CARDS.c.held_at.is_not(None))).all()
            return tuple(
                Held(TenantKey.written(row.tenant), Hold(row.held_why, row.held_by, row.held_at))
                for row in rows
            )

    def change(self, edits: Collection[Edit], *, by: str, at: datetime) -> None:
        """Change cards, all or none, each as it is at that moment."""
        with writing(self._engine, "changing cards") as connection:
            there = _begin(connection, [edit.tenant for edit in edits])
            cards = (edit.after(_of(there, edit.tenant)) for edit in edits)
            _put(connection, [replace(each, by=by, at=at) for each in cards])

    def hold(self, tenants: Collection[TenantKey], hold: Hold) -> None:
        """Put tenants on hold, all or none; a hold that is there stays as it is."""
        with writing(self._engine, "setting legal holds") as connection:
            there = _begin(connection, tenants)
            cards = (_of(there, tenant) for tenant in tenants)
            _put(connection, [replace(each, hold=each.hold or hold) for each in cards])

    def lift(self, tenants: Collection[TenantKey], *, by: str, at: datetime) -> None:
        """Lift the holds of tenants."""
        with writing(self._engine, "lifting legal holds") as connection:
            there = _begin(connection, tenants)
            cards = (_of(there, tenant) for tenant in tenants)
            _put(connection, [replace(each, hold=None, by=by, at=at) for each in cards])


def _begin(
    connection: Connection, tenants: Iterable[TenantKey]
) -> dict[TenantKey, Card]:  # fmt: skip
    """Say to every process that something has changed, and return what there is of these.

    First: so two that write at once do so one after the other.
    """
    connection.execute(update(CARD_VERSION).values(version=CARD_VERSION.c.version + 1))
    found: dict[TenantKey, Card] = {}
    for some in batches([digest_of(str(tenant)) for tenant in tenants]):
        for row in connection.execute(select(CARDS).where(CARDS.c.digest.in_(some))):
            card = _card(row)
            found[card.tenant] = card
    return found


def _of(there: dict[TenantKey, Card], tenant: TenantKey) -> Card:
    return there.get(tenant) or Card(tenant)


def _put(connection: Connection, cards: list[Card]) -> None:
    put_rows(connection, CARDS, list(map(_row, cards)))


def _row(card: Card) -> dict[str, object]:
    hold = card.hold
    return {
        "digest": digest_of(str(card.tenant)), "tenant": str(card.tenant), "name": card.name,
        "contact": card.contact, "labels": json.dumps(dict(card.labels)), "notes": card.notes,
        "who": card.by, "at": card.at, "held_at": hold and hold.since,
        "held_by": hold.by if hold else "", "held_why": hold.reason if hold else "",
    }  # fmt: skip


def _card(row: Row[Any]) -> Card:
    hold = None if row.held_at is None else Hold(row.held_why, row.held_by, row.held_at)
    return Card(
        TenantKey.written(row.tenant), row.name, row.contact, json.loads(row.labels), row.notes,
        hold, row.who, row.at,
    )  # fmt: skip
