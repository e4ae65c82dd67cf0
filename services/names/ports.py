"""What bringing names asks of this product's records, which raise StoreUnavailable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from services.tenancy.names import Confirmation


class NameRecords(Protocol):
    """Where names are kept. Whoever reads who owns what sees each change at once.

    Each method is one transaction.
    """

    def import_nodes(self, since: Mapping[str, datetime], *, by: str) -> None:
        """Record node_ids, each with since when it is known, as imported by somebody.

        Of one that is known already, an earlier time counts.
        """

    def confirm(self, words: Iterable[Confirmation]) -> None:
        """Keep what an admin confirmed; of a kb_id the newest word counts."""

    def revoke(self, kb_ids: Iterable[str]) -> None:
        """Take back what was confirmed of exactly these kb_ids."""
