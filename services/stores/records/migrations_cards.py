"""The migration that brings cards."""

from __future__ import annotations

DESCRIBING = (
    """CREATE TABLE tenant_card (
        digest VARCHAR(64) NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL,
        contact TEXT NOT NULL, labels TEXT NOT NULL, notes TEXT NOT NULL, who TEXT NOT NULL,
        "at" {moment}, held_at {moment}, held_by TEXT NOT NULL, held_why TEXT NOT NULL)""",
    "CREATE TABLE card_version (version BIGINT NOT NULL)",
    "INSERT INTO card_version (version) VALUES (0)",
)
