"""The two calls of KATO that only the canary test makes: they tell how KATO counts and extends.

A session's GET keeps it alive, so it is asked of the test's own session alone.
"""

from __future__ import annotations

from typing import Self
from urllib.parse import quote

from services.errors import StoreNotConfigured
from services.settings.environment import Settings
from services.stores.kato.connect import STORE, Call, ask, client_at

_COUNT = Call("GET", "/sessions/count", "asking how many sessions it counts")


class OwnSession:
    """Looks at the test's own session as a client would. Raises StoreError."""

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        self._seconds = timeout_seconds
        self._client = client_at(url, timeout_seconds=timeout_seconds)

    @classmethod
    def over_http(cls, settings: Settings) -> Self:
        """Build it for KATO_API_URL. Raises StoreNotConfigured, StoreMisconfigured."""
        if settings.kato_api_url is None:
            raise StoreNotConfigured(STORE, "connecting", "set KATO_API_URL")
        url = settings.kato_api_url.get_secret_value()
        return cls(url, timeout_seconds=settings.timeout_seconds)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def read(self, session_id: str) -> None:
        """Read the test's own session, as any client does."""
        path = f"/sessions/{quote(session_id, safe='')}"
        ask(self._client, Call("GET", path, "reading its own session"), seconds=self._seconds)

    def count(self) -> int:
        """Return how many active sessions KATO says that it has."""
        count = ask(self._client, _COUNT, seconds=self._seconds).get("active_session_count")
        if not isinstance(count, int):
            raise _COUNT.misfit("it counts no sessions")
        return count
