"""What happens by itself: KATO is started anew, and sessions come in bursts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dashboard.draw import marks
from services.errors import Problem
from services.history.bursts import LEAST_SPANS
from services.history.events import Event, EventKind
from services.history.kato_starts import EVERY, KatoStarts
from services.history.models import Cell
from services.history.rollup import Rollup
from tests.unit.history.snapshots import snapshot

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
ANSWERED = snapshot(0, {})
SILENT = replace(ANSWERED, kato_problem=Problem("it did not answer"))


class Book:
    """What was noted."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, events: Sequence[Event]) -> None:
        self.events += events

    def last(self, _: EventKind) -> datetime | None:
        return self.events[-1].at if self.events else None

    def between(self, *_: object, **__: object) -> tuple[Event, ...]:
        return tuple(self.events)


class Kato:
    """A KATO that is started when a test says so, beside a dashboard that follows it."""

    def __init__(self) -> None:
        self.book, self.now, self.asked = Book(), NOON, 0
        self.began: datetime | None = NOON - timedelta(days=9)
        self.starts = self.anew()

    def anew(self) -> KatoStarts:
        """Return a dashboard that was started only now."""
        return KatoStarts(self.book, self.ask, now=lambda: self.now)

    def ask(self) -> datetime | None:
        self.asked += 1
        return self.began

    def later(self, **passed: float) -> list[datetime]:
        """Let time pass and follow a snapshot; return the starts that are known."""
        self.now += timedelta(**passed)
        self.starts.follow(ANSWERED)
        return [event.at for event in self.book.events]


@pytest.fixture
def kato() -> Kato:
    return Kato()


def test_a_start_is_noted_once_at_its_moment(kato: Kato) -> None:
    """By several dashboards too, and one that was off meanwhile; it is asked now and then."""
    first = kato.began
    assert kato.later() == [first]
    assert kato.later(hours=1) == [first]
    again = kato.began = kato.now + timedelta(seconds=20)
    assert kato.later(minutes=10) == [first, again]
    kato.began = again + timedelta(milliseconds=300)  # as it is reckoned from an uptime
    assert kato.later(minutes=10) == [first, again]
    kato.starts = kato.anew()
    assert kato.later(minutes=10) == [first, again]
    while_off = kato.began = kato.now + timedelta(minutes=30)
    kato.starts = kato.anew()
    assert kato.later(hours=2) == [first, again, while_off]
    asked = kato.asked
    kato.later(seconds=EVERY.total_seconds() - 1)
    assert kato.asked == asked


def test_a_worker_that_was_replaced_is_no_start(kato: Kato) -> None:
    """One that began before the last look may be what answers, where the others were not asked."""
    kato.later()
    replaced = kato.now + timedelta(minutes=20)
    kato.later(hours=1)
    kato.began = replaced
    assert len(kato.later(hours=1)) == 1


def test_a_kato_that_does_not_answer_or_tell_was_not_started(kato: Kato) -> None:
    kato.starts.follow(SILENT)
    assert not kato.asked
    kato.began = None
    assert kato.later() == []


def sessions(*most: int | None) -> list[Cell]:
    """Return an hour each in which there were so many; None for one of which it is not known."""
    hour = timedelta(hours=1)
    return [
        Cell(NOON + at * hour, NOON + (at + 1) * hour,
             None if count is None else Rollup.constant(count, 3600))
        for at, count in enumerate(most)
    ]  # fmt: skip


def test_a_burst_is_much_more_than_usual() -> None:
    """One of several hours is one; a few more are none, nor is what nobody knows."""
    usual = [8, 9, 7, 8] * 6
    (mark,) = marks.of_bursts(sessions(*usual, 40, 120, 60, *usual))
    assert mark.at == NOON + timedelta(hours=24)
    assert mark.words == "Session burst: up to 120, usual are 8"
    assert not marks.of_bursts(sessions(*usual, 12, None, *usual))
    assert not marks.of_bursts(sessions(*range(0, 480, 10)))  # it grows: no burst
    assert not marks.of_bursts(sessions(*usual[: LEAST_SPANS - 2], 120))
    assert len(marks.of_bursts(sessions(*usual, 120, 8, 120))) == 2


def test_what_happened_in_words() -> None:
    """A tenant's name is anybody's."""
    over = Event(NOON, EventKind.LIMIT_OVER, "tenant/a\u202eb", "keys_bytes", 5 * 10**9)
    words = marks.of_event(over)
    assert words.startswith("Over a limit (Memory, ")
    assert "\u202e" not in words
    assert marks.of_event(Event(NOON, EventKind.KATO_STARTED)) == "KATO was started"
