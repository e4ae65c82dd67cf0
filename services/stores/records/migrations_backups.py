"""The migration that brings backups."""

from __future__ import annotations

BACKING_UP = (
    """CREATE TABLE backup_rule (
        digest VARCHAR(64) NOT NULL PRIMARY KEY, text TEXT NOT NULL, who TEXT NOT NULL,
        "at" {moment} NOT NULL, why TEXT NOT NULL)""",
    """CREATE TABLE backup_newest (
        digest VARCHAR(64) NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, due {moment} NOT NULL,
        begun {moment} NOT NULL, archive VARCHAR(64) NOT NULL, problem TEXT NOT NULL)""",
    """CREATE TABLE backup (
        archive VARCHAR(64) NOT NULL PRIMARY KEY, digest VARCHAR(64) NOT NULL,
        due {moment} NOT NULL, begun {moment} NOT NULL)""",
    "CREATE INDEX ix_backup_digest ON backup (digest)",
)
