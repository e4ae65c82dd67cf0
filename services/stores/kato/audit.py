"""KATO's API: what the isolation audit asks of it, which is whether it answers anyone."""

from __future__ import annotations

from typing import Self

import httpx

from services.errors import StoreMisconfigured, StoreNotConfigured
from services.isolation.facts import KatoFacts
from services.settings.environment import Settings
from services.stores.kato.connect import STORE
from services.stores.open_doors import Door, kato_door, no_door


class KatoAudit:
    """Asks one KATO how it is, as a stranger would.

    Raises StoreUnavailable, StoreMisconfigured or StoreRejected.
    """

    def __init__(self, *, door: Door = no_door) -> None:
        self._door = door

    @classmethod
    def over_http(cls, settings: Settings) -> Self:
        """Build it for the KATO in the settings. Raises StoreNotConfigured, StoreMisconfigured."""
        if settings.kato_api_url is None:
            raise StoreNotConfigured(STORE, "connecting", "set KATO_API_URL")
        url = settings.kato_api_url.get_secret_value()
        try:
            return cls(door=kato_door(url, seconds=settings.timeout_seconds))
        except httpx.InvalidURL as exc:
            raise StoreMisconfigured(STORE, "connecting", "its address cannot be used") from exc

    def close(self) -> None:
        """Do nothing: no connection is kept."""

    def facts(self) -> KatoFacts:
        """Say whether it lets anyone in."""
        return KatoFacts(open=self._door())
