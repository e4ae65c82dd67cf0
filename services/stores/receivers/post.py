"""Posts JSON to an address that an admin set; what fails says neither address nor answer."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from services.errors import StoreDenied, StoreRejected, StoreUnavailable

SECONDS = 10.0
"""How long a receiver may take to be reached, and then for each part of its answer."""

_DENIED = (401, 403, 407)
_LATER = (408, 425, 429)
_OPERATION = "sending alerts"


class Post:
    """Posts to one address, which has to answer with a status of 200 to 299.

    No redirect is followed, and no proxy of the environment is used. A user and password in the
    address are sent as such (Basic).
    """

    def __init__(self, name: str, address: str) -> None:
        self._name, self._address = name, address
        self._client = httpx.Client(timeout=SECONDS, follow_redirects=False, trust_env=False)

    def __call__(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Post once. Raises StoreUnavailable, StoreDenied, StoreRejected.

        What an overloaded server says, as 503 or 429, counts as no answer.
        """
        headers = {"Content-Type": "application/json", "User-Agent": "kato-tenants", **headers}
        try:
            with self._client.stream(
                "POST", self._address, content=body, headers=headers
            ) as answer:
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise StoreUnavailable(self._name, _OPERATION, "no answer") from exc
        if status in _DENIED:
            raise StoreDenied(self._name, _OPERATION, f"status {status}")
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status in _LATER:
            raise StoreUnavailable(self._name, _OPERATION, f"status {status}")
        if not httpx.codes.is_success(status):
            raise StoreRejected(self._name, _OPERATION, f"status {status}")

    def close(self) -> None:
        """Close its connections."""
        self._client.close()
