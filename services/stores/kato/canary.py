"""The two calls of KATO that only the canary test makes: they tell how KATO counts and extends.

A session's GET keeps it alive, so it is asked of the test's own session alone.
"""

from __future__ import annotations

from urllib.parse import quote

import httpx

from services.stores.kato.connect import Call, ask, seconds_of

_COUNT = Call("GET", "/sessions/count", "asking how many sessions it counts")


class OwnSession:
    """Looks at the test's own session as a client would. Raises StoreError."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._seconds = seconds_of(client)

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
