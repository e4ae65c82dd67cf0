"""Requests for a second person's approval, as the screen says them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from dashboard.approvals import tables as approval_tables
from dashboard.approvals.tables import Standing
from services.access.viewer import Action
from services.approvals.models import Request
from services.tenancy.kb_ids import TenantKey

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
PEOPLE = st.sampled_from(["ann", "bob", "cid"])
HOURS = st.integers(-48, 48).map(lambda hours: NOW + timedelta(hours=hours))


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """One at any point of its life."""
    approver = draw(st.just("") | PEOPLE)
    return Request(
        draw(st.uuids()).hex[:16], draw(st.sampled_from(list(Action))), draw(st.text(max_size=64)),
        draw(st.text(st.characters(), max_size=20)),
        tuple(TenantKey("tenant", name) for name in draw(st.lists(st.text(min_size=1)))),
        draw(PEOPLE), NOW - timedelta(hours=50), draw(HOURS), approver,
        NOW if approver else None, draw(st.none() | st.just(NOW)) if approver else None,
    )  # fmt: skip


@given(st.lists(requests(), unique_by=lambda request: request.id), PEOPLE)
def test_each_request_is_in_one_place(found: list[Request], me: str) -> None:
    """What waits for somebody is not their own, and can still be approved."""
    for_me, mine, rest = approval_tables.sorted_out(found, me, NOW)
    assert sorted([*for_me, *mine, *rest], key=lambda r: r.id) == sorted(found, key=lambda r: r.id)
    assert all(request.waits(NOW) and request.asked_by != me for request in for_me)
    assert all(request.asked_by == me for request in mine)
    assert all(request.waits(NOW) or request.holds(NOW) for request in mine)
    assert not any(request.waits(NOW) for request in rest)


@given(requests())
def test_where_a_request_is_agrees_with_what_may_be_done_with_it(request: Request) -> None:
    """Only what holds is called approved, only what waits is called waiting."""
    where = approval_tables.standing(request, NOW)
    assert (where is Standing.APPROVED) == request.holds(NOW)
    assert (where is Standing.WAITING) == (request.waits(NOW) and request.used_at is None)


@given(st.lists(requests(), max_size=3))
def test_every_cell_can_be_shown(found: list[Request]) -> None:
    """Names come from strangers."""
    frame = approval_tables.requests_frame(found, NOW)
    assert len(frame) == len(found)
    for column in frame.columns.drop("Requested"):
        assert all(str(cell).isprintable() for cell in frame[column])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "waits for a second admin"),
        ({"expires_at": NOW}, "nobody approved it in time"),
        ({"approved_by": "b\nb"}, "approved by b\\nb"),
        ({"approved_by": "bob", "expires_at": NOW}, "approved by bob, and not done in time"),
        ({"approved_by": "bob", "used_at": NOW}, "approved by bob, and done just now"),
    ],
)
def test_what_is_said_of_it(changes: dict[str, object], words: str) -> None:
    values: dict[str, object] = {
        "id": "r", "action": Action.RUN_PURGE, "digest": "d" * 64, "target": "tenant/acme",
        "tenants": (TenantKey("tenant", "acme"),), "asked_by": "ann", "asked_at": NOW,
        "expires_at": NOW + timedelta(hours=1), **changes,
    }  # fmt: skip
    request = Request(**values)  # type: ignore[arg-type]
    assert approval_tables.state_words(request, NOW) == words
    assert approval_tables.short_digest(request) == f"{'d' * 12}…"
    assert approval_tables.whose(request) == "tenant/acme"
