"""The collector of one dashboard beside another, in one process: what it takes, asks and says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from services.dashboards import models
from services.dashboards.collector import SharedCollector
from services.dashboards.published import FORM, Published, Publisher
from services.errors import StoreUnavailable
from services.figures import Amount, Measure
from services.stores.records.dashboards import DashboardBook
from services.stores.records.nodes import StateStore
from services.usage.snapshot import Snapshot
from tests.servers.records import Records
from tests.unit.history.snapshots import snapshot
from tests.waiting import wait_until

FIRST = snapshot(1_700_000_000, {"acme": 5, "beta": 7})


class Other:
    """A dashboard; what it reads is another snapshot each time, and is written."""

    def __init__(self, records: Records, name: str, stack: ExitStack) -> None:
        engine = records.engine()
        self.book = DashboardBook(engine, me=name, name=name, version="1", read_only=False)
        self.state, self.numbers = StateStore(engine), count(1)
        self.recorded: list[bool] = []
        self.then, self.seen, self.audit = Mock(), Mock(), Mock()
        self.usage = SimpleNamespace(collect=self.collect, carry_on=Mock())
        self.collector = SharedCollector(
            self.usage,  # type: ignore[arg-type]
            self.book, interval=60, version="1", then=self.then, seen=self.seen,
            audit=self.audit, ahead=timedelta,
        )  # fmt: skip
        stack.callback(self.collector.stop)

    def collect(self, *, record: bool = True, **_: Any) -> Snapshot:
        self.recorded.append(record)
        at = FIRST.collected_at + timedelta(seconds=next(self.numbers))
        if record:
            self.state.record_totals({Measure.KEYS: Amount(1, 1)}, at)
        return replace(FIRST, collected_at=at)

    @property
    def at(self) -> object:
        found = self.collector.state.snapshot
        return found and found.collected_at


@pytest.fixture
def make(records: Records, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Other]]:
    monkeypatch.setattr(models, "BEAT", 0.05)
    with ExitStack() as stack:
        yield lambda name: Other(records, name, stack)


def started(make: Callable[[str], Other], name: str) -> Other:
    other = make(name)
    other.collector.start()
    wait_until(lambda: other.at)
    return other


def test_one_that_follows_shows_asks_and_reads_nothing(make: Callable[[str], Other]) -> None:
    holds, follows = started(make, "one"), started(make, "two")
    assert (holds.collector.collects, follows.collector.collects) == (True, False)
    wait_until(lambda: follows.collector.dashboards == 2)
    assert follows.collector.state.snapshot == holds.collector.state.snapshot
    assert not follows.recorded
    follows.collector.refresh()
    wait_until(lambda: len(holds.recorded) == 2)
    wait_until(lambda: follows.at == holds.at)
    wait_until(lambda: follows.seen.call_count >= 2)
    assert not follows.then.called
    assert not holds.audit.called
    follows.collector.refresh(audit=True)
    wait_until(lambda: holds.audit.called)
    begun = follows.collector.begun
    assert follows.collector.wait(rounds=begun, timeout=60)
    holds.collector.stop()
    wait_until(lambda: follows.recorded)
    assert follows.collector.collects
    assert follows.usage.carry_on.called, "a store fails since it failed there"


def test_what_is_of_another_form_is_not_shown_and_nothing_is_written(
    make: Callable[[str], Other], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads by itself, and says why, until there is something that it can read."""
    real = Publisher.published

    def newer(*given: Any, **more: Any) -> Published:
        found = real(*given, **more)
        return replace(
            found, head=json.dumps({**json.loads(found.head), "form": FORM + 1}).encode()
        )

    monkeypatch.setattr(Publisher, "published", newer)
    holds, follows = started(make, "new"), make("old")
    follows.collector.start()
    wait_until(lambda: follows.recorded)
    wait_until(lambda: follows.at)
    assert not any(follows.recorded)
    assert not follows.then.called
    assert "a newer version" in str(follows.collector.unshared)
    monkeypatch.setattr(Publisher, "published", real)
    holds.collector.refresh()
    wait_until(lambda: follows.collector.unshared is None)
    wait_until(lambda: follows.at == holds.at)


def test_what_is_too_much_for_others_is_read_by_each(
    make: Callable[[str], Other], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.dashboards.published.MOST", 10)
    holds, follows = started(make, "one"), make("two")
    follows.collector.start()
    wait_until(lambda: follows.at)
    assert holds.recorded == [True]
    assert "more than can be handed" in str(follows.collector.unshared)


def test_records_that_do_not_answer_are_said_and_come_back(
    make: Callable[[str], Other], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was shown stays; nobody is said to collect."""
    monkeypatch.setattr(models, "LEASE", timedelta(seconds=0.3))
    holds = started(make, "one")
    shown, real = holds.at, holds.book.beat
    down = Mock(side_effect=StoreUnavailable("state store", "asking", "it is down"))
    monkeypatch.setattr(holds.book, "beat", down)
    wait_until(lambda: holds.collector.state.problem)
    assert (holds.collector.collects, holds.collector.dashboards) == (False, None)
    assert holds.at == shown
    monkeypatch.setattr(holds.book, "beat", real)
    wait_until(lambda: holds.collector.collects and holds.collector.state.problem is None)


def test_a_dashboard_that_starts_shows_what_was_published_before_it_reads(
    make: Callable[[str], Other],
) -> None:
    """Though nobody else is there: its age says how old that is."""
    first = started(make, "one")
    first.collector.stop()
    second = make("two")
    seen = []
    second.usage.collect = lambda **_: seen.append(second.at) or second.collect()
    second.collector.start()
    wait_until(lambda: seen)
    assert seen == [first.at]
