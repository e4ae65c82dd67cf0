"""A restore: what would be written, and what came of it. Frozen values. Pure.

Counts are of rows, keys, points or records. Names are as KATO has them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeysWritten:
    """What came of writing keys: how many were written, and the names of those that were not.

    `there` had the name before, `expired` are over by the server's own time. `field_ends_lost` are
    hashes that were written without the ends of their fields, which that server does not know.
    """

    written: int = 0
    there: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()
    field_ends_lost: tuple[str, ...] = ()
