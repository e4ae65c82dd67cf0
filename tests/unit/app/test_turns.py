"""How much one person may ask for, as time goes by."""

from __future__ import annotations

from hypothesis import given, strategies as st

from dashboard.app.turns import (
    BURST_SECONDS,
    LONGEST_RUN,
    RUN_SECONDS,
    RUN_SHARE,
    Census,
    Pace,
    Person,
)

PAUSES = st.lists(st.floats(0, 3), max_size=200)


@given(PAUSES, st.sampled_from([0.5, 5.0, 40.0]))
def test_no_more_messages_are_taken_than_are_allowed(pauses: list[float], rate: float) -> None:
    """However they come: what a second allows, and five seconds' worth at once."""
    now, taken, person = 0.0, 0, Person.new(rate, now=0.0)
    for pause in pauses:
        now += pause + person.messages.wait(now + pause)
        person.messages.take(1, now)
        taken += 1
    assert taken <= max(1.0, BURST_SECONDS * rate) + now * rate + 1


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 30)), max_size=100))
def test_scripts_do_not_run_longer_than_their_share(runs: list[tuple[float, float]]) -> None:
    """What waits for a store counts for a part only, so that nobody waits long for that."""
    now, ran, person = 0.0, 0.0, Person.new(10, now=0.0)
    for pause, lasts in runs:
        now += pause + person.runs.wait(now + pause)
        person.begin("tab", now)
        now += lasts
        person.finish("tab", now)
        ran += min(lasts, LONGEST_RUN)
        assert person.runs.wait(now) <= LONGEST_RUN / RUN_SHARE + 1
    assert ran <= RUN_SECONDS + now * RUN_SHARE + LONGEST_RUN


def test_who_clicks_as_people_do_never_waits() -> None:
    """Once a second for an hour, a page that takes a fifth of one."""
    person = Person.new(10, now=0.0)
    for click in range(3_600):
        now = float(click)
        assert person.messages.wait(now) == person.runs.wait(now) == 0
        person.messages.take(1, now)
        person.begin("tab", now)
        person.finish("tab", now + 0.2)


def test_sockets_are_counted_by_person_and_by_address() -> None:
    """One that was closed makes room; who has left and rested is forgotten."""
    census = Census(per_person=2, per_address=3, rate=10)
    first = [census.enter("ann", "a", 0) for _ in range(3)]
    assert first[0] is first[1] is not None
    assert first[2] is None
    bob = census.enter("bob", "a", 0)
    assert bob is not None
    assert census.enter("eve", "a", 0) is None
    assert census.enter("eve", "b", 0) is not None
    census.leave(bob, "a")
    assert census.enter("eve", "a", 0) is not None
    for number in range(1_000):
        passing = census.enter(f"passer-by {number}", "c", number)
        assert passing is not None
        census.leave(passing, "c")
    assert len(census._people) < 10


@given(PAUSES, st.sampled_from([0.5, 4.0]), st.sampled_from([1.0, 10.0]))
def test_pages_are_drawn_anew_at_a_pace(pauses: list[float], rate: float, most: float) -> None:
    """So many at once, then so many a second; and one alone is never held back."""
    clock = Clock()
    pace, taken = Pace(rate=rate, most=most, clock=clock), 0
    assert pace.take()
    for pause in pauses:
        clock.now += pause
        taken += pace.take()
    assert taken <= most + rate * clock.now + 1
    clock.now += 2 / rate
    assert pace.take()


class Clock:
    """What time it is, as a test says."""

    now = 0.0

    def __call__(self) -> float:
        return self.now
