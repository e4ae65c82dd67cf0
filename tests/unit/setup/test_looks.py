"""Qdrant is asked once for what is shown, and what it does not tell stands with its step alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from cli.setup import _text
from services.errors import StoreUnavailable
from services.setup.advice import Place
from services.setup.models import StepState, Vectors
from services.setup.ports import CollectionFacts
from services.setup.service import LookedOnce
from tests.unit.access.desks import ADMIN, ORDER, World, viewer_of


def test_a_collection_is_asked_for_once_also_where_that_fails() -> None:
    facts = CollectionFacts("c", 2, "Euclid")
    places = Mock()
    places.facts.side_effect = [facts, StoreUnavailable("qdrant", "x", "down")]
    looked = LookedOnce(places)
    assert [looked.facts("c"), looked.facts("c")] == [facts, facts]
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            looked.facts("d")
    assert places.facts.call_count == 2


def test_with_qdrant_down_the_rest_is_shown_and_a_warning_is_printed(tmp_path: Path) -> None:
    world = World(tmp_path)
    try:
        world.places.facts.side_effect = StoreUnavailable("qdrant", "x", "down")
        order = replace(ORDER, vectors=Vectors(Place.SHARED, collection="c"))
        preview = world.desk(lambda: viewer_of(ADMIN)).setup.preview(order, None)
    finally:
        world.close()
    assert [each.state for each in preview.steps] == [StepState.REFUSED]
    assert "down" in str(preview.steps[0].problem)
    assert world.places.facts.call_count == 1
    landing = replace(preview.landing, warning="it is cut")
    assert "note: it is cut" in _text(replace(preview, landing=landing), preview.steps)
