"""The steps of a purge: one table of their order, their stores, what they erase and their words.

What each step does stands apart, in `DOES`: the pages read this table and may not import what
erases. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.figures import Measure
from services.jobs.models import Step as AnyStep


class StepName(StrEnum):
    """The steps of a job, in their order."""

    CHECK = "check"
    ARCHIVE = "archive"
    SESSIONS = "end sessions"
    FLUSH = "flush inserts"
    KEYS = "erase keys"
    PATTERNS = "erase patterns"
    VECTORS = "erase vectors"
    CACHES = "invalidate caches"
    VERIFY = "verify"
    SETTLE = "verify again"


@dataclass(frozen=True, slots=True)
class StepKind:
    """What one step is about: its words on the screen, the store of it, and whether it erases.

    A step of no store is one of every purge.
    """

    words: str
    of: Measure | None = None
    erases: bool = False


STEPS: Mapping[StepName, StepKind] = {
    StepName.CHECK: StepKind("Check that the stores are as planned"),
    StepName.ARCHIVE: StepKind("Take an archive, and prove it"),
    StepName.SESSIONS: StepKind("End sessions", Measure.SESSIONS, erases=True),
    StepName.FLUSH: StepKind("Flush inserts that are held back", Measure.PATTERNS),
    StepName.KEYS: StepKind("Erase Redis keys", Measure.KEYS, erases=True),
    StepName.PATTERNS: StepKind("Erase ClickHouse rows", Measure.PATTERNS, erases=True),
    StepName.VECTORS: StepKind("Erase Qdrant points", Measure.VECTORS, erases=True),
    StepName.CACHES: StepKind("Clear KATO caches"),
    StepName.VERIFY: StepKind("Verify"),
    StepName.SETTLE: StepKind("Verify again, a little later"),
}
"""Every step, in the order in which they are done."""

ERASES: Mapping[Measure, StepName] = {
    kind.of: name for name, kind in STEPS.items() if kind.erases and kind.of is not None
}
"""The step that erases from each store."""


def steps_of(stores: frozenset[Measure], *, archive_first: bool = False) -> tuple[StepName, ...]:
    """Return the steps of a purge of these stores, in order.

    Sessions end first wherever something is erased: a live one would write it again.
    """
    return tuple(
        name for name, kind in STEPS.items()
        if (kind.of is None or kind.of in stores)
        and (archive_first or name is not StepName.ARCHIVE)
    )  # fmt: skip


Step = AnyStep[StepName]
"""One step of a purge, as its journal has it."""
