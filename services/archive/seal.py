"""A member's bytes out of its content and back: zstd, then age where there are recipients. Pure."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Protocol, cast

import pyrage

from services.archive.errors import ArchiveFlaw, ArchiveRefused

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_LEVEL = 3  # zstd's own default


class Recipient(Protocol):
    """Who can open what is encrypted to them: a public key of age or SSH."""


class Identity(Protocol):
    """A private key of age or SSH."""


def recipients_of(text: str) -> tuple[Recipient, ...]:
    """Read age's public keys (`age1…`, `ssh-ed25519 …`, `ssh-rsa …`), by commas or lines.

    Raises ValueError, which says which of them, counted from 1, is none.
    """
    lines = [line.strip() for line in text.replace(",", "\n").splitlines()]
    written = [line for line in lines if line and not line.startswith("#")]
    return tuple(_recipient(line, number) for number, line in enumerate(written, start=1))


def _recipient(line: str, number: int) -> Recipient:
    kind: Any = pyrage.ssh.Recipient if line.startswith("ssh-") else pyrage.x25519.Recipient
    try:
        return cast("Recipient", kind.from_str(line))
    except pyrage.RecipientError:
        raise ValueError(f"number {number} is no public key of age") from None


def identities_of(content: bytes) -> tuple[Identity, ...]:
    """Read a file of age's identities (`AGE-SECRET-KEY-…`, one a line), or one SSH private key.

    Raises ValueError, which carries nothing of it.
    """
    try:
        if b"PRIVATE KEY-----" in content:
            return (cast("Identity", pyrage.ssh.Identity.from_buffer(content)),)
        lines = [line.strip() for line in content.decode("ascii").splitlines()]
        keys = [line for line in lines if line and not line.startswith("#")]
        return tuple(cast("Identity", pyrage.x25519.Identity.from_str(key)) for key in keys)
    except (pyrage.IdentityError, UnicodeDecodeError):
        raise ValueError("it holds no identities of age") from None


def seal(content: bytes, recipients: Sequence[Recipient] = ()) -> bytes:
    """Compress, and encrypt to all recipients where there are any."""
    packed = zstd.compress(content, level=_LEVEL)
    return bytes(pyrage.encrypt(packed, list(recipients))) if recipients else packed


def open_sealed(
    stored: bytes, identities: Sequence[Identity] | None, *, most: int, where: str
) -> bytes:
    """Undo `seal`. `identities` is None for what is not encrypted.

    Raises ArchiveRefused for what no identity opens, and for what is not as it was written or
    holds more than `most` bytes.
    """
    packed = stored if identities is None else _decrypted(stored, identities, where)
    reader = zstd.ZstdDecompressor()
    try:
        content = reader.decompress(packed, max_length=most + 1)
    except zstd.ZstdError:
        raise ArchiveRefused(ArchiveFlaw.ALTERED, where) from None
    if len(content) > most or not reader.eof or reader.unused_data:
        raise ArchiveRefused(ArchiveFlaw.ALTERED, where)
    return content


def _decrypted(stored: bytes, identities: Sequence[Identity], where: str) -> bytes:
    if not identities:
        raise ArchiveRefused(ArchiveFlaw.LOCKED, where)
    try:
        return bytes(pyrage.decrypt(stored, list(identities)))
    except pyrage.DecryptError:
        raise ArchiveRefused(ArchiveFlaw.LOCKED, where) from None
