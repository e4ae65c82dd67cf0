"""The collector's thread: what follows a snapshot, and what does not any more."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from services.usage.refresh import Collector
from tests.unit.history.snapshots import snapshot

FOUND = snapshot(1_700_000_000, {"acme": 5})


def test_a_refresh_has_not_ended_before_what_follows_it() -> None:
    """Whoever waits for one that has begun waits for that too, though its figures are there."""
    following, may = threading.Event(), threading.Event()

    def then(_: object) -> None:
        following.set()
        assert may.wait(60)

    collector = Collector(SimpleNamespace(collect=lambda **_: FOUND), interval=60, then=then)  # type: ignore[arg-type]
    collector.start()
    assert following.wait(60)
    assert collector.state.refreshing_since is None
    assert collector.begun == 1
    assert not collector.wait(rounds=collector.begun, timeout=0.05)
    may.set()
    assert collector.wait(rounds=collector.begun, timeout=60)
    collector.stop()


@pytest.mark.parametrize("stopped", [False, True])
def test_nothing_follows_a_snapshot_that_came_after_the_stop(stopped: bool) -> None:
    """What follows may be closed by then; without a stop, the same snapshot is followed."""
    followed, began, may_end = Mock(), threading.Event(), threading.Event()

    def collect(**_: Any) -> object:
        began.set()
        assert may_end.wait(60)
        return FOUND

    collector = Collector(SimpleNamespace(collect=collect), interval=60, then=followed)  # type: ignore[arg-type]
    collector.start()
    assert began.wait(60)
    if stopped:
        collector.stop(timeout=0)
    may_end.set()
    assert collector.wait(timeout=60)
    collector.stop()
    assert collector.state.snapshot is FOUND
    assert followed.call_count == (not stopped)
