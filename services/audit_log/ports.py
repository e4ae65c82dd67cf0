"""What the audit log asks of this product's own records and of where it is anchored. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from services.access.viewer import Outcome
from services.audit_log.chain import LogKeys
from services.audit_log.models import Entry, Event, Kept, LogFilter


class LogBookStore(Protocol):
    """The log in the state store. Every method raises StoreError."""

    keys: LogKeys

    def append(self, event: Event) -> Entry:
        """Put an event at the end of the chain. When this returns, it is there to stay."""

    def append_once(self, event: Event) -> Entry | None:
        """Put an event at the end, unless one of this request id is there: then return None."""

    def head(self) -> Entry | None:
        """Return the newest entry, or None before the first."""

    def hash_of(self, number: int) -> str | None:
        """Return the hash of an entry; None where there is none."""

    def page(self, wanted: LogFilter, *, before: int | None, limit: int) -> tuple[Entry, ...]:
        """Return the newest entries that pass, of those before a number, the newest first."""

    def after(self, wanted: LogFilter, *, number: int, limit: int = ...) -> tuple[Entry, ...]:
        """Return the oldest entries that pass, of those after a number, the oldest first."""

    def of_request(self, request_id: str) -> tuple[Entry, ...]:
        """Return the entries of one action, the oldest first."""

    def ends(self, request_ids: Sequence[str]) -> Mapping[str, Outcome]:
        """Return how actions ended; one that has not is left out."""

    def people(self) -> tuple[str, ...]:
        """Return who is in the log."""

    def kept(self) -> Iterator[Kept]:
        """Return every entry as it is kept, the oldest first."""


class AnchorPlace(Protocol):
    """Somewhere outside that anchors are put."""

    name: str

    def put(self, line: str) -> None:
        """Keep one line. Raises StoreError."""

    def close(self) -> None:
        """Let go of its connections."""


class ReadAnchors(Protocol):
    """Somewhere that anchors can be read back from."""

    def read(self) -> str:
        """Return all that was put there. Raises StoreError."""
