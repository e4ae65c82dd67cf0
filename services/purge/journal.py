"""What the steps of a purge write into its journal, and what is read out of it. Pure.

A step's result is a dict of JSON. What was found stands there as rows `[store, owner, kind,
count]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from services.errors import Problem
from services.figures import Measure
from services.jobs.models import StepState
from services.purge.job import Job
from services.purge.models import Item
from services.purge.plan import Looks
from services.purge.steps import StepName

CHECKED = "attempts"
"""In the result of the check: what each run of the job found first, and which steps were done."""

Counts = dict[tuple[Measure, str, str], int]


def counts_rows(items: Iterable[Item]) -> list[list[object]]:
    """Return what was found as rows."""
    return [[item.store.value, item.owner, item.kind, item.count] for item in items]


def found_of(looks: Looks) -> dict[str, object]:
    """Return what a look found, as the journal keeps it."""
    return {
        "items": counts_rows(looks.items),
        "problems": {store.value: why.kept for store, why in looks.problems.items()},
        "blockers": list(looks.blockers),
        "disclosed": list(looks.disclosed),
        "everything": {
            name: [each.total, each.seen, each.moved] for name, each in looks.everything.items()
        },
        **({"servers": {name: dict(of) for name, of in looks.servers.items()}}
           if looks.servers else {}),
    }  # fmt: skip


def problems_of(result: Mapping[str, Any]) -> Mapping[Measure, Problem]:
    """Return why stores could not be asked, out of what a look found."""
    found = result.get("problems")
    kept = found.items() if isinstance(found, Mapping) else ()
    return {Measure(store): Problem.of_kept(why) for store, why in kept}


def counts(rows: object) -> Counts:
    """Read rows; anything else has none."""
    found = rows if isinstance(rows, Sequence) else ()
    return {(Measure(store), owner, kind): count for store, owner, kind, count in found}


def result_of(job: Job, name: StepName) -> Mapping[str, Any]:
    """Return what a step found or did; nothing for one that was never done."""
    step = job.step(name)
    return step.result if step is not None else {}


def sessions_of(job: Job) -> Mapping[str, str]:
    """Return the target's sessions that a check has seen, with their node_ids."""
    found = result_of(job, StepName.CHECK).get("sessions")
    return found if isinstance(found, Mapping) else {}


def last_look(job: Job) -> Mapping[str, Any]:
    """Return the last proof that was done."""
    for name in (StepName.SETTLE, StepName.VERIFY):
        step = job.step(name)
        if step is not None and step.state is StepState.DONE:
            return step.result
    return {}


def attempts_of(job: Job) -> list[tuple[Counts, frozenset[str]]]:
    """Return what each run found first, and which steps were done by then.

    A job of which no check was ever done has none.
    """
    found = result_of(job, StepName.CHECK).get(CHECKED, ())
    return [(counts(each["items"]), frozenset(each["done"])) for each in found]


def late_of(job: Job) -> Iterator[Counts]:
    """Yield what the proofs found and erased after the steps that erase."""
    for name in (StepName.VERIFY, StepName.SETTLE):
        yield counts(result_of(job, name).get("late_items", ()))
