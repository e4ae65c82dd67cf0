"""What a run came to: counts that add up, whatever was written meanwhile, however often it died."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from services.errors import Problem
from services.jobs.models import Job, JobState, Step, StepState
from services.retention.formats import line_json, looked_json
from services.retention.models import Left, LeftOut, Line, Matter, Outcome
from services.retention.receipt import came_of, outcome_of, receipt_of
from services.retention.steps import StepName
from services.tenancy.kb_ids import TenantKey

AT = datetime(2026, 11, 29, tzinfo=UTC)
LINE = Line(Matter.PREDICTIONS, TenantKey("tenant", "acme"), "a_kato", {}, 10, 6)


def job(before: Line, after: Line | None, *, counted: int = 0, verified: bool = True) -> Job:
    def step(name: StepName, result: dict[str, Any]) -> Step[str]:
        return Step(name, StepState.DONE, result=result)

    done = {"done": {before.owner: counted}} if counted else {"done": {}}
    end = looked_json([after] if after else [], [], [], 0) if verified else {}
    return Job(
        "j", "retention", {"at": AT.isoformat(), "policies": []}, "ann", "t", AT, JobState.RUNNING,
        steps=(
            step(StepName.CHECK, dict(looked_json([before], [], [], 0))),
            step(StepName.PREDICTIONS, done), step(StepName.PATTERNS, done),
            step(StepName.CACHES, done), step(StepName.VERIFY, dict(end)),
        ),
    )  # fmt: skip


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_they_add_up(due: int, more: int, left: int, after: int) -> None:
    before = replace(LINE, there=due + more, due=due)
    end = replace(LINE, there=left + after, due=left)
    (came,) = came_of(job(before, end, counted=min(due, 3)))
    assert came.line.there == came.deleted + came.others + came.after
    assert came.deleted >= min(due, 3)


def test_what_was_counted_is_not_lost_by_what_was_written_meanwhile() -> None:
    """6 went, and 2 came that are due by now: 6 are deleted, 2 left, others wrote 2."""
    (came,) = came_of(job(LINE, replace(LINE, there=6, due=2), counted=6))
    assert (came.deleted, came.left, came.others) == (6, 2, -2)


def test_what_a_killed_process_did_not_count_is_known_by_the_looks() -> None:
    (came,) = came_of(job(LINE, replace(LINE, there=4, due=0)))
    assert (came.deleted, came.left, came.others) == (6, 0, 0)
    (gone,) = came_of(job(LINE, None))
    assert (gone.deleted, gone.after, gone.others) == (6, 0, 4)


@pytest.mark.parametrize(
    ("before", "after", "verified", "outcome"),
    [
        (LINE, replace(LINE, there=4, due=0), True, Outcome.DONE),
        (LINE, replace(LINE, there=5, due=1), True, Outcome.PARTIAL),
        (LINE, replace(LINE, there=5, due=None), True, Outcome.UNKNOWN),
        (LINE, None, False, Outcome.UNKNOWN),
        (replace(LINE, problem=Problem("LFU")), replace(LINE, there=4, due=0), True,
         Outcome.UNKNOWN),
    ],
)  # fmt: skip
def test_how_a_run_ended(
    before: Line, after: Line | None, verified: bool, outcome: Outcome
) -> None:
    ran = job(before, after, verified=verified)
    assert outcome_of(came_of(ran)) is outcome
    found, receipt = receipt_of(ran, at=AT, versions={})
    assert (found, receipt["outcome"]) == (outcome, outcome.value)


def test_one_that_ended_before_it_looked_at_anything_is_not_done() -> None:
    """Nothing was due as far as its journal says, and that says nothing."""
    waits = tuple(Step(name) for name in StepName)
    found, receipt = receipt_of(replace(job(LINE, None), steps=waits), at=AT, versions={})
    assert (found, receipt["lines"]) == (Outcome.UNKNOWN, [])


def test_what_was_left_alone_from_a_step_on_is_not_said_to_be_gone() -> None:
    """A hold came, or its policy was taken away: what is there stays known as there."""
    for why in (Left.HOLD, Left.POLICY):
        ran = job(LINE, None)
        out = LeftOut(Matter.PREDICTIONS, "a_kato", why, (), 10)
        end = Step(StepName.VERIFY, StepState.DONE, result=looked_json([], [out], [], 0))
        ran = replace(ran, steps=(*ran.steps[:-1], end))
        (came,) = came_of(ran)
        assert (came.deleted, came.after, came.left, came.others) == (0, 10, 0, 0)


def test_caches_get_a_ttl_and_none_goes() -> None:
    line = Line(Matter.CACHES, None, "caches", {}, 5, 0, expiring=3)
    (came,) = came_of(job(line, replace(line, expiring=0), counted=3))
    assert (came.deleted, came.expiring, came.left) == (0, 3, 0)
    assert line_json(line)["tenant"] is None
