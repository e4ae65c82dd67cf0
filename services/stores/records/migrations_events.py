"""The migration that keeps what happened: marks of charts over time."""

from __future__ import annotations

HAPPENING = (
    """CREATE TABLE event (
        "at" {moment} NOT NULL, kind VARCHAR(16) NOT NULL, digest VARCHAR(64) NOT NULL,
        quantity VARCHAR(64) NOT NULL, tenant TEXT NOT NULL, most BIGINT,
        PRIMARY KEY ("at", kind, digest, quantity))""",
    'CREATE INDEX event_of_whom ON event (digest, "at")',
    'CREATE INDEX event_of_kind ON event (kind, "at")',
)
