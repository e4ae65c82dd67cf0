"""Names that are kept as a keyed hash: who has the key can ask for one, and nobody can read them.

A plain hash would not do: names can be guessed, and are short.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.tenancy.layout import bytes_of

KB_ID, NODE_ID, SESSION = "kb_id", "node", "session"

_PURPOSE = b"kato-tenants mark of a name"  # a key may have another use besides
_SHORT = 16


@dataclass(frozen=True, slots=True)
class Marks:
    """HMAC-SHA-256 of names, by the first of these keys; the others are of before. One at least."""

    keys: Sequence[str] = field(repr=False)

    def of(self, kind: str, name: str) -> str:
        """Return the mark of a name of this kind: 64 hex digits."""
        return _mark(self.keys[0], kind, name)

    def every(self, kind: str, name: str) -> tuple[str, ...]:
        """Return every mark that a name may have been kept by."""
        return tuple(_mark(key, kind, name) for key in self.keys)

    def word(self, kind: str, name: str) -> str:
        """Return what stands for a name in a text: its kind and 16 of those digits."""
        return f"{kind}:{self.of(kind, name)[:_SHORT]}"


def _mark(key: str, kind: str, name: str) -> str:
    about = b"\0".join((_PURPOSE, kind.encode(), bytes_of(name)))
    return hmac.digest(key.encode(), about, "sha256").hex()
