"""The tables of alerts: as the migration makes them, and as they are asked."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from services.stores.records.schema import METADATA, Moment, Words

ALERTING = (
    """CREATE TABLE alert (
        id VARCHAR(32) NOT NULL PRIMARY KEY, state VARCHAR(16) NOT NULL, text TEXT NOT NULL,
        began {moment} NOT NULL, ended {moment}, settled BOOLEAN NOT NULL)""",
    "CREATE INDEX alert_by_settled ON alert (settled, ended)",
    """CREATE TABLE alert_silence (
        id VARCHAR(32) NOT NULL PRIMARY KEY, text TEXT NOT NULL, "at" {moment} NOT NULL,
        until {moment} NOT NULL)""",
    """CREATE TABLE alert_message (
        number {serial} PRIMARY KEY, id VARCHAR(32) NOT NULL UNIQUE, route TEXT NOT NULL,
        "at" {moment} NOT NULL, text TEXT NOT NULL, again BOOLEAN NOT NULL,
        tries INTEGER NOT NULL, next_at {moment}, claimed_until {moment}, failed_at {moment},
        refused BOOLEAN NOT NULL, problem TEXT NOT NULL, sent_at {moment},
        given_up BOOLEAN NOT NULL)""",
    "CREATE INDEX alert_message_by_sent ON alert_message (sent_at, given_up)",
    """CREATE TABLE alert_head (
        number BIGINT NOT NULL, "at" {moment}, owner TEXT NOT NULL, leased_until {moment})""",
    "INSERT INTO alert_head (number, owner) VALUES (0, '\"\"')",
)
"""The statements of the migration: history, which never changes."""

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
