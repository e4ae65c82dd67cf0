"""Alerts in real records: kept whole or not at all, by one dashboard at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

from hypothesis import given, settings, strategies as st

from services.alerts import kept
from services.alerts.kept import alert_of, alert_text, message_of, message_text
from services.alerts.models import Alert, AlertState, Message, Sending, Silence, Told, Verdict
from services.alerts.ports import Change
from services.alerts.worker import TURN_LASTS, look_once
from services.errors import Fault, Problem
from services.isolation.severity import Severity
from services.stores.records.alerts import PAST_KEPT, SENT_KEPT, AlertRecords
from services.tenancy.kb_ids import TenantKey
from tests.servers.letters import letters
from tests.servers.records import Records
from tests.unit.alerts.worlds import ACME, MINUTE, NOW, alert, condition, route, sighting

TABLE = {"growth": condition("growth")}


def change(
    *alerts: Alert, messages: Sequence[Message] = (), settled: Sequence[str] = (),
    forgotten: Sequence[str] = (), at: object = NOW,
) -> Change:  # fmt: skip
    return Change(at, alerts, frozenset(settled), tuple(forgotten), tuple(messages))  # type: ignore[arg-type]


def message(message_id: str = "m1", route_name: str = "all", **more: object) -> Message:
    return Message(message_id, route_name, NOW, (alert(),), **more)  # type: ignore[arg-type]


names = st.text() | st.just("\ud800\x00 '")
alerts = st.builds(
    Alert, names, names, names, st.sampled_from(Severity), st.sampled_from(AlertState),
    st.just(NOW), st.just(NOW), st.none() | st.just(NOW), st.none() | st.just(NOW), st.none(),
    st.lists(st.builds(TenantKey, st.just("tenant"), names)).map(tuple),
    st.none() | st.just((ACME,)), st.dictionaries(names, st.integers() | names),
    st.dictionaries(names, st.tuples(st.sampled_from(Told), st.just(NOW))),
)  # fmt: skip


@given(st.lists(alerts, max_size=3).map(tuple), st.booleans())
@settings(max_examples=25)
def test_what_is_written_is_what_is_read(some: tuple[Alert, ...], test: bool) -> None:
    """Whatever bytes the names are."""
    for each in some:
        assert alert_of(alert_text(each)) == each
    sent = Message("m", "r", NOW, some, test=test, again=True)
    text = message_text(sent)
    assert message_of(text, message_id="m", route="r", at=NOW, again=True) == sent


def test_a_look_is_kept_with_its_messages_and_only_after_the_one_before(records: Records) -> None:
    """Of two that look at once one is kept, and the other goes on from that."""
    one, two = AlertRecords(records.engine()), AlertRecords(records.engine())
    hostile = TenantKey("tenant", "\ud800\x00'")
    fires = replace(alert(), tenants=(hostile,), concerns=(hostile,))
    assert one.open(NOW).at is None
    assert one.keep(change(fires, messages=[message()]), after=0)
    assert not two.keep(change(alert("a2"), messages=[message("m2")]), after=0)
    found = two.open(NOW)
    assert (found.number, found.at, found.alerts) == (1, NOW, (fires,))
    assert [letter.message for letter in two.waiting()] == [message()]
    assert two.keep(change(settled=["a1"], forgotten=["a1"], at=NOW + MINUTE), after=1)
    assert (one.open(NOW).alerts, one.firing(), one.looked_at()) == ((), (), NOW + MINUTE)


def test_what_is_over_and_told_is_past(records: Records) -> None:
    store = AlertRecords(records.engine())
    over = replace(alert("a2"), state=AlertState.RESOLVED, ended=NOW)
    pending = alert("a3", state=AlertState.PENDING)
    assert store.keep(change(alert(), over, pending, settled=["a2"]), after=0)
    assert {each.id for each in store.open(NOW).alerts} == {"a1", "a3"}
    assert store.firing() == (alert(),)
    assert {each.id for each in store.alerts(past=0)} == {"a1", "a3"}
    assert over in store.alerts(past=5)
    assert store.keep(change(at=NOW + PAST_KEPT + MINUTE), after=1)
    assert {each.id for each in store.alerts(past=5)} == {"a1", "a3"}


def test_one_process_sends_a_message(records: Records) -> None:
    """Until its claim has run out; what failed waits for its time, and says since when."""
    one, two = AlertRecords(records.engine()), AlertRecords(records.engine())
    one.post(message())
    assert one.claim("m1", at=NOW, until=NOW + MINUTE)
    assert not two.claim("m1", at=NOW + MINUTE / 2, until=NOW + 9 * MINUTE)
    assert two.claim("m1", at=NOW + 2 * MINUTE, until=NOW + 9 * MINUTE)
    problem = Problem("no answer", "all", Fault.UNAVAILABLE, "sending alerts")
    two.failed("m1", problem, NOW, next_at=NOW + MINUTE, refused=True)
    two.failed("m1", problem, NOW + MINUTE, next_at=NOW + 3 * MINUTE, refused=True)
    (letter,) = one.waiting()
    assert (letter.tries, letter.failed_at, letter.next_at) == (2, NOW, NOW + 3 * MINUTE)
    assert (letter.problem, letter.refused) == (problem, True)
    assert one.claim("m1", at=NOW, until=NOW + MINUTE)
    one.sent("m1", NOW + MINUTE)
    assert one.waiting() == ()
    assert not two.claim("m1", at=NOW + 9 * MINUTE, until=NOW + 10 * MINUTE)
    assert [each.sent_at for each in two.sendings(["all"])] == [NOW + MINUTE]
    two.post(message("m2", "b"))
    two.failed("m2", problem, NOW, next_at=None, refused=False)
    assert (two.waiting(), [each.given_up for each in two.sendings(["b"])]) == ((), [True])


def test_how_messages_do_is_read_without_what_they_say(records: Records) -> None:
    """But for one that was given up: a test that failed is nothing that was lost."""
    store = AlertRecords(records.engine())
    problem = Problem("no answer", "all", Fault.UNAVAILABLE, "sending alerts")
    for number, test in enumerate([False, True, False]):
        store.post(replace(message(f"m{number}"), test=test))
    for given_up in ("m0", "m1"):
        store.failed(given_up, problem, NOW, next_at=None, refused=False)
    store.sent("m2", NOW + MINUTE)
    first, second, third = sorted(store.sendings(["all"]), key=lambda each: each.number)
    assert first == Sending("all", first.number, None, NOW, problem, given_up=True)
    assert second == Sending("all", second.number, None, NOW, problem, given_up=True, test=True)
    assert third == Sending("all", third.number, NOW + MINUTE)
    with patch.object(kept, "_alert_of", side_effect=AssertionError):
        assert len(store.sendings(["all", "b"])) == 3


def test_messages_that_say_nothing_new_do_not_pile_up(records: Records) -> None:
    """Of those that were sent the last stays, and of all for a week what was sent at all."""
    store = AlertRecords(records.engine())
    for number, again in enumerate([False, True, True, True]):
        store.post(message(f"m{number}", again=again))
        assert store.open(NOW).saying_again == (frozenset({"all"}) if again else frozenset())
        store.sent(f"m{number}", NOW)
    assert store.keep(change(), after=0)
    assert [each.message.id for each in letters(records.engine(), "all")] == ["m0", "m3"]
    assert store.keep(change(at=NOW + SENT_KEPT + MINUTE), after=1)
    assert store.sendings(["all"]) == ()


def test_one_dashboard_has_the_turn(records: Records) -> None:
    """Until it gives it up, or was not heard of for too long."""
    one, two = AlertRecords(records.engine()), AlertRecords(records.engine())
    assert one.lease("one", at=NOW, until=NOW + TURN_LASTS)
    assert one.lease("one", at=NOW, until=NOW + TURN_LASTS)
    assert not two.lease("two", at=NOW + TURN_LASTS / 2, until=NOW + 2 * TURN_LASTS)
    two.let_go("two")
    assert not two.lease("two", at=NOW + TURN_LASTS / 2, until=NOW + 2 * TURN_LASTS)
    assert two.lease("two", at=NOW + 1.1 * TURN_LASTS, until=NOW + 2 * TURN_LASTS)
    two.let_go("two")
    assert one.lease("one", at=NOW, until=NOW + timedelta(days=9))
    assert two.lease("two", at=NOW, until=NOW + TURN_LASTS)  # the other's clock was days ahead


def test_silences_end(records: Records) -> None:
    store = AlertRecords(records.engine())
    silence = Silence("s1", "ann\ud800", "known", NOW, NOW + MINUTE, "growth", "about a1", ACME)
    store.silence(silence)
    assert store.silences() == store.open(NOW).silences == (silence,)
    assert store.open(NOW + MINUTE).silences == ()
    assert store.lift("s1", NOW + MINUTE / 2)
    assert not store.lift("s1", NOW + MINUTE / 2)
    assert not store.lift("s2", NOW)
    assert store.silences() == (replace(silence, until=NOW + MINUTE / 2),)


def test_two_that_look_at_once_tell_it_once(records: Records) -> None:
    """Whoever is second looks again, and finds it told."""
    one, two = AlertRecords(records.engine()), AlertRecords(records.engine())

    def sees(_: object) -> dict[str, Verdict]:
        return {"growth": Verdict((sighting("a"),))}

    def meanwhile(now: object) -> dict[str, Verdict]:
        if not two.firing():
            look_once(two, sees, TABLE, [route()], now=NOW)
        return sees(now)

    assert look_once(one, meanwhile, TABLE, [route()], now=NOW)
    assert len(one.sendings(["all"])) == len(one.firing()) == 1
