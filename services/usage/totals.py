"""What a store says it holds, beside what its parts add up to. Pure."""

from __future__ import annotations

from dataclasses import replace

from services.figures import Amount, Measure
from services.usage.ports import Reading
from services.usage.readings import KeyReading


def own_total(measure: Measure, reading: KeyReading | Reading, parts: Amount) -> Amount:
    """Return what a store says it holds, apart from what its parts add up to.

    Redis says how many keys it has (DBSIZE), not how many bytes their values take and not how
    many of the keys are sessions: these come from the parts. So do the keys where it does not
    let us ask.
    """
    if isinstance(reading, KeyReading):
        if measure is Measure.SESSIONS or reading.sessions is None or reading.keys_after is None:
            return parts
        return replace(parts, count=reading.keys_after - len(reading.sessions))
    return reading.total


def is_untold(reading: object) -> bool:
    """Whether Redis did not tell us how many keys it has."""
    return isinstance(reading, KeyReading) and reading.keys_after is None


def difference(total: Amount, parts: Amount) -> Amount:
    """Return the store's own total less the sum of its parts."""
    if total.bytes is None or parts.bytes is None:
        return Amount(total.count - parts.count, None)
    return Amount(total.count - parts.count, total.bytes - parts.bytes)
