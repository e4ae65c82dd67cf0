"""The migration that brings archives into this product's own records."""

from __future__ import annotations

ARCHIVING = (
    """CREATE TABLE archive (
        id VARCHAR(32) NOT NULL PRIMARY KEY, state VARCHAR(16) NOT NULL,
        created_at {moment} NOT NULL, text TEXT NOT NULL)""",
    "CREATE INDEX archive_by_time ON archive (created_at)",
    """CREATE TABLE archive_tenant (
        tenant VARCHAR(64) NOT NULL, archive VARCHAR(32) NOT NULL REFERENCES archive (id),
        PRIMARY KEY (tenant, archive))""",
)
