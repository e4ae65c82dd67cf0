"""The tables about places outside of these records where usage over time is kept."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table

from services.stores.records.schema import METADATA, Words

PLACES = Table(
    "history_place",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("number", BigInteger, nullable=False),  # of snapshots that were recorded
    Column("last", BigInteger, nullable=False),  # seconds since the epoch, as all times here
    Column("hours", BigInteger, nullable=False),  # until when it is rolled up
    Column("days", BigInteger, nullable=False),
    Column("writes", BigInteger, nullable=False),  # the number of the last write that began
)

WRITES = Table(
    "history_place_write",
    METADATA,
    Column("place", String(32), ForeignKey(PLACES.c.id), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("began", BigInteger, nullable=False),
)

PLACE_LOOKS = Table(
    "history_place_look",
    METADATA,
    Column("place", String(32), ForeignKey(PLACES.c.id), primary_key=True),
    Column("quantity", String(32), primary_key=True),
    Column("began", BigInteger, primary_key=True, autoincrement=False),
    Column("ended", BigInteger, nullable=False),
    Column("reason", Words, nullable=False),  # empty where it was known
)
