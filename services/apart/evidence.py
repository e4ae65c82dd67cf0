"""What can only be one tenant's, of a kb_id that several share. Pure.

Nothing that KATO stores of a pattern says whose it is. Two things exclude somebody: that they had
not begun when the row was written, which is a person's word about each of them, and that it was
learnt once, so that nobody learnt it again since. Whatever is not excluded stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.tenancy.kb_ids import TenantKey

MARGIN = timedelta(minutes=5)
"""How much before somebody began a row has to be written: clocks of two machines differ."""

VECTOR = b"VCTR|"
"""How a token begins that names a vector."""

Began = Mapping[TenantKey, datetime | None]
"""Since when each who shares may have written, None for since ever."""


class Why(StrEnum):
    """Why a pattern cannot be told apart."""

    ANYBODY = "nobody said since when the others wrote"
    UNTIMED = "when it was written is not known"
    LATE = "written when more than one of them could"
    EARLY = "written before all of them began"
    TWICE = "its row is there more than once"
    AGAIN = "learnt more than once, and only the first time is known"
    UNCOUNTED = "how often it was learnt is not known"
    VECTORS = "it names vectors, and no Qdrant is set up here to copy them"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of the kb_id.

    `at` is the newest time of its rows, in seconds since 1970; 0 where no row has one.
    `tokens` are all of its symbols, each as often as it has it.
    """

    name: bytes
    rows: int
    at: int
    tokens: tuple[bytes, ...] = ()

    @property
    def vectors(self) -> frozenset[bytes]:
        """The tokens that name vectors."""
        return frozenset(token for token in self.tokens if token.startswith(VECTOR))


@dataclass(frozen=True, slots=True)
class Alone:
    """Who alone could write, and until when: `after` and `until` in whole seconds since 1970.

    A row of a second up to `until` is nobody else's, where that second is after `after`; None is
    since ever.
    """

    tenant: TenantKey
    until: int
    after: int | None = None

    def why(self, pattern: Pattern, frequency: int | None) -> Why | None:
        """Say why a pattern that was learnt so often may be another's; None where it is not.

        `frequency` is None where Redis does not tell.
        """
        if pattern.at <= 0:
            return Why.UNTIMED
        if pattern.at > self.until:
            return Why.LATE
        if self.after is not None and pattern.at <= self.after:
            return Why.EARLY
        if pattern.rows != 1:
            return Why.TWICE
        if frequency is None:
            return Why.UNCOUNTED
        return None if frequency == 1 else Why.AGAIN


def alone(began: Began) -> Alone | None:
    """Return who of those who share was alone at first; None where that cannot be told.

    It takes a word about everybody else. Only one can have been alone: who began first.
    """
    unknown = [tenant for tenant, since in began.items() if since is None]
    if len(began) < 2 or len(unknown) > 1:  # noqa: PLR2004 - several
        return None
    known = {tenant: since for tenant, since in began.items() if since is not None}
    first = unknown[0] if unknown else min(known, key=lambda tenant: known[tenant])
    own = known.pop(first, None)
    until, after = _excluded(min(known.values())), None if own is None else _excluded(own)
    return None if after is not None and until <= after else Alone(first, until, after)


def _excluded(began: datetime) -> int:
    """Return the last second of which nothing was written by who began then.

    A time of whole seconds stands for all that was written in that second.
    """
    return int((began.timestamp() - MARGIN.total_seconds()) // 1) - 1  # the year 1 has no before
