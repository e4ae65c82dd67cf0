"""What a confined viewer sees of the log; tokens on their way to KATO; when approvals hold."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from services.access.viewer import EVERYTHING, Action, Outcome, Role, TenantPattern, Viewer
from services.approvals.models import Request
from services.audit_log.confined import FAILED, confined_entry, confined_filter, still_found
from services.audit_log.models import Entry, Event, LogFilter
from services.audit_log.service import in_scope
from services.audit_log.texts import needle
from services.errors import NotSignedIn
from services.sessions.caller import carrying, headers_carried

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
CONFINED = Viewer("x", Role.SUPPORT, frozenset({TenantPattern("tenant", "acme")}))
ALL = Viewer("x", Role.SUPPORT)

names = st.sampled_from(["tenant/acme", "tenant/zed", "tenant/", "acme", "org/acme"]) | st.text()
words = st.text(st.sampled_from("zed acme\udcff\0Ä=,"), max_size=12)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    event = Event.of(
        at=NOW, who=draw(words), role="admin", action=draw(words),
        tenants=draw(st.lists(names, max_size=3)), target=draw(words),
        outcome=draw(st.sampled_from(Outcome)), reason=draw(words), request_id="r" * 16,
        digest="d" * 64,
    )  # fmt: skip
    return Entry(draw(st.integers(1, 10**9)), event, "p" * 64, "h" * 64, "s" * 8)


@given(entries())
def test_where_in_the_log_an_entry_is_is_not_told(entry: Entry) -> None:
    """Two that differ in nothing else are the same to a confined viewer."""
    elsewhere = Entry(entry.number + 1, entry.event, "q" * 64, "i" * 64, "")
    assert confined_entry(entry, CONFINED) == confined_entry(elsewhere, CONFINED)
    assert confined_entry(entry, ALL) is entry


@given(entries())
def test_only_refusals_and_what_is_ones_own_keep_their_reason(entry: Entry) -> None:
    """A ticket may name anybody. All else of the event is about tenants in scope, and stays."""
    seen = confined_entry(entry, CONFINED).event
    assert replace(seen, reason="") == replace(entry.event, reason="")
    if entry.event.outcome is Outcome.FAILED:
        assert seen.reason == (FAILED if entry.event.reason else "")
    else:
        told = entry.event.outcome is Outcome.REFUSED or entry.event.who == CONFINED.id
        assert seen.reason == (entry.event.reason if told else "")


def test_no_reason_of_a_failure_is_shown() -> None:
    """In the log it is words alone, which say nothing of whom they name."""
    event = Event(NOW, "x", "admin", "a", outcome=Outcome.FAILED,
                  reason="redis did not answer (scan of tenant:zed): no answer")  # fmt: skip
    assert confined_entry(Entry(1, event), CONFINED).event.reason == FAILED


@given(entries(), words)
def test_nothing_is_found_by_what_is_not_shown(entry: Entry, text: str) -> None:
    """What is found in what is left is found in what can be seen.

    And in the whole, but for what stands in for a reason, which is in our own words.
    """
    wanted = LogFilter(text=text)
    seen = confined_entry(entry, CONFINED)
    if still_found(seen, wanted):
        stands_in = seen.event.reason != entry.event.reason
        left = replace(seen, event=replace(seen.event, reason="")) if stands_in else seen
        assert still_found(entry, wanted) or not still_found(left, wanted)
        shown = (seen.event.who, seen.event.role, seen.event.action, seen.event.target,
                 seen.event.reason, seen.event.request_id, seen.event.digest,
                 *seen.event.tenants)  # fmt: skip
        assert needle(text) in needle("\n".join(shown))  # as both are written


@given(entries())
def test_a_confined_filter_lets_only_their_own_pass(entry: Entry) -> None:
    """Whatever the filter's own scope was."""
    for scope in (None, EVERYTHING):
        wanted = confined_filter(LogFilter(scope=scope), CONFINED)
        tenants = entry.event.tenants
        assert in_scope(entry, wanted.scope) is (set(tenants) == {"tenant/acme"})
    assert confined_filter(LogFilter(), ALL) == LogFilter()


def test_every_field_of_an_entry_is_thought_of() -> None:
    """Whoever adds one decides whether a confined viewer sees it."""
    assert {each.name for each in fields(Entry)} == {
        "number", "event", "previous", "hash", "seal", "intact"
    }  # fmt: skip


@given(st.text())
def test_a_token_is_one_header_or_none(token: str) -> None:
    """Nothing in it can begin another; and it is gone afterwards."""
    try:
        with carrying(token):
            headers = headers_carried()
    except NotSignedIn:
        assert token
    else:
        assert headers == ({"Authorization": f"Bearer {token}"} if token else {})
        assert token.isascii()
        assert not any(sign.isspace() or not sign.isprintable() for sign in token)
    assert headers_carried() == {}


def test_a_token_goes_with_its_own_block() -> None:
    """The inner one's is its own, and an error takes it away too."""
    with carrying("a"):
        with carrying(""):
            assert headers_carried() == {}
        assert headers_carried() == {"Authorization": "Bearer a"}
    with pytest.raises(RuntimeError), carrying("a"):
        raise RuntimeError
    assert headers_carried() == {}


@given(st.booleans(), st.booleans(), st.integers(-2, 2))
def test_an_approval_holds_once_approved_unused_and_in_time(
    approved: bool, used: bool, seconds: int
) -> None:
    request = Request(
        "r", Action.RUN_PURGE, "d", "t", (), "ann", NOW, NOW + timedelta(hours=1),
        "bob" if approved else "", NOW if approved else None, NOW if used else None,
    )  # fmt: skip
    now = request.expires_at + timedelta(seconds=seconds)
    assert request.holds(now) is (approved and not used and seconds < 0)
    assert request.waits(now) is (not approved and seconds < 0)
