"""A plan is drawn until another is made, and is none any more where it cannot be made anew."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from dashboard.draw import plan_first
from services.access.viewer import Action
from services.errors import StoreUnavailable
from services.tenancy.kb_ids import TenantKey

BUTTON = plan_first.Button("Plan", Action.PLAN_PURGE, [TenantKey("tenant", "acme")], "plan")


def test_a_plan_that_cannot_be_made_anew_is_not_drawn_as_if_it_were_of_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not with the next run either, in which nothing says any more that it could not be made."""
    page, permits, refusals = Mock(session_state={}), Mock(), Mock()
    page.spinner.return_value.__enter__ = page.spinner.return_value.__exit__ = Mock(
        return_value=False
    )
    monkeypatch.setattr(plan_first, "st", page)
    monkeypatch.setattr(plan_first, "permits", permits)
    monkeypatch.setattr(plan_first, "refusals", refusals)
    make = Mock(side_effect=["a plan", StoreUnavailable("redis", "planning", "down")])

    def drawn(*, asked: bool) -> str | None:
        permits.button.return_value = asked
        return plan_first.planned(BUTTON, make, kept="plan", reads="the stores", spinner="Reading")

    assert drawn(asked=False) is None
    assert drawn(asked=True) == drawn(asked=False) == "a plan"
    assert drawn(asked=True) is drawn(asked=False) is None
    refusals.say.assert_called_once()
