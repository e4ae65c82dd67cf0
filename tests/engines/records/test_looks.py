"""Looks that take long: one at a time at a thing, and each ends by itself, whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from services.apart import planning as apart
from services.archive import proving
from services.archive.hearing import READING, hearing
from services.errors import LeaseLost, StoreUnavailable
from services.jobs.looks import LOOK, LookBook, LookState, LookWork, Tells, look_of, planning
from services.jobs.models import JobState, Progress, Result
from services.jobs.ports import Said
from services.jobs.run import Stopped, Stops
from services.jobs.service import JobsService
from services.move import planning as moving
from services.parking import planning as parking
from services.purge import planning as purge
from services.restore import planning as restoring
from services.retention import planning as retention
from services.stores.records.jobs.jobs import JobBook
from services.stores.records.schema import JOBS
from services.wiring.working import Working
from tests.servers.records import Records

HOSTILE = {"at": "s3://b/\x00'; --\n\u202e\udcff"}
X = {"at": "x"}


class Made:
    """A kind of look that does what a test asks for, and what keeps its looks."""

    def __init__(self, records: Records) -> None:
        self.jobs = JobBook(records.engine())
        self.looks: Callable[[Said, Stops], Result] = lambda *_: {"n": 7}
        kinds = {"peek": lambda job: LookWork(self.jobs, job, self.looks)}
        self.work = JobsService(self.jobs, kinds)
        self.book = LookBook("peek", self.work, dict)

    def ended(self) -> Any:
        """Have it looked to the end."""
        return look_of(self.work.run_here(self.book.ask(X, by="ada").id))


@pytest.fixture
def made(records: Records) -> Made:
    return Made(records)


def test_their_kinds_fit_into_the_records() -> None:
    """PostgreSQL refuses what is longer, and SQLite does not."""
    kinds = (
        restoring.KIND,
        proving.KIND,
        moving.KIND,
        parking.KIND,
        apart.KIND,
        retention.KIND,
        purge.KIND,
    )
    assert max(map(len, kinds)) <= JOBS.c.kind.type.length


def test_what_it_found_is_there_for_whoever_asks_for_the_same(made: Made) -> None:
    """While it is under way nobody begins another; afterwards anybody may."""
    first = made.book.ask(HOSTILE, by="ada", also=[1])
    assert made.book.ask(HOSTILE, by="bob", also=[2]).id == first.id
    assert made.book.ask({"at": "another"}, by="bob").id != first.id
    found = look_of(made.work.run_here(first.id))
    assert (found.state, found.by, found.found) == (LookState.DONE, "ada", {"n": 7})
    assert made.book.newest(HOSTILE) == (found, {"n": 7})
    assert made.work.job(first.id).plan == {**HOSTILE, "also": [1]}
    made.looks = lambda *_: {"n": 8}
    second = made.book.ask(HOSTILE, by="bob")
    assert made.book.newest(HOSTILE) == (second, None)
    made.work.run_here(second.id)
    assert made.book.every(HOSTILE) == ({"n": 8}, {"n": 7})
    assert made.book.newest({"at": "nothing"}) is None


def test_what_fails_or_is_stopped_ends_and_leaves_nothing_to_be_resumed(made: Made) -> None:
    def fails(*_: object) -> Result:
        raise StoreUnavailable("redis", "reading", "down")

    def stopped(_: Said, stops: Stops) -> Result:
        made.book.stop(X)
        assert stops()
        raise Stopped

    def all_the_same(*_: object) -> Result:
        made.book.stop(X)
        return {"n": 1}

    def broken(*_: object) -> Result:
        raise ZeroDivisionError

    for looks, state, said in (
        (fails, LookState.FAILED, "did not answer"), (stopped, LookState.STOPPED, ""),
        (all_the_same, LookState.STOPPED, ""),
        (broken, LookState.FAILED, "ZeroDivisionError"),
    ):  # fmt: skip
        made.looks = looks
        found = made.ended()
        assert (found.state, found.found) == (state, {})
        assert said in found.problem
        assert made.jobs.unended("peek") == ()
    made.looks = lambda *_: {"n": 8}
    assert made.ended().found == {"n": 8}


def test_one_that_is_stopped_while_it_waits_ends_and_looks_at_nothing(made: Made) -> None:
    """Nobody lets a look go on: one that only halted would be an alert for ever."""
    made.looks = lambda *_: pytest.fail("it looked")
    look = made.book.ask(X, by="ada")
    made.book.stop(X)
    found = look_of(made.work.run_here(look.id))
    assert (found.state, found.problem, made.jobs.unended("peek")) == (LookState.STOPPED, "", ())


def test_one_whose_process_died_is_done_again_by_another(made: Made) -> None:
    """And that one, if it was only away, ends nothing any more."""
    look, now = made.book.ask(X, by="ada"), datetime.now(UTC)
    lease = made.jobs.lease(look.id, "dead", at=now, until=now - timedelta(seconds=1))
    assert lease is not None
    made.jobs.start_step(look.id, LOOK, now, lease=lease)
    assert look_of(made.work.run_here(look.id)).found == {"n": 7}
    with pytest.raises(LeaseLost):
        made.jobs.end(look.id, "failed", {}, now, lease=lease)


def test_a_plan_says_what_it_does_next_and_ends_there_where_that_is_asked_for(made: Made) -> None:
    said = list[object]()

    def plan(tells: Tells) -> Result:
        tells("reading")
        newest = made.book.newest(X)
        assert newest is not None
        said.append(newest[0].progress.words)
        made.book.stop(X)
        tells("reading more")
        raise AssertionError

    kinds = {"peek": lambda job: planning(made.jobs, job, plan)}
    made.book = LookBook("peek", JobsService(made.jobs, kinds), dict)
    made.work = JobsService(made.jobs, kinds)
    assert made.ended().state is LookState.STOPPED
    assert said == ["reading"]


def test_those_that_ended_go_after_a_while_and_the_newest_at_each_thing_later(
    made: Made,
) -> None:
    """Not one that is under way, and no job of another kind, however long ago it ended."""
    made.looks = lambda *_: {"n": 7}
    first, second = made.ended(), made.ended()
    other = made.jobs.begin(
        "peek", {}, asked_by="ada", reason="x", names=(), steps=("else",), at=datetime.now(UTC)
    )
    lease = made.jobs.lease(other.id, "w", at=datetime.now(UTC), until=datetime.now(UTC))
    assert lease is not None
    made.jobs.end(other.id, "done", {}, datetime.now(UTC), lease=lease)
    waits, later = made.book.ask({"at": "y"}, by="ada"), datetime.now(UTC) + timedelta(days=1)
    past = datetime.now(UTC) - timedelta(days=1)
    assert made.jobs.drop_looks(before=past, newest_before=past) == 0
    assert made.jobs.drop_looks(before=later, newest_before=past) == 1
    assert made.jobs.job(first.id) is None
    assert made.jobs.drop_looks(before=later, newest_before=later) == 1
    left = {each.id for each in made.jobs.all("peek")}
    assert left == {other.id, waits.id}
    assert second.id not in left


def test_whoever_tends_the_records_removes_them(made: Made) -> None:
    """As long after they ended as a plan of a purge is kept, and the newest after 90 days."""
    first, second = made.ended(), made.ended()
    services: Any = SimpleNamespace(
        now=lambda: now, logbook=Mock(), jobs=Mock(unlogged=Mock(return_value=())),
        job_book=made.jobs, settings=SimpleNamespace(plan_minutes=60),
    )  # fmt: skip
    for passed, left in (
        (timedelta(minutes=1), {first.id, second.id}), (timedelta(hours=2), {second.id}),
        (timedelta(days=89), {second.id}), (timedelta(days=91), set()),
    ):  # fmt: skip
        now = second.ended_at + passed
        Working.tend_records(services)
        assert {each.id for each in made.jobs.all("peek")} == left


def test_one_that_was_stopped_before_it_began_goes_too(made: Made) -> None:
    """It never ended, and nobody lets it go on."""
    look, later = made.book.ask(X, by="ada"), datetime.now(UTC) + timedelta(days=1)
    lease = made.jobs.lease(look.id, "w", at=datetime.now(UTC), until=later)
    assert lease is not None
    made.jobs.pause(look.id, JobState.STOPPED, "", lease=lease)
    assert made.jobs.drop_looks(before=later, newest_before=later) == 1


def test_a_stream_says_how_far_it_is_read_and_ends_where_that_is_asked_for() -> None:
    """It gives what is there; what is read twice is never more than all of it."""
    content, said, stop = bytes(9 * 1024 * 1024), list[Progress](), list[bool]()
    stream = hearing(said.append, lambda: bool(stop))(BytesIO(content))
    stream.seek(len(content) - 7)
    assert stream.read(7) == content[-7:]
    stream.seek(0)
    read = b"".join(iter(lambda: stream.read(1024 * 1024), b""))
    assert read == content
    assert {each.whole for each in said} == {len(content)}
    assert {each.words for each in said} == {READING}
    counts = [each.done or 0 for each in said]
    assert counts == sorted(counts)
    assert counts[-1] <= len(content)
    stop.append(True)
    stream = hearing(said.append, lambda: bool(stop))(BytesIO(content))
    with pytest.raises(Stopped):
        stream.read(1)
