"""When a page that is open is drawn anew by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from dashboard.app.turns import Pace
from dashboard.draw import figures
from services.usage.refresh import CollectorState

AT = datetime(2026, 11, 30, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)


class Anew(Exception):
    """The page is drawn anew."""


@pytest.fixture(autouse=True)
def redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    def rerun() -> None:
        raise Anew

    monkeypatch.setattr(figures.st, "rerun", rerun)
    monkeypatch.setattr(figures, "_redrawn", Pace(rate=1.0, most=2.0, clock=lambda: 0.0))


def is_anew(
    monkeypatch: pytest.MonkeyPatch, *, shown: datetime = AT, refreshing: bool = False,
    now: datetime = AT, since: datetime | None = None,
) -> bool:  # fmt: skip
    """Whether a page that shows figures of a moment is drawn anew, as the collector is now."""
    snapshot: Any = SimpleNamespace(collected_at=now)
    monkeypatch.setattr(figures.read, "state", lambda: CollectorState(snapshot, since))
    try:
        figures._watch(shown, refreshing)
    except Anew:
        return True
    return False


def test_newer_figures_draw_it_and_a_refresh_that_begins_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not is_anew(monkeypatch)
    assert not is_anew(monkeypatch, since=AT)
    assert is_anew(monkeypatch, now=LATER)


def test_one_that_was_waited_for_draws_it_when_it_ends_whatever_came_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not is_anew(monkeypatch, refreshing=True, since=AT)
    assert is_anew(monkeypatch, refreshing=True)


def test_many_pages_are_not_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [is_anew(monkeypatch, now=LATER) for _ in range(4)] == [True, True, False, False]
