"""The steps of a purge, in their order: what each does, and what it erases. One table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.figures import Measure
from services.purging.checking import check
from services.purging.context import Context, Result
from services.purging.erasing import (
    end_sessions,
    erase_keys,
    erase_patterns,
    erase_vectors,
    flush,
    invalidate,
)
from services.purging.models import StepName
from services.purging.proofs import settle, verify


@dataclass(frozen=True, slots=True)
class StepKind:
    """One step: what it does, its words on the screen, and the store that it is about.

    A step of no store is one of every purge.
    """

    does: Callable[[Context], Result]
    words: str
    of: Measure | None = None


STEPS: Mapping[StepName, StepKind] = {
    StepName.CHECK: StepKind(check, "Check that the stores are as planned"),
    StepName.SESSIONS: StepKind(end_sessions, "End sessions", Measure.SESSIONS),
    StepName.FLUSH: StepKind(flush, "Flush inserts that are held back", Measure.PATTERNS),
    StepName.KEYS: StepKind(erase_keys, "Erase Redis keys", Measure.KEYS),
    StepName.PATTERNS: StepKind(erase_patterns, "Erase ClickHouse rows", Measure.PATTERNS),
    StepName.VECTORS: StepKind(erase_vectors, "Erase Qdrant points", Measure.VECTORS),
    StepName.CACHES: StepKind(invalidate, "Have KATO forget its caches"),
    StepName.VERIFY: StepKind(verify, "Look again, with other eyes"),
    StepName.SETTLE: StepKind(settle, "Look once more, a little later"),
}
"""Every step, in the order in which they are done."""
