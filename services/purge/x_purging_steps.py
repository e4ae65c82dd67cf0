"""What each step of a purge does: apart from their table, which pages read, as this erases."""

from __future__ import annotations

from collections.abc import Callable

from services.purge.check import check
from services.purge.context import Context, Result
from services.purge.erase import (
    end_sessions,
    erase_keys,
    erase_patterns,
    erase_vectors,
    flush,
    invalidate,
)
from services.purge.steps import StepName
from services.purge.verify import settle, verify

DOES: dict[StepName, Callable[[Context], Result]] = {
    StepName.CHECK: check,
    StepName.SESSIONS: end_sessions,
    StepName.FLUSH: flush,
    StepName.KEYS: erase_keys,
    StepName.PATTERNS: erase_patterns,
    StepName.VECTORS: erase_vectors,
    StepName.CACHES: invalidate,
    StepName.VERIFY: verify,
    StepName.SETTLE: settle,
}
