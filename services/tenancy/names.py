"""Where a node_id is known from and since when, and whose a kb_id is by an admin's word. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from services.tenancy.kb_ids import TenantKey


class Source(StrEnum):
    """Where a node_id was seen first."""

    SESSION = "session"  # a session's record in Redis
    POINTER = "pointer"  # the key in Redis that points to a node's session
    KATO = "kato"  # KATO's own status
    IMPORTED = "import"  # a file that somebody imported
    HERE = "created here"  # a session that this product created
    OVER = "created here, over older data"  # the same, on a kb_id whose data was there before
    CANARY = "canary"  # a throwaway tenant of the canary test
    CAME = "came to older data"  # a client, to a kb_id whose data an earlier pass saw
    OTHER = "other"  # what another version of this product wrote

    @property
    def is_late(self) -> bool:
        """Whether data was there on its kb_id before it was seen first."""
        return self in (Source.OVER, Source.CAME)

    @classmethod
    def of(cls, written: str) -> Self:
        """Read what the records say; the canary test adds to its word who runs it."""
        if written.partition(" ")[0] == cls.CANARY:
            return cls(cls.CANARY)
        return cls(written) if written in set(cls) else cls(cls.OTHER)


CAME = Source.CAME.value


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Since when a node_id is known, and from where; `by` is who imported it, else empty.

    Of an imported one `since` is what the file says, or when it was imported.
    """

    since: datetime
    source: Source
    by: str = ""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """An admin's word that the data of a kb_id is a tenant's: who gave it, when, and why."""

    kb_id: str
    tenant: TenantKey
    who: str
    at: datetime
    why: str
