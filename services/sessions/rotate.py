"""Re-encrypt sensitive metadata with the newest key, record by record.

KATO has no call that changes metadata, so the record in Redis is rewritten: only the encrypted
text in it, only if it still holds the one that was read, and with its TTL as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from services.errors import EncryptionError, StoreRejected
from services.sessions.models import KeyRotationReport, SealedRecord
from services.settings.encryption import VARIABLE, Encryption

_CHANGED = "it was written or ended meanwhile, or holds its text in another form: run this again"
_UNDONE = "KATO wrote it back from its own copy: run this again when the session is idle"


class SealedSource(Protocol):
    """Where encrypted metadata is found."""

    def sealed(self) -> tuple[SealedRecord, ...]:
        """Return every record that holds some."""


class TextSwap(Protocol):
    """Where a record is rewritten."""

    def swap(self, key: str, old: str, new: str) -> bool:
        """Put one text in the place of another; False when it was not there any more."""


class KeyRotation:
    """Moves encrypted metadata to the first key."""

    def __init__(self, *, records: SealedSource, writes: TextSwap, encryption: Encryption) -> None:
        self._records = records
        self._writes = writes
        self._encryption = encryption

    def run(self) -> KeyRotationReport:
        """Re-encrypt what can be, look again, and report the rest with why.

        May be run again at any time: what is on the first key already is left alone. Raises
        EncryptionError without a key, StoreError when Redis fails.
        """
        if not self._encryption.ready:
            raise EncryptionError(f"there is no key: set {VARIABLE}")
        failed: dict[str, str] = {}
        renewed: dict[str, str] = {}
        current = 0
        for record in self._records.sealed():
            new = self._renewed(record, failed)
            if new is not None:
                renewed[record.key] = new
            elif record.key not in failed:
                current += 1
        undone = self._undone(self._records.sealed() if renewed else (), renewed)
        report = {**failed, **dict.fromkeys(undone, _UNDONE)}
        return KeyRotationReport(len(renewed) - len(undone), current, report)

    def _renewed(self, record: SealedRecord, failed: dict[str, str]) -> str | None:
        """Rewrite one record and return its new text, None where it was not rewritten."""
        try:
            new = self._encryption.rotate(record.token)
            if new is not None and not self._writes.swap(record.key, record.token, new):
                failed[record.key] = _CHANGED
                return None
        except (EncryptionError, StoreRejected) as exc:
            failed[record.key] = str(exc)
            return None
        return new

    def _undone(self, now: Iterable[SealedRecord], renewed: dict[str, str]) -> list[str]:
        """Return the records that hold an older text again; one that ended meanwhile does not."""
        return [r.key for r in now if r.key in renewed and self._needs(r.token)]

    def _needs(self, token: str) -> bool:
        try:
            return self._encryption.rotate(token) is not None
        except EncryptionError:
            return True
