"""Whether what a store lost is accounted for: by the purge, and by what others did. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from services.figures import Measure
from services.purge.job import Conserved, Job, Line
from services.purge.journal import last_look, result_of
from services.purge.models import Reckoning, is_counted
from services.purge.steps import StepName

_MEASURES: Mapping[str, frozenset[Measure]] = {
    "patterns": frozenset({Measure.PATTERNS}),
    "keys": frozenset({Measure.KEYS, Measure.SESSIONS}),
    "vectors": frozenset({Measure.VECTORS}),
}


def conserved_of(job: Job, lines: Iterable[Line]) -> tuple[Conserved, ...]:
    """Compare the first look of a job at whole stores with its last one, store by store."""
    before, after = _reckonings(result_of(job, StepName.CHECK)), _reckonings(last_look(job))
    deleted = list(lines)
    return tuple(
        _conserved(store, before[store], after[store], deleted)
        for store in sorted(before.keys() & after.keys())
    )


def unexplained(job: Job, conserved: Iterable[Conserved]) -> Iterator[str]:
    """Say of which stores more went, or less, than anybody accounts for.

    By how much a store changed while it was looked at cannot be told apart from that.
    """
    before, after = _reckonings(result_of(job, StepName.CHECK)), _reckonings(last_look(job))
    for each in conserved:
        if abs(each.unexplained) > before[each.store].moved + after[each.store].moved:
            more = "fewer" if each.unexplained > 0 else "more"
            yield (
                f"{each.store}: {abs(each.unexplained):,} {more} are there than the purge and "
                "what others did account for"
            )


def _conserved(
    store: str, before: Reckoning, after: Reckoning, lines: Iterable[Line]
) -> Conserved:  # fmt: skip
    deleted = sum(
        line.deleted for line in lines if line.store in _MEASURES[store] and is_counted(line.kind)
    )
    return Conserved(
        store, before.total, after.total, deleted,
        others=before.seen - after.seen - deleted,
        unexplained=(before.total - before.seen) - (after.total - after.seen),
    )  # fmt: skip


def _reckonings(result: Mapping[str, Any]) -> dict[str, Reckoning]:
    found = result.get("everything")
    return {store: Reckoning(*each) for store, each in (found or {}).items()}
