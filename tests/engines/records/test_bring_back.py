"""A past out of an archive: brought back on days that nobody here knows, and on no other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.archive.own_records import OwnRecords
from services.cards.models import Card
from services.figures import Amount, Measure
from services.history.bring_back import bring_back, days_of
from services.history.models import Grain, Holder, OwnerKind, second
from services.history.ports import HistoryStore
from tests.engines.records.test_history import DAY, GAP, HOUR, Past, store
from tests.servers.records import Records
from tests.unit.access.desks import ACME, OWNERSHIP, plan
from tests.unit.history.snapshots import snapshot

__all__ = ["store"]  # a fixture

BEGAN = second(datetime(2026, 3, 20, tzinfo=UTC))
NAME = Holder(OwnerKind.TENANT, "tenant/acme")
LOOKED, UNLOOKED = BEGAN + 3 * DAY, BEGAN + DAY


def grow(past: Past, days: int) -> None:
    """Let acme grow by an amount every hour, looked at as seldom as a figure stays known."""
    recorder = past.dashboard()
    for at in range(BEGAN, BEGAN + days * DAY, int(GAP.total_seconds())):
        past.record(recorder, at, 100 + (at - BEGAN) // HOUR)


def lines(path: Path, days: int) -> list[Mapping[str, Any]]:
    """Return what an archive has of so many days in which it did."""
    with closing(Records(path, None)) as records:
        past = Past(records)
        grow(past, days)
        return archived(past)


def archived(past: Past) -> list[Mapping[str, Any]]:
    """Return what an archive has of acme's past, as it is here."""
    now = datetime.fromtimestamp(past.last, UTC)
    own = OwnRecords(tuple, past.service(), lambda: None, lambda: now, Card)
    planned: Any = SimpleNamespace(plan=plan(ACME), ownership=OWNERSHIP)
    return [
        json.loads(line)
        for piece in own.pieces(planned) if piece.part.name == "records/history"
        for line in piece.content.splitlines()
    ]  # fmt: skip


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> list[Mapping[str, Any]]:
    return lines(tmp_path_factory.mktemp("week"), 7)


@pytest.fixture
def here(store: HistoryStore, records: Records) -> Past:
    """A place that looked on one day of that week, when acme was not there, and today."""
    past = Past(records, store=store)
    recorder = past.dashboard()
    for at in (LOOKED + HOUR, LOOKED + HOUR + 300, BEGAN + 9 * DAY):
        recorder.follow(snapshot(at, {"other": 7}))
        past.last = at
    return past


def brought(past: Past, week: list[Mapping[str, Any]]) -> int:
    (days,) = days_of(week).values()
    now = datetime.fromtimestamp(past.last, UTC)
    return bring_back(past.store, past.service(), NAME, days, now)


def test_days_nobody_here_knows_are_as_they_were(here: Past, week: list[Mapping[str, Any]]) -> None:
    assert brought(here, week) == 1  # the day that was looked at, when it had nothing
    (cell,) = here.series(UNLOOKED, UNLOOKED + DAY, DAY)
    (old,) = (
        each for each in week
        if (each["measure"], each["from"]) == ("patterns", "2026-03-21T00:00:00Z")
    )  # fmt: skip
    assert cell.rollup is not None
    told = (cell.rollup.first, cell.rollup.last, cell.rollup.least, cell.rollup.most)
    assert told == (old["first"], old["last"], old["min"], old["max"]) == (124, 147, 124, 147)
    assert float(cell.rollup.mean) == pytest.approx(float(old["mean"]), abs=0.001)
    assert cell.share == pytest.approx(old["known"], abs=0.0001)


def test_days_that_are_known_here_and_all_that_came_later_stay(
    here: Past, week: list[Mapping[str, Any]]
) -> None:
    """Nothing then is known to have been nothing; and so it is now."""
    since, until = (datetime.fromtimestamp(at, UTC) for at in (BEGAN, here.last))
    wanted = frozenset({"patterns"})
    billed = here.service().totals(since, until, wanted)
    assert billed.figures
    brought(here, week)
    (looked,) = here.series(LOOKED, LOOKED + DAY, DAY)
    assert looked.rollup is not None
    assert looked.rollup.most == 0
    (after,) = here.series(BEGAN + 8 * DAY, BEGAN + 9 * DAY, DAY)
    assert after.rollup is None
    assert here.service().totals(since, until, wanted) == billed  # nobody pays here for it
    assert not here.store.present()[1].figures.get(NAME)
    here.record(here.dashboard(), here.last + 300, 5)
    assert here.service().at(datetime.fromtimestamp(here.last, UTC)).figures[NAME]


def test_once_more_nothing_is_written(here: Past, week: list[Mapping[str, Any]]) -> None:
    first = brought(here, week)
    rows = here.store.rows(NAME, Grain.DAY, BEGAN, BEGAN + 9 * DAY)
    assert brought(here, week) == first
    assert here.store.rows(NAME, Grain.DAY, BEGAN, BEGAN + 9 * DAY) == rows


def test_the_next_archive_has_it_too(
    store: HistoryStore, records: Records, week: list[Mapping[str, Any]]
) -> None:
    """Where nobody has looked at anything yet, and where that began after those days."""
    past = Past(records, store=store)
    past.last = BEGAN + 9 * DAY
    assert brought(past, week) == 0
    days = days_of(week)["tenant/acme"]
    assert days_of(archived(past))["tenant/acme"] == days
    past.dashboard().follow(snapshot(past.last, {"other": 7}))
    again = days_of(archived(past))["tenant/acme"]
    assert {at: again[at]["patterns"] for at in days} == {
        at: row["patterns"] for at, row in days.items()
    }


def test_where_it_was_recorded_already_nothing_is_written(
    store: HistoryStore, records: Records, week: list[Mapping[str, Any]]
) -> None:
    past = Past(records, store=store)
    recorder = past.dashboard()
    for at in range(BEGAN, BEGAN + 8 * DAY, 6 * HOUR):
        past.record(recorder, at, 3)
    before = past.series(BEGAN, BEGAN + 7 * DAY, DAY)
    assert brought(past, week) > 0
    assert past.series(BEGAN, BEGAN + 7 * DAY, DAY) == before


def test_where_it_is_the_same_past_nothing_is_otherwise(
    store: HistoryStore, records: Records, tmp_path: Path
) -> None:
    past = Past(records, store=store)
    grow(past, 3)
    assert brought(past, lines(tmp_path / "theirs", 2)) == 0


def test_a_day_with_a_row_stays_whatever_of_it_is_unknown(
    store: HistoryStore, records: Records, week: list[Mapping[str, Any]]
) -> None:
    past = Past(records, store=store)
    recorder = past.dashboard()
    for at in range(BEGAN, BEGAN + 8 * DAY, 6 * HOUR):
        keys = {Measure.KEYS: Amount(1 + (at - BEGAN) // HOUR, 9)}
        recorder.follow(snapshot(at, {"acme": keys}, down=frozenset({Measure.PATTERNS})))
    past.last = BEGAN + 8 * DAY
    recorder.follow(snapshot(past.last, {"acme": {}}))
    rows = past.store.rows(NAME, Grain.DAY, BEGAN, past.last)
    assert len(rows) == 8
    brought(past, week)
    assert past.store.rows(NAME, Grain.DAY, BEGAN, past.last) == rows
