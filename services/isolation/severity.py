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

    def at_least(self, other: Severity) -> bool:
        """Whether it is as grave as another, or graver."""
        order = list(Severity)
        return order.index(self) <= order.index(other)
