"""The migration that brings parked tenants into this product's own records."""

from __future__ import annotations

PARKING = (
    """CREATE TABLE parked (
        tenant VARCHAR(64) NOT NULL PRIMARY KEY, since {moment} NOT NULL, text TEXT NOT NULL)""",
)
