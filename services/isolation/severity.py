"""How grave a finding is. Pure."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """How grave a finding is, the gravest first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def weight(self) -> int:
        """What a rule of this severity weighs in the score."""
        return {"critical": 10, "high": 5, "medium": 3, "low": 1, "info": 0}[self.value]

    @property
    def rank(self) -> int:
        """Its place among all: 0 for the gravest."""
        return _RANKS[self]

    def at_least(self, other: Severity) -> bool:
        """Whether it is as grave as another, or graver."""
        return self.rank <= other.rank


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}
