"""Where the audit log is anchored outside: a file that only grows, and an HTTP address."""

from __future__ import annotations

import os
from pathlib import Path

import httpx

from services.errors import StoreDenied, StoreRejected, StoreUnavailable

URL_SECONDS = 5.0

_DENIED = (401, 403, 407)
_OPERATION = "anchoring the audit log"


class AnchorFile:
    """Appends lines to a file, which it makes where there is none."""

    name = "anchor file"

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, line: str) -> None:
        """Append one line, and have the disk take it. Raises StoreUnavailable."""
        try:
            self._append(f"{line}\n".encode())
        except OSError as exc:
            reason = f"the file cannot be written ({os.strerror(exc.errno or 0)})"
            raise StoreUnavailable(self.name, _OPERATION, reason) from exc

    def read(self) -> str:
        """Return all that was appended; nothing where there is no file. Raises StoreUnavailable."""
        try:
            return self._path.read_text("ascii", errors="replace")
        except FileNotFoundError:
            return ""
        except OSError as exc:
            reason = f"the file cannot be read ({os.strerror(exc.errno or 0)})"
            raise StoreUnavailable(self.name, "reading anchors", reason) from exc

    def _append(self, line: bytes) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if os.write(handle, line) != len(line):
                raise OSError(28, "the disk is full")
            os.fsync(handle)
        finally:
            os.close(handle)

    def close(self) -> None:
        """Nothing is held open."""


class AnchorUrl:
    """Posts each line to an address, which has to answer with a status of 200 to 299.

    No redirect is followed, and no proxy of the environment is used.
    """

    name = "anchor URL"

    def __init__(self, url: str, *, seconds: float = URL_SECONDS) -> None:
        self._url = url
        self._client = httpx.Client(timeout=seconds, follow_redirects=False, trust_env=False)

    def put(self, line: str) -> None:
        """Post one line. Raises StoreUnavailable, StoreDenied and StoreRejected."""
        headers = {"Content-Type": "application/json"}
        try:
            with self._client.stream("POST", self._url, content=line, headers=headers) as answer:
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise StoreUnavailable(self.name, _OPERATION, "no answer") from exc
        if status in _DENIED:
            raise StoreDenied(self.name, _OPERATION, f"status {status}")
        if not httpx.codes.is_success(status):
            raise StoreRejected(self.name, _OPERATION, f"status {status}")

    def close(self) -> None:
        """Close its connections."""
        self._client.close()
