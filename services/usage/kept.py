"""What is kept from one collect to the next, so that what did not change costs nothing again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from services.tenancy.kb_ids import TenantKey
from services.tenancy.names import Confirmation, Origin
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.readings import KeyReading, PatternReading, origins_of
from services.usage.rollup import Readings, RolledUp

if TYPE_CHECKING:
    from services.usage.ports import UsageRecords


@dataclass(frozen=True, slots=True)
class Kept:
    """What the last collect brought: its readings, whose all of it was, what they came to."""

    readings: Readings = field(default_factory=Readings)
    ownership: Ownership | None = None
    rolled: RolledUp | None = None

    def patterns(self, *, every: float) -> PatternReading | None:
        """Return the last reading of ClickHouse, while its pass is not `every` seconds ago."""
        reading = self.readings.patterns
        return reading if reading is not None and _is_young(reading, every) else None

    def keys(self, *, every: float) -> KeyReading | None:
        """Return the last reading of Redis; without its mark once its pass is `every` s ago."""
        reading = self.readings.keys
        if reading is None or _is_young(reading, every):
            return reading
        return replace(reading, mark=None)

    def rolled_up(self, readings: Readings, ownership: Ownership) -> RolledUp | None:
        """Return what the same readings came to; None where anything is another."""
        same = ownership is self.ownership and self.has_keys(readings.keys)
        if not same or readings.patterns is not self.readings.patterns:
            return None
        return self.rolled if readings.vectors == self.readings.vectors else None

    def has_keys(self, reading: KeyReading | None) -> bool:
        """Whether a reading is the last one given again, as it is now."""
        before = self.readings.keys
        if reading is None or before is None:
            return reading is before
        mark, last = reading.mark, before.mark
        return mark is not None and last is not None and mark.passed == last.passed


class Owners:
    """Keeps the last `Ownership`, and gives that very object as long as it holds."""

    def __init__(self, state: UsageRecords, *, schemes: NamingSchemes, service: str) -> None:
        self._state, self._schemes, self._service = state, schemes, service
        self._last: tuple[int, Ownership] | None = None

    def now(self) -> Ownership:
        """Return who owns what. Raises StoreUnavailable where the records do not answer."""
        version = self._state.nodes_version()  # before what it is the version of
        last = self._last
        if last is None or last[0] != version:
            origins, words = origins_of(self._state.nodes()), self._state.confirmations()
            last = self._last = version, self._by(origins, words, self._state.services())
        return last[1]

    def _by(
        self, nodes: Mapping[str, Origin], words: Sequence[Confirmation],
        services: Mapping[TenantKey, tuple[str, ...]],
    ) -> Ownership:  # fmt: skip
        confirmed = {word.kb_id: word for word in words}
        before = self._last[1] if self._last is not None else None
        known = nodes, confirmed, services
        if before and (before.origins, before.confirmed, before.services) == known:
            return before  # others cache by the object
        return Ownership(
            nodes, schemes=self._schemes, service=self._service, confirmed=confirmed,
            services=services,
        )  # fmt: skip


def _is_young(reading: PatternReading | KeyReading, every: float) -> bool:
    return reading.mark is not None and time.monotonic() - reading.mark.passed < every
