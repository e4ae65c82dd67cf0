"""Alerts as a state machine: whatever happens when, nobody is told twice, or too late, or never."""

from __future__ import annotations

import itertools
from contextlib import suppress
from datetime import timedelta
from random import Random

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.alerts.deliver import Deliverer, due
from services.alerts.machine import UNWATCHED, step
from services.alerts.models import AlertState, Silence, Verdict
from services.alerts.worker import look_once
from services.errors import Problem
from tests.unit.alerts.worlds import (
    ACME,
    MINUTE,
    NOW,
    ZED,
    Died,
    Inbox,
    Memory,
    alert,
    condition,
    route,
    sighting,
)

TABLE = {each.code: each for each in (condition("quick", 0, 2), condition("slow", 5, 5))}
WHOSE = {"a": ACME, "b": ACME, "z": ZED}
PLACES = [(code, subject) for code in TABLE for subject in WHOSE]
UNKNOWN = Problem("down")
ROUTES = (route("all"), route("acme", "tenant/acme"))


class Alerting(RuleBasedStateMachine):
    """Things come and go, stores are unknown, receivers fail, processes die: at any point."""

    @initialize()
    def begin(self) -> None:
        self.now, self.store = NOW, Memory()
        self.there: set[tuple[str, str]] = set()
        self.unknown: set[str] = set()
        self.inboxes = {each.name: Inbox() for each in ROUTES}
        self.ids = map(str, itertools.count())
        self.changes: dict[tuple[str, str], list[tuple[AlertState, object]]] = {}
        self.states: dict[str, AlertState] = {}
        self.silenced = False

    @rule(place=st.sampled_from(PLACES))
    def comes_or_goes(self, place: tuple[str, str]) -> None:
        self.there ^= {place}

    @rule(code=st.sampled_from(list(TABLE)))
    def is_unknown_or_known(self, code: str) -> None:
        self.unknown ^= {code}

    @rule(seconds=st.integers(1, 400))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(code=st.sampled_from(["", *TABLE]), minutes=st.integers(1, 20))
    def is_silenced(self, code: str, minutes: int) -> None:
        end, self.silenced = self.now + minutes * MINUTE, True
        self.store.quiet.append(Silence(next(self.ids), "ann", "why", self.now, end, code))

    @rule(name=st.sampled_from(["all", "acme"]),
          mode=st.sampled_from(["up", "down", "mute", "kills", "refuses"]))  # fmt: skip
    def receiver_is(self, name: str, mode: str) -> None:
        self.inboxes[name].mode = mode

    @rule(dies=st.none() | st.integers(0, 2), after=st.booleans(), seconds=st.integers(0, 90))
    def looks(self, dies: int | None, after: bool, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.store.dies, self.store.after = dies, after
        with suppress(Died):
            look_once(self.store, lambda _: self._seen(), TABLE, ROUTES, now=self.now,
                      ids=lambda: next(self.ids))  # type: ignore[arg-type]  # fmt: skip
        self.store.dies = None
        self._note()

    @rule(dies=st.none() | st.integers(0, 4), after=st.booleans())
    def sends(self, dies: int | None, after: bool) -> None:
        self.store.dies, self.store.after = dies, after
        with suppress(Died):
            deliverer = self._deliverer()
            for letter in due(self.store.waiting(), self.now).values():
                deliverer.send(letter)
        self.store.dies = None

    @invariant()
    def what_fires_is_told_once_and_then_that_it_is_over(self) -> None:
        for inbox in self.inboxes.values():
            told: dict[str, list[AlertState]] = {}
            for message in inbox.once():
                for each in message.alerts:
                    told.setdefault(each.id, []).append(each.state)
            firing, over = AlertState.FIRING, AlertState.RESOLVED
            assert all(each in ([firing], [over], [firing, over]) for each in told.values())

    @invariant()
    def one_id_says_one_thing(self) -> None:
        for inbox in self.inboxes.values():
            assert all(message in inbox.once() for message in inbox.got)

    @invariant()
    def nobody_hears_of_others(self) -> None:
        for message in self.inboxes["acme"].got:
            assert all(each.tenants == (ACME,) for each in message.alerts)

    @invariant()
    def it_never_flaps(self) -> None:
        for (code, _), changes in self.changes.items():
            for (_, before), (state, at) in itertools.pairwise(changes):
                least = TABLE[code].clears if state is AlertState.RESOLVED else TABLE[code].holds
                assert at - before >= least  # type: ignore[operator]

    @precondition(lambda self: self.store.rows)
    @rule(goes=st.booleans())
    def all_is_told_in_the_end(self, goes: bool) -> None:
        """Once receivers take messages again and silences are over; be it that all goes away."""
        for inbox in self.inboxes.values():
            inbox.mode = "up"
        self.store.quiet.clear()
        for number in range(25):
            self.looks(dies=None, after=False, seconds=0)
            for _ in range(4):
                self.sends(dies=None, after=False)
            self.now += MINUTE if number < 5 else 4 * MINUTE
            if goes:
                self.there.clear()
                self.unknown.clear()
        assert not self.store.waiting()
        fires = {each.id for each, _ in self.store.rows.values() if each.state is AlertState.FIRING}
        believed = {each.id: each.state for message in self.inboxes["all"].once()
                    for each in message.alerts}  # fmt: skip
        assert {i for i, state in believed.items() if state is AlertState.FIRING} == fires
        fired = {each.id for each, _ in self.store.rows.values() if each.fired is not None}
        assert self.silenced or fired == believed.keys()

    def _seen(self) -> dict[str, Verdict]:
        return {
            code: Verdict() if code in self.unknown else Verdict(tuple(
                sighting(s, WHOSE[s]) for c, s in sorted(self.there) if c == code
            ), None) for code in TABLE
        } | {code: Verdict(unknown=UNKNOWN) for code in self.unknown}  # fmt: skip

    def _deliverer(self) -> Deliverer:
        return Deliverer(self.store, self.inboxes, now=lambda: self.now, random=Random(1))  # type: ignore[arg-type]

    def _note(self) -> None:
        for each, _ in self.store.rows.values():
            moved = self.states.get(each.id) is not each.state
            if moved and each.state is not AlertState.PENDING:
                at = self.now if each.state is AlertState.RESOLVED else each.fired
                self.changes.setdefault(each.key, []).append((each.state, at))
            self.states[each.id] = each.state


Alerting.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestAlerting = Alerting.TestCase


def _after(verdict: Verdict, *alerts: object, now: object = NOW, code: str = "quick"):  # type: ignore[no-untyped-def]
    ids = itertools.count()
    return step(alerts, {code: verdict}, TABLE, now=now, new_id=lambda: f"n{next(ids)}")  # type: ignore[arg-type]


def test_it_is_seen_for_long_enough_before_it_fires() -> None:
    (new,) = _after(Verdict((sighting("a"),)), code="slow").alerts
    assert new.state is AlertState.PENDING
    (still,) = _after(Verdict((sighting("a"),)), new, now=NOW + 4 * MINUTE, code="slow").alerts
    assert still.state is AlertState.PENDING
    (fires,) = _after(Verdict((sighting("a"),)), still, now=NOW + 5 * MINUTE, code="slow").alerts
    assert (fires.state, fires.fired, fires.began) == (AlertState.FIRING, NOW + 5 * MINUTE, NOW)


def test_what_goes_away_before_it_fires_is_forgotten() -> None:
    (new,) = _after(Verdict((sighting("a"),)), code="slow").alerts
    done = _after(Verdict(), new, now=NOW + MINUTE, code="slow")
    assert (done.alerts, done.forgotten) == ((), (new.id,))


def test_unknown_ends_nothing() -> None:
    """Nor does it count as missed: what was missed before and after is missed since after."""
    fires = alert(code="quick", missed=NOW - 10 * MINUTE)
    (after,) = _after(Verdict(unknown=UNKNOWN), fires).alerts
    assert (after.state, after.missed) == (AlertState.FIRING, None)
    (missed,) = _after(Verdict(), after, now=NOW + MINUTE).alerts
    assert (missed.state, missed.missed) == (AlertState.FIRING, NOW + MINUTE)
    (over,) = _after(Verdict(), missed, now=NOW + 3 * MINUTE).alerts
    assert (over.state, over.ended) == (AlertState.RESOLVED, NOW + MINUTE)


def test_a_clock_that_goes_back_and_a_time_without_a_look_count_for_nothing() -> None:
    (new,) = _after(Verdict((sighting("a"),)), code="slow").alerts
    for now in (NOW - timedelta(days=1), NOW + UNWATCHED):
        (anew,) = _after(Verdict((sighting("a"),)), new, now=now, code="slow").alerts
        assert (anew.state, anew.began) == (AlertState.PENDING, now)
    fires = alert(code="quick", missed=NOW)
    (missed,) = _after(Verdict(), fires, now=NOW - timedelta(days=1)).alerts
    assert missed.state is AlertState.FIRING


def test_what_no_table_has_any_more_is_over() -> None:
    (over,) = _after(Verdict(), alert(code="of before")).alerts
    assert over.state is AlertState.RESOLVED
