"""The migration that brings tenants that moved into this product's own records."""

from __future__ import annotations

MOVING = (
    """CREATE TABLE moved (
        tenant VARCHAR(64) NOT NULL PRIMARY KEY, since {moment} NOT NULL, text TEXT NOT NULL)""",
)
