"""The tables of alerts, as the newest migration leaves them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from services.stores.records.schema import METADATA, Moment, Words

ALERTS = Table(
    "alert",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("began", Moment, nullable=False),
    Column("ended", Moment),
    Column("settled", Boolean, nullable=False),  # over, and everybody was told
    Index("alert_by_settled", "settled", "ended"),
)

SILENCES = Table(
    "alert_silence",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("text", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
)

MESSAGES = Table(
    "alert_message",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("route", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("text", Text, nullable=False),
    Column("again", Boolean, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", Moment),
    Column("claimed_until", Moment),
    Column("failed_at", Moment),
    Column("refused", Boolean, nullable=False),
    Column("problem", Text, nullable=False),
    Column("sent_at", Moment),
    Column("given_up", Boolean, nullable=False),
    Index("alert_message_by_sent", "sent_at", "given_up"),
)

ALERT_HEAD = Table(
    "alert_head",
    METADATA,
    Column("number", BigInteger, nullable=False),  # of looks that were kept
    Column("at", Moment),
    Column("owner", Words, nullable=False),
    Column("leased_until", Moment),
)
"""One row: who has the turn, and how far it is."""
