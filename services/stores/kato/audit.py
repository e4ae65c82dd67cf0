"""KATO's API: what the isolation audit asks of it, which is whether it answers anyone."""

from __future__ import annotations

from services.isolation.facts import KatoFacts
from services.stores.open_doors import Door, no_door


class KatoAudit:
    """Asks one KATO how it is, as a stranger would.

    Raises StoreUnavailable, StoreMisconfigured or StoreRejected.
    """

    def __init__(self, *, door: Door = no_door) -> None:
        self._door = door

    def facts(self) -> KatoFacts:
        """Say whether it lets anyone in."""
        return KatoFacts(open=self._door())
