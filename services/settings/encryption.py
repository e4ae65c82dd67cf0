"""Sensitive metadata as one encrypted text, with keys that can be rotated.

Fernet of the `cryptography` package, as KATO's guide uses it. Nothing here logs, caches or shows
a value or a key; errors carry neither.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping, Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from services.errors import EncryptionError

VARIABLE = "KATO_TENANTS_METADATA_KEYS"

_VERSION = 0x80
_SHORTEST = 73  # version, time, nonce, one block and the signature, in bytes


class Encryption:
    """Encrypts with the first key, decrypts with any. Without a key it only says so.

    Raises EncryptionError for a key that is none: 32 bytes in URL-safe base64.
    """

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._keys = [_key(key, number) for number, key in enumerate(keys, start=1)]
        self._secret = keys[0].encode() if keys else b""

    @property
    def ready(self) -> bool:
        """Whether there is a key."""
        return bool(self._keys)

    def fingerprint(self, values: Mapping[str, str]) -> str:
        """Return 64 hex digits by which the same values are known again, and nothing told of them.

        Keyed, so that nobody without the first key can try values; empty without a key.
        """
        if not self._secret:
            return ""
        text = "fingerprint " + json.dumps(dict(values), sort_keys=True)
        return hmac.digest(self._secret, text.encode(), "sha256").hex()

    def encrypt(self, values: Mapping[str, str]) -> str:
        """Return the values as one encrypted text. Raises EncryptionError without a key."""
        return self._any().encrypt(json.dumps(dict(values)).encode()).decode("ascii")

    def decrypt(self, token: str) -> Mapping[str, object]:
        """Return the values in an encrypted text.

        Raises EncryptionError, which tells a missing key, a wrong key and a text that was never
        encrypted apart.
        """
        found = _object(self._decrypted(token))
        if found is None:
            raise EncryptionError("what was encrypted is not a JSON object")
        return found

    def rotate(self, token: str) -> str | None:
        """Return a text re-encrypted with the first key, None when it is on that key already.

        Raises EncryptionError when no key decrypts it.
        """
        everyone, raw = self._any(), _raw(token)
        try:
            self._keys[0].decrypt(raw)
        except InvalidToken:
            self._decrypted(token)
            return everyone.rotate(raw).decode("ascii")
        return None

    def _any(self) -> MultiFernet:
        if not self._keys:
            raise EncryptionError(f"there is no key: set {VARIABLE}")
        return MultiFernet(self._keys)

    def _decrypted(self, token: str) -> bytes:
        everyone, raw = self._any(), _raw(token)
        try:
            return everyone.decrypt(raw)
        except InvalidToken:
            raise EncryptionError(_reason(raw)) from None


def _key(key: str, number: int) -> Fernet:
    try:
        return Fernet(key.encode())
    except (ValueError, binascii.Error):
        reason = f"key {number} is not 32 bytes in URL-safe base64"
        raise EncryptionError(reason) from None


def _raw(token: str) -> bytes:
    return token.encode("utf-8", "replace")


def _reason(raw: bytes) -> str:
    """Say why nothing decrypts a text, by its form."""
    try:
        content = base64.urlsafe_b64decode(raw)
    except (ValueError, binascii.Error):
        content = b""
    if len(content) < _SHORTEST or content[0] != _VERSION:
        return "it is not an encrypted text, or only a part of one"
    return f"no key in {VARIABLE} fits, or the text was changed since it was encrypted"


def _object(raw: bytes) -> Mapping[str, object] | None:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
