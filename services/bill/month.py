"""Months, in a zone. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

_WRITTEN = re.compile(r"(\d{4})-(\d{2})")
_MONTHS = 12
_FIRST_YEAR, _LAST_YEAR = 1970, 9998


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of the calendar."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one, as `2026-10`. Raises ValueError."""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise ValueError("is no month, as 2026-10")
        year, month = map(int, found.groups())
        if not (1 <= month <= _MONTHS and _FIRST_YEAR <= year <= _LAST_YEAR):
            raise ValueError("is no month, as 2026-10")
        return cls(year, month)

    @classmethod
    def of(cls, at: datetime, zone: ZoneInfo) -> Self:
        """Return the month that has a moment, in a zone."""
        local = at.astimezone(zone)
        return cls(local.year, local.month)

    @property
    def next(self) -> Month:
        """The one after it."""
        return Month(self.year + self.month // _MONTHS, self.month % _MONTHS + 1)

    @property
    def before(self) -> Month:
        """The one before it."""
        year, month = divmod(self.year * _MONTHS + self.month - 2, _MONTHS)
        return Month(year, month + 1)

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return when it begins and ends: months follow one another without a gap."""
        return self._start(zone), self.next._start(zone)  # noqa: SLF001  of its own class

    def _start(self, zone: ZoneInfo) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=zone)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"
