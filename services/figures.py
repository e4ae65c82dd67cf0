"""What is measured, and an amount of it: frozen values that cross layers. Pure.

Units: `count` is a number of patterns, keys, points or sessions; `bytes` are bytes; times are
aware datetimes in UTC; durations are seconds. `None` means *not known*, never zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Measure(StrEnum):
    """The four things that are counted for every tenant."""

    __hash__ = str.__hash__  # Enum's own is not written in C

    PATTERNS = "patterns"
    KEYS = "keys"
    VECTORS = "vectors"
    SESSIONS = "sessions"


STORE_OF: Mapping[Measure, str] = {
    Measure.PATTERNS: "clickhouse", Measure.KEYS: "redis", Measure.VECTORS: "qdrant",
    Measure.SESSIONS: "redis",
}  # fmt: skip
"""Which store has what is measured."""


PREDICTIONS = "predictions"
"""Keys of the kind `prediction`, which never expire: they are told apart, and are keys too."""


class StoreState(StrEnum):
    """Whether a store's figures are there."""

    OK = "ok"
    UNKNOWN = "unknown"
    NOT_CONFIGURED = "not_configured"


class Precision(StrEnum):
    """How a figure came about: the whole was read, a part of it was, or KATO's own counters."""

    EXACT = "exact"
    SAMPLED = "sampled"
    RUNNING = "running"
    ESTIMATE = "estimate"


@dataclass(frozen=True, slots=True)
class Amount:
    """A count and its bytes.

    `bytes` is None where they are not known. The margins are half the width of the 95 %
    confidence interval, 0 for an exact figure.
    """

    count: int = 0
    bytes: int | None = 0
    count_margin: float = 0.0
    bytes_margin: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        """Add two amounts; bytes are summed where known, independent errors in quadrature."""
        return Amount(
            self.count + other.count,
            _sum_known(self.bytes, other.bytes),
            math.hypot(self.count_margin, other.count_margin),
            math.hypot(self.bytes_margin, other.bytes_margin),
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """The figures of one owner, a field a measure; None where the store's are not known.

    `predictions` are among the `keys`.
    """

    patterns: Amount | None
    keys: Amount | None
    vectors: Amount | None
    sessions: Amount | None
    keys_by_kind: Mapping[str, int] | None = None
    predictions: Amount | None = None

    def of(self, measure: str) -> Amount | None:
        """Return the figure of one measure, or of `PREDICTIONS`: these are the fields' names."""
        amount: Amount | None = getattr(self, measure)
        return amount


def _sum_known(a: int | None, b: int | None) -> int | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b
