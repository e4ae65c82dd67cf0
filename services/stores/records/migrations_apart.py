"""The migration that brings kb_ids that were taken apart into this product's own records."""

from __future__ import annotations

APART = (
    """CREATE TABLE apart (
        kb_id VARCHAR(64) NOT NULL PRIMARY KEY, "at" {moment} NOT NULL, text TEXT NOT NULL)""",
)
