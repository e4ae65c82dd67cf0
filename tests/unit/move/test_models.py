"""Where a move is, by its journal; and which stores two deployments have in common."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest

from services.access.viewer import Role, TenantPattern, Viewer
from services.cards.models import State
from services.errors import SettingsError
from services.jobs.models import Job, JobState, Step, StepState
from services.jobs.ports import Jobs
from services.jobs.service import JobsService
from services.move.compare import PartThere
from services.move.confined import confined_job
from services.move.doings import doings_of
from services.move.models import (
    Decision,
    Outcome,
    Phase,
    StepName,
    moved_of,
    moved_text,
    phase_of,
    tenant_of,
)
from services.move.service import MoveService
from tests.unit.access.moved import MOVED

AT = datetime(2026, 11, 1, tzinfo=UTC)


def job(done: int, state: JobState, decision: Decision | None = None) -> Job:
    """A move of which so many steps are done."""
    said = {} if decision is None else {"decision": decision.value, "by": "ann"}
    steps = tuple(
        Step(
            str(step), StepState.DONE if number < done else StepState.WAITING,
            result=said if step is StepName.WAIT else {},
        )
        for number, step in enumerate(StepName)
    )  # fmt: skip
    return Job("j", "move", {"tenant": "tenant/acme", "to": "eu-2"}, "ada", "x", AT, state,
               steps=steps)  # fmt: skip


@pytest.mark.parametrize(
    ("found", "phase"),
    [
        (job(0, JobState.RUNNING), Phase.COPYING),
        (job(1, JobState.STOPPED), Phase.COPYING),
        (job(2, JobState.RUNNING), Phase.COPYING),
        (job(2, JobState.STOPPED), Phase.WAITING),
        (job(3, JobState.STOPPED, Decision.CUT_OVER), Phase.CUTTING_OVER),
        (job(3, JobState.FAILED, Decision.GIVE_UP), Phase.GIVING_UP),
        (replace(job(8, JobState.ENDED), outcome=Outcome.MOVED), Phase.MOVED),
        (replace(job(3, JobState.ENDED), outcome=Outcome.GIVEN_UP), Phase.GIVEN_UP),
    ],
)
def test_where_it_is_and_who_is_confined_is_told_the_same(found: Job, phase: Phase) -> None:
    viewer = Viewer("eve", Role.ADMIN, frozenset({TenantPattern("tenant", "acme")}))
    assert phase_of(found) is phase
    assert phase_of(confined_job(found, viewer)) is phase
    assert "ann" not in str(confined_job(found, viewer))


def test_one_that_waits_is_there_however_many_were_begun_since() -> None:
    """A whole fleet may move, and each of them waits for its own word."""
    old = replace(job(2, JobState.STOPPED), id="old")
    new = replace(job(9, JobState.ENDED), id="new", created_at=AT + timedelta(days=1))
    books = Mock(spec=Jobs)
    books.unended.return_value, books.all.return_value = (old,), (new,)
    assert MoveService(Mock(), JobsService(books, {})).jobs() == (new, old)
    books.all.return_value = ()
    assert [each.state for each in doings_of(books, books)[tenant_of(old)]] == [State.MOVING]


def test_a_move_is_stopped_though_the_other_deployment_cannot_be_opened() -> None:
    """What is done there ends with the step; nobody is told that it was not stopped."""
    books, tools = Mock(spec=Jobs), Mock()
    books.job.return_value = job(1, JobState.RUNNING)
    tools.archives().begun_for.return_value = tools.purges().jobs.return_value = ()
    tools.there.side_effect = SettingsError("KATO_TENANTS_MOVE_TO", "names no file that is there")
    MoveService(tools, JobsService(books, {})).stop("j")
    books.ask_stop.assert_called_once_with("j")


def test_what_the_records_keep_is_read_back() -> None:
    assert moved_of(moved_text(MOVED[0])) == MOVED[0]


def test_two_deployments_share_a_store_where_it_says_one_thing_of_itself_on_both_sides() -> None:
    from services.stores.identity import same_stores

    ours = {"redis": frozenset({"a:1/0", "run_id x/0"}), "qdrant": frozenset({"q:1"})}
    theirs = {"redis": frozenset({"b:1/0", "run_id x/0"}), "clickhouse": frozenset({"q:1"})}
    assert same_stores(ours, theirs) == ("redis",)
    assert same_stores(ours, {"redis": frozenset({"a:1/1", "run_id x/1"})}) == ()


@pytest.mark.parametrize(("differing", "strange"), [(1, 0), (0, 1), (2, 2)])
def test_a_part_is_exact_where_nothing_lacks_and_nothing_is_strange(
    differing: int, strange: int
) -> None:
    assert PartThere("redis/keys", 3, 0, 0).exact
    assert not PartThere("redis/keys", 3, differing, strange).exact
