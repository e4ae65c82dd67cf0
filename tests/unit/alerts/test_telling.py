"""Who is told of what, in which messages, and when what is to be sent is tried again."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import cast

from hypothesis import given, strategies as st

from services.alerts.deliver import FIRST_WAIT, LONGEST_WAIT, due, wait_after
from services.alerts.deliveries import deliveries
from services.alerts.models import (
    Alert,
    AlertState,
    Kind,
    Letter,
    Message,
    Route,
    Sending,
    ShownTo,
    Silence,
    Told,
)
from services.alerts.tell import MOST, Telling, settled, tell
from services.alerts.words import link_to
from services.errors import Problem
from services.isolation.severity import Severity
from services.settings.environment import Settings
from tests.unit.alerts.worlds import ACME, MINUTE, NOW, ZED, alert, condition, route

TABLE = {each.code: each for each in (
    condition("growth"), condition("finding"), condition("fleet", shown=ShownTo.FLEET),
    condition("store", shown=ShownTo.EVERYONE),
)}  # fmt: skip
OVER, FIRING = AlertState.RESOLVED, AlertState.FIRING


def told(
    alerts: Sequence[Alert], *routes: Route, now: datetime = NOW, silences: Sequence[Silence] = (),
    busy: Sequence[str] = (),
) -> Telling:  # fmt: skip
    ids = itertools.count()
    return tell(
        alerts, routes or (route(),), TABLE, silences, now=now,
        new_id=lambda: f"m{next(ids)}", saying_again=busy,
    )  # fmt: skip


def over(each: Alert) -> Alert:
    return replace(each, state=OVER, ended=NOW)


def ids_of(telling: Telling) -> list[list[str]]:
    return [[each.id for each in message.alerts] for message in telling.messages]


def test_a_condition_is_one_message_and_alertmanager_gets_all_in_one() -> None:
    """Alertmanager groups by itself."""
    three = [alert("a"), alert("b"), alert("c", "finding")]
    assert ids_of(told(three)) == [["a", "b"], ["c"]]
    assert ids_of(told(three, route(kind=Kind.ALERTMANAGER))) == [["a", "b", "c"]]
    many = [alert(str(n)) for n in range(MOST + 1)]
    assert [len(each) for each in ids_of(told(many))] == [MOST, 1]


def test_what_comes_soon_after_waits_and_is_told_in_one() -> None:
    """What came and went meanwhile is told too: that it was there and is over."""
    first = told([alert("a")]).alerts
    gone = over(alert("b"))
    assert not settled(gone, [route()], TABLE, [], now=NOW)
    waiting = [*first, gone, alert("c")]
    assert ids_of(told(waiting, now=NOW + 4 * MINUTE)) == []
    later = told(waiting, now=NOW + 5 * MINUTE)
    assert ids_of(later) == [["b", "c"]]
    (done,) = (each for each in later.alerts if each.id == "b")
    assert settled(done, [route()], TABLE, [], now=NOW)
    assert ids_of(told(waiting, now=NOW - MINUTE)) == [["b", "c"]]  # the clock went back


def test_a_route_gets_what_it_asks_for_and_may_be_told() -> None:
    grave = replace(alert("a"), severity=Severity.CRITICAL)
    fleet = alert("f", "fleet", tenants=())
    alerts = [
        grave, alert("b", "finding", tenants=(ZED,)), alert("c", tenants=(ACME, ZED)), fleet,
        alert("s", "store", tenants=()), alert("p", state=AlertState.PENDING),
    ]  # fmt: skip
    assert ids_of(told(alerts, route(severity=Severity.CRITICAL))) == [["a"]]
    assert ids_of(told(alerts, route(codes=frozenset({"finding"})))) == [["b"]]
    assert ids_of(told(alerts, route(scope="tenant/acme"))) == [["a"], ["s"]]
    assert ids_of(told(alerts, route(scope="tenant/*"))) == [["a", "c"], ["b"], ["s"]]


def test_what_is_silenced_is_told_when_the_silence_ends() -> None:
    """Whoever was told that it fires is told all the same that it is over."""
    quiet = Silence("s", "ann", "known", NOW, NOW + MINUTE, "growth")
    assert ids_of(told([alert("a")], silences=[quiet])) == []
    assert ids_of(told([alert("a")], silences=[quiet], now=NOW + MINUTE)) == [["a"]]
    known = over(told([alert("a")]).alerts[0])
    assert ids_of(told([known], silences=[quiet], now=NOW + 10 * MINUTE)) == [["a"]]
    assert settled(over(alert("b")), [route()], TABLE, [quiet], now=NOW)


@given(
    st.sampled_from(["", "growth"]),
    st.sampled_from(["", "about a1"]),
    st.sampled_from([None, ACME, ZED]),
    st.sampled_from([(ACME,), (ZED,), (ACME, ZED), ()]),
)
def test_a_silence_covers_what_fits_in_all(
    code: str, subject: str, tenant: object, tenants: tuple[object, ...]
) -> None:
    """One of a tenant nothing that concerns somebody else too."""
    silence = Silence("s", "ann", "x", NOW, NOW, code, subject, tenant)  # type: ignore[arg-type]
    assert silence.covers(alert(tenants=tenants)) == (tenant is None or tenants == (tenant,))  # type: ignore[arg-type]
    assert not replace(silence, code="other").covers(alert())


def test_what_still_fires_is_said_again() -> None:
    """Not over and over to who did not take it the last time."""
    daily = route(again=timedelta(days=1))
    first = told([alert("a")], daily).alerts
    assert ids_of(told(first, daily, now=NOW + timedelta(hours=23))) == []
    again = told(first, daily, now=NOW + timedelta(days=1))
    assert [(m.again, [a.id for a in m.alerts]) for m in again.messages] == [(True, ["a"])]
    assert ids_of(told(first, daily, now=NOW + timedelta(days=1), busy=["all"])) == []
    quiet = Silence("s", "ann", "known", NOW, NOW + timedelta(days=9))
    assert ids_of(told(first, daily, now=NOW + timedelta(days=1), silences=[quiet])) == []
    assert again.alerts[0].told["all"] == (Told.FIRING, NOW + timedelta(days=1))


def letter(number: int, **more: object) -> Letter:
    test = bool(more.pop("test", False))
    name = str(more.pop("route", "all"))
    made = Letter(Message(f"m{number}", name, NOW, (), test=test), number)
    return replace(made, **more)  # type: ignore[arg-type]


def test_messages_are_sent_in_their_order() -> None:
    """One that was not answered holds the others up; one that was refused, or a test, does not."""
    later = NOW + MINUTE
    waits = letter(1, tries=1, next_at=later)
    assert due([letter(2), waits], NOW) == {}
    assert due([letter(2), waits], later) == {"all": waits}
    refused = letter(1, tries=1, next_at=later, refused=True)
    assert due([refused, letter(2)], NOW) == {"all": letter(2)}
    assert due([waits, letter(3, test=True)], NOW) == {"all": letter(3, test=True)}
    assert due([waits, letter(2, route="b")], NOW) == {"b": letter(2, route="b")}
    ahead = letter(1, next_at=NOW + timedelta(days=1))  # by a clock that was set back
    assert due([ahead], NOW) == {"all": ahead}


@given(st.integers(0, 10_000), st.integers())
def test_it_waits_longer_each_time_up_to_an_end(tries: int, seed: int) -> None:
    wait = wait_after(tries, Random(seed))
    assert FIRST_WAIT / 2 <= wait <= LONGEST_WAIT
    assert wait_after(tries + 1, Random(seed)) >= wait


def test_how_a_route_does() -> None:
    """What is not taken since when, until something is; a test that failed counts until then."""
    problem = Problem("no answer", "all")
    sent = Sending("all", 1, sent_at=NOW)
    failing = Sending("all", 2, failed_at=NOW + MINUTE, problem=problem)
    (found,) = deliveries([route()], [sent, failing, Sending("all", 3), Sending("b", 4)])
    assert (found.sent_at, found.waiting, found.failing_since) == (NOW, 2, NOW + MINUTE)
    assert found.problem == problem
    test = Sending("all", 4, None, NOW - MINUTE, problem, given_up=True, test=True)
    assert deliveries([route()], [test])[0].failing_since == NOW - MINUTE
    (found,) = deliveries([route()], [test, sent])
    assert (found.failing_since, found.problem, found.given_up) == (None, None, 0)
    (found,) = deliveries([route()], [replace(test, test=False)])
    assert found.given_up == 1


def test_a_link_names_the_deployment_where_the_dashboard_has_several() -> None:
    alert = cast("Alert", SimpleNamespace(id="a1"))
    for url, link in (
        ("https://k.example.com", "https://k.example.com/alerts?alert=a1"),
        ("https://k.example.com/x/", "https://k.example.com/x/alerts?alert=a1"),
        ("https://k.example.com?deployment=eu",
         "https://k.example.com/alerts?deployment=eu&alert=a1"),
    ):  # fmt: skip
        assert link_to(alert, url) == link
    here = Settings(url="https://k.example.com", deployment="eu")
    assert here.address == "https://k.example.com"
    several = here.model_copy(update={"deployments": Path("/x")})
    assert several.address == "https://k.example.com?deployment=eu"
