"""The tables of cards, as the newest migration leaves them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table, Text

from services.stores.records.schema import METADATA, Moment, Words

CARDS = Table(
    "tenant_card",
    METADATA,
    Column("digest", String(64), primary_key=True),  # of the tenant
    Column("tenant", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("contact", Words, nullable=False),
    Column("labels", Text, nullable=False),  # JSON: a value for each key
    Column("notes", Words, nullable=False),
    Column("who", Words, nullable=False),
    Column("at", Moment),
    Column("held_at", Moment),  # none: not on hold
    Column("held_by", Words, nullable=False),
    Column("held_why", Words, nullable=False),
)

CARD_VERSION = Table("card_version", METADATA, Column("version", BigInteger, nullable=False))
