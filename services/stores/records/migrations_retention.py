"""The migration that brings retention policies."""

from __future__ import annotations

RETAINING = (
    """CREATE TABLE retention_policy (
        digest VARCHAR(64) NOT NULL, quantity VARCHAR(64) NOT NULL, scope TEXT NOT NULL,
        most BIGINT, cron TEXT NOT NULL, zone TEXT NOT NULL, who TEXT NOT NULL,
        "at" {moment} NOT NULL, why TEXT NOT NULL, begun {moment}, claimed {moment},
        PRIMARY KEY (digest, quantity))""",
)
