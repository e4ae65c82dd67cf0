"""Which dashboard collects, and what it hands to the others, in real records of both kinds."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update

from services.dashboards.models import LEASE, Turn
from services.dashboards.published import Publisher, Reader
from services.errors import TurnLost
from services.figures import Amount, Measure
from services.purge.job import Outcome
from services.stores.records import clock
from services.stores.records.dashboard_tables import COLLECTING, DASHBOARDS, PUBLISHED
from services.stores.records.dashboards import DashboardBook
from services.stores.records.database import writing
from services.stores.records.nodes import StateStore
from tests.servers.purger import SOON, begun, leased
from tests.servers.records import Records
from tests.unit.history.snapshots import snapshot

FOUND = snapshot(1_700_000_000, {"acme": 5, "beta": 7}, sharing=("acme", "beta"))


def book(records: Records, me: str, *, read_only: bool = False) -> DashboardBook:
    return DashboardBook(
        records.engine(), me=me, name=f"host/{me}", version="1.0", read_only=read_only
    )


def beat(of: DashboardBook, holds: int | None = None, lasts: timedelta = LEASE) -> Turn:
    return of.beat(holds=holds, lasts=lasts)


def expired(records: Records) -> None:
    """As if whoever collects had said nothing for long."""
    with writing(records.engine(), "a test") as connection:
        past = datetime.now(UTC) - timedelta(hours=1)
        connection.execute(update(COLLECTING).values(until=past))
        connection.execute(update(DASHBOARDS).values(heard=past))


def test_one_collects_until_it_is_silent(records: Records) -> None:
    """Each that takes over has another number, which only grows."""
    one, other = book(records, "one"), book(records, "other")
    first = beat(one)
    assert (first.mine, first.number) == (True, 1)
    assert not beat(other).mine
    assert beat(one, 1).mine
    expired(records)
    second = beat(other)
    assert (second.mine, second.number) == (True, 2)
    assert not beat(one, 1).mine, "though it has the number of then"
    assert beat(other, 2).mine


def test_who_slept_goes_on_where_nobody_took_it(records: Records) -> None:
    one = book(records, "one")
    beat(one)
    expired(records)
    assert (beat(one, 1).mine, one.turn().number) == (True, 1)


def test_who_ends_gives_it_up(records: Records) -> None:
    one, other = book(records, "one"), book(records, "other")
    beat(one)
    beat(other)
    one.leave(holds=1)
    assert [each.id for each in other.standing().there] == ["other"]
    assert beat(other).mine


def test_one_that_only_reads_gives_way(records: Records) -> None:
    """It takes a turn where nobody else is there, and has it until somebody is."""
    reads, works = book(records, "reads", read_only=True), book(records, "works")
    assert beat(reads).mine
    assert not beat(works).mine
    assert not beat(reads, 1).mine
    taken = beat(works)
    assert (taken.mine, taken.number) == (True, 2)
    assert not beat(reads).mine
    expired(records)
    assert beat(reads).mine, "the other one is silent"


def test_what_is_written_without_the_turn_is_not(records: Records) -> None:
    """Whatever it is, in the middle of a round too."""
    one, other = book(records, "one"), book(records, "other")
    state = StateStore(one._engine)
    beat(one)
    with one.fenced(1):
        state.record_totals({Measure.KEYS: Amount(1, 1)}, FOUND.collected_at)
        round_number = one.begin()
        expired(records)
        beat(other)
        for write in (
            lambda: state.record_totals({Measure.KEYS: Amount(2, 2)}, FOUND.collected_at),
            lambda: state.record_nodes({"tenant:a:user:b": "key"}, FOUND.collected_at),
            one.begin,
            lambda: one.publish(Publisher(version="1").published(FOUND, seconds=1.0)),
            lambda: one.end(round_number, audits=0),
        ):
            with pytest.raises(TurnLost):
                write()
    assert state.last_totals()[Measure.KEYS][1] == Amount(1, 1)
    assert not state.nodes()
    assert one.take(()) is None
    state.record_nodes({"tenant:a:user:b": "key"}, FOUND.collected_at)  # what a page writes
    assert state.nodes()


@pytest.mark.parametrize("records", ["postgresql"], indirect=True)
def test_who_writes_is_not_waited_for(records: Records) -> None:
    """A write under way keeps the turn from being taken, and not from being prolonged."""
    one, other = book(records, "one"), book(records, "other")
    beat(one)
    with ExitStack() as stack:
        stack.enter_context(one.fenced(1))
        connection = stack.enter_context(writing(one._engine, "a test"))
        connection.execute(text("SELECT 1"))
        began = time.monotonic()
        expired_at = datetime.now(UTC) - timedelta(hours=1)
        with other._engine.begin() as another:
            another.execute(update(COLLECTING).values(until=expired_at))
        taken = []
        thread = threading.Thread(target=lambda: taken.append(beat(other)))
        thread.start()
        thread.join(20)
        assert not taken[0].mine
        prolonged = []
        thread = threading.Thread(target=lambda: prolonged.append(beat(one, 1)))
        thread.start()
        thread.join(20)
        assert prolonged[0].mine
        assert time.monotonic() - began < 20


def test_two_that_start_at_once(records: Records) -> None:
    books = [book(records, f"d{at}") for at in range(4)]
    gate, turns = threading.Barrier(len(books)), list[Turn]()

    def start(each: DashboardBook) -> None:
        gate.wait()
        turns.append(beat(each))

    threads = [threading.Thread(target=start, args=(each,)) for each in books]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [turn.mine for turn in turns].count(True) == 1
    assert len(books[0].standing().there) == len(books)


def test_what_is_published_is_taken_and_only_what_is_new(records: Records) -> None:
    one, other = book(records, "one"), book(records, "other")
    publisher, reader = Publisher(version="1"), Reader()
    number = beat(one).published
    with one.fenced(1):
        assert one.publish(publisher.published(FOUND, seconds=2.5)) == number + 1
    taken = other.take(reader.digests)
    assert taken is not None
    assert reader.read(*taken) == (FOUND, 2.5)
    with one.fenced(1):
        one.publish(publisher.published(FOUND, seconds=3.5))
    again = other.take(reader.digests)
    assert again is not None
    assert not again[1]
    assert reader.read(*again) == (FOUND, 3.5)
    assert other.turn().published == number + 2


def test_a_purge_takes_what_was_published_with_it(records: Records) -> None:
    """It has names of what was erased."""
    one = book(records, "one")
    beat(one)
    with one.fenced(1):
        one.publish(Publisher(version="1").published(FOUND, seconds=1.0))
    jobs = records.jobs()
    job = begun(jobs, "a")
    jobs.end(job.id, Outcome.ERASED, "{}", SOON, (), lease=leased(jobs, job))
    assert one.take(()) is None
    with one._engine.begin() as connection:
        assert connection.execute(select(PUBLISHED)).all() == []


def test_asking_is_counted_whoever_asks(records: Records) -> None:
    one, other = book(records, "one"), book(records, "other")
    before = beat(one)
    other.want()
    other.want(audit=True)
    now = beat(one, 1)
    assert (now.wanted - before.wanted, now.audits_wanted - before.audits_wanted) == (2, 1)
    with one.fenced(1):
        round_number = one.begin()
        assert other.turn().began_at is not None
        one.end(round_number, audits=now.audits_wanted)
    done = other.turn()
    assert (done.begun, done.ended, done.began_at) == (round_number, round_number, None)
    assert done.audits_done == now.audits_wanted


@pytest.fixture
def hour_ahead(monkeypatch: pytest.MonkeyPatch) -> timedelta:
    """This host's clock, one hour ahead of the database's."""
    by = timedelta(hours=1)

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime.now(tz) + by  # type: ignore[arg-type]

    monkeypatch.setattr(clock, "datetime", Ahead)
    return by


@pytest.mark.parametrize("records", ["postgresql"], indirect=True)
def test_the_databases_clock_counts(records: Records, hour_ahead: timedelta) -> None:
    """A host that is an hour ahead takes nobody's turn, and no job that another runs."""
    one = book(records, "one")
    turn = beat(one)
    assert abs(turn.now - datetime.now(UTC)) < timedelta(seconds=60)
    assert abs(clock.ahead_of(one._engine) + hour_ahead) < timedelta(seconds=60)
    jobs = records.jobs()
    job = begun(jobs, "a")
    now = datetime.now(UTC) + hour_ahead
    assert jobs.lease(job.id, "me", at=now, until=now + timedelta(seconds=30)) == 1
    found = jobs.job(job.id)
    assert found is not None
    assert found.leased_until is not None
    assert abs(found.leased_until - datetime.now(UTC)) < timedelta(seconds=60)
    assert jobs.runnable(now) == ()
    assert jobs.lease(job.id, "you", at=now, until=now + timedelta(seconds=30)) is None
