"""Memory that was carried over: a page says of when it is, and shows it as an estimate."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dashboard.draw.measures import WORDS
from services.bootstrap import Services
from services.figures import Measure, Precision
from services.usage.refresh import CollectorState
from tests.pages.conftest import Open, SignIn

AT = datetime(2026, 10, 1, 11, 58, tzinfo=UTC)


@pytest.mark.parametrize("scope", ["", "tenant/acme"])
def test_a_page_says_of_when_memory_is(
    reading_services: Services,
    open_page: Open,
    sign_in: SignIn,
    monkeypatch: pytest.MonkeyPatch,
    scope: str,
) -> None:
    """Also to who sees a part of the fleet only."""
    snapshot = reading_services.collector.state.snapshot
    assert snapshot is not None
    keys = snapshot.stores[Measure.KEYS]
    assert keys.total is not None
    figures = replace(
        keys,
        precision=Precision.SAMPLED,
        memory_at=AT,
        total=replace(keys.total, bytes_margin=1000.0),
    )
    carried = replace(snapshot, stores={**snapshot.stores, Measure.KEYS: figures})
    monkeypatch.setattr(reading_services.collector, "_set", lambda *_, **__: None)
    monkeypatch.setattr(reading_services.collector, "state", CollectorState(carried))
    if scope:
        sign_in("admin", scope)
    app = open_page("overview")
    (card,) = [each for each in app.metric if each.label == WORDS[Measure.KEYS].title]
    assert "memory as of 11:58 UTC" in card.help
    assert "estimated" in card.help
    if not scope:
        assert any("± 1KB" in caption.value for caption in app.caption)
