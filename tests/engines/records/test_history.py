"""Usage over time in real records: what was recorded is what is read, however it is kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import event

from services.bootstrap import Services
from services.embedded.sample.fill import MARKER
from services.embedded.sample.past import year_before
from services.errors import StoreUnavailable
from services.figures import Measure
from services.history.models import (
    FLEET,
    SHARED,
    Cell,
    Figure,
    Grain,
    Holder,
    OwnerKind,
    group,
    members,
    second,
)
from services.history.ports import HistoryStore
from services.history.read import HistoryService
from services.history.record import HistoryRecorder, Retention
from services.history.rows import row_of
from services.history.totals import Total
from services.settings.environment import Settings
from services.stores.clickhouse.history import ClickHouseHistory
from services.stores.records.database import writing
from services.stores.records.history import HistoryRecords
from services.stores.records.history_made_up import MadeUpHistory
from services.stores.records.history_writing import put
from services.wiring.records import OwnRecords
from tests.servers.history import history_in, history_server
from tests.servers.records import Records
from tests.unit.history.snapshots import snapshot

DAY, HOUR = Grain.DAY.seconds, Grain.HOUR.seconds
START = second(datetime(2026, 3, 27, 22, 30, tzinfo=UTC))
RETENTION = Retention(timedelta(days=90), timedelta(days=1826))
ACME = Holder(OwnerKind.TENANT, "tenant/acme")
GAP = timedelta(minutes=10)


class Past:
    """A place of records, and a dashboard or more that record into it."""

    def __init__(
        self, records: Records, *, retention: Retention = RETENTION,
        store: HistoryStore | None = None,
    ) -> None:  # fmt: skip
        self.store = store or HistoryRecords(records.engine())
        self.retention, self.last = retention, START

    def dashboard(self) -> HistoryRecorder:
        """Return a recorder of its own, as another process has."""
        return HistoryRecorder(self.store, gap=GAP, retention=self.retention)

    def service(self) -> HistoryService:
        """Return what reads, at the time of the last record."""
        now = datetime.fromtimestamp(self.last, UTC)
        return HistoryService(self.store, retention=self.retention, now=lambda: now)

    def record(self, by: HistoryRecorder, at: int, patterns: int | None) -> None:
        """Record that acme had so many patterns, or that ClickHouse was down."""
        down = frozenset({Measure.PATTERNS}) if patterns is None else frozenset()
        by.follow(snapshot(at, {"acme": patterns or 0}, down=down))
        self.last = max(at, self.last)

    def series(self, since: int, until: int, step: int) -> tuple[Cell, ...]:
        """Return what acme's patterns did."""
        times = (datetime.fromtimestamp(at, UTC) for at in (since, until))
        return self.service().series(ACME, "patterns", *times, step)


@pytest.fixture(params=["records", "clickhouse"])
def store(request: pytest.FixtureRequest, records: Records) -> Iterator[HistoryStore]:
    """Every place where the past may be kept; both are held to the same promises."""
    if request.param == "records":
        yield HistoryRecords(records.engine())
        return
    path, client = map(request.getfixturevalue, ("chdb_path", "clickhouse"))
    with history_server(path) as server:
        yield history_in(server, str(client.database), records)


@pytest.fixture
def past(store: HistoryStore, records: Records) -> Past:
    return Past(records, store=store)


def test_hours_and_days_say_what_the_seconds_said(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever was seen when: roll-ups of all that is kept are those of what was recorded.

    The oracle goes second by second: a figure is known from a look to the next, if that is near.
    """
    looks = st.lists(
        st.tuples(st.sampled_from([60, 300, 599, 601, 3000, 40_000, 90_000]),
                  st.integers(0, 9) | st.none()), min_size=1, max_size=25,
    )  # fmt: skip

    @settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
    @given(looks)
    def holds(looks: list[tuple[int, int | None]]) -> None:
        with ExitStack() as closing:
            records = Records(tmp_path_factory.mktemp("past"), None)
            closing.callback(records.close)
            past, at, seen = Past(records), START, []
            for after, patterns in looks:
                at += after
                seen.append((at, patterns))
                past.record(past.dashboard() if after > HOUR else _same(past), at, patterns)
            for step in (HOUR, 6 * HOUR, DAY):
                for cell in past.series(START, at + 1, step):
                    _check(cell, seen)
            _check_totals(past, seen)

    holds()


def _same(past: Past) -> HistoryRecorder:
    past.__dict__.setdefault("own", past.dashboard())
    recorder: HistoryRecorder = past.__dict__["own"]
    return recorder


def _check(cell: Cell, seen: list[tuple[int, int | None]]) -> None:
    known = dict(_seconds(seen, second(cell.began), second(cell.ended)))
    if not known:
        assert cell.rollup is None
        return
    held = [known[at] for at in sorted(known)]
    assert cell.rollup is not None
    assert (cell.rollup.first, cell.rollup.last) == (held[0], held[-1])
    assert (cell.rollup.least, cell.rollup.most) == (min(held), max(held))
    assert (cell.rollup.integral, cell.rollup.known) == (sum(held), len(held))


def _check_totals(past: Past, seen: list[tuple[int, int | None]]) -> None:
    """What all of it came to, read out of days, hours and changes, is what its seconds were."""
    since, until = (datetime.fromtimestamp(at, UTC) for at in (START, past.last + 1))
    found = past.service().totals(since, until, frozenset({"patterns"}))
    held = dict(_seconds(seen, second(found.began), second(found.ended)))
    assert second(found.began) % HOUR == 0
    assert found.known == {"patterns": len(held)}
    for holder in (ACME, FLEET):
        total = found.figures.get(holder, {}).get("patterns", Total())
        assert total == Total(sum(held.values()))


def _seconds(
    seen: list[tuple[int, int | None]], began: int, ended: int
) -> Iterator[tuple[int, int]]:
    for (at, patterns), (later, _) in zip(seen, [*seen[1:], (seen[-1][0] + 1, None)], strict=True):
        if patterns is not None:
            until = later if later - at <= GAP.total_seconds() + 1 else at + 1
            for now in range(max(at, began), min(until, ended)):
                yield now, patterns


def test_a_fleet_at_a_moment(past: Past) -> None:
    """What every holder had then, and what was not known; nothing before anybody looked."""
    one = past.dashboard()
    one.follow(snapshot(START, {"acme": 5, "globex": 2}, shared=3, nobodys=1))
    one.follow(snapshot(START + 60, {"acme": 7}, shared=3, nobodys=1))
    one.follow(snapshot(START + 120, {}, down=frozenset({Measure.PATTERNS})))
    globex = Holder(OwnerKind.TENANT, "tenant/globex")
    for after, acme, others, fleet, reason in (
        (0, 5, 2, 11, ""), (59, 5, 2, 11, ""), (60, 7, 0, 11, ""),
        (120, 7, 0, 11, "Redis did not answer"),
    ):  # fmt: skip
        then = past.service().at(datetime.fromtimestamp(START + after, UTC))
        assert then.figures[ACME]["patterns"] == Figure(acme)
        assert then.figures[globex].get("patterns", Figure(0)) == Figure(others)
        assert then.figures[FLEET]["patterns"] == Figure(fleet)
        assert then.reasons["patterns"] == reason
        assert then.reasons["keys"] == ""
    before = past.service().at(datetime.fromtimestamp(START - 1, UTC))
    assert (before.figures, before.reasons) == ({}, {})


def test_a_moment_is_told_by_the_finest_that_is_kept_of_it(store: HistoryStore) -> None:
    """By an hour of its day, and of one before that while no day tells of it; else by a day."""
    first = Grain.DAY.start(START)

    def rolled_up(grain: Grain, until: int, patterns: Mapping[int, int]) -> None:
        rows = {at: {ACME: row_of({"patterns": Figure(n)})} for at, n in patterns.items()}
        assert store.roll_up(grain, rows, until, after=store.head())

    def had(at: int) -> int:
        return store.newest(at, frozenset({"patterns"})).figures_at_end()[ACME]["patterns"].value

    rolled_up(
        Grain.HOUR, first + 2 * DAY, {first: 1, first + DAY + HOUR: 5, first + DAY + 9 * HOUR: 6}
    )
    assert had(first + 3 * DAY) == 6
    rolled_up(Grain.DAY, first + DAY, {first: 1})
    assert [had(first + DAY + hours * HOUR) for hours in (0, 1, 2, 9, 10, 30)] == [1, 1, 5, 5, 6, 6]
    rolled_up(Grain.DAY, first + 2 * DAY, {first + DAY: 6})
    assert [had(first + DAY + hours * HOUR) for hours in (0, 1, 2, 9, 10, 30)] == [1, 1, 5, 5, 6, 6]


def test_the_ends_of_what_is_known_are_found(past: Past) -> None:
    """To the second of late; at its end where only an hour or a day is kept, and never before."""
    one = past.dashboard()
    for after, patterns in ((10, None), (70, 5), (130, 7), (190, None)):
        past.record(one, START + after, patterns)

    def known(since: int, until: int) -> tuple[int, ...] | str:
        moments = (datetime.fromtimestamp(START + at, UTC) for at in (since, until))
        found = past.service().known_within(*moments, "patterns_bytes")
        return found if isinstance(found, str) else tuple(second(at) - START for at in found)

    assert known(0, 300) == (70, 189)
    assert known(100, 120) == (100, 120)
    assert known(0, 60) == "Redis did not answer"
    assert known(-60, 0) == "nobody looked"
    past.record(one, START + 3 * DAY, 9)
    (began, _) = known(0, 3 * DAY)
    assert began == 1800  # 23:00
    then = past.service().at(datetime.fromtimestamp(START + 1800, UTC))
    assert then.figures[ACME]["patterns"] == Figure(7)


def test_two_dashboards_record_what_is_there_once(past: Past) -> None:
    """Each goes by what the other has recorded meanwhile; an older snapshot adds nothing."""
    one, two = past.dashboard(), past.dashboard()
    for at, by, patterns in ((0, one, 1), (20, two, 1), (40, two, 2), (60, one, 2), (50, two, 9)):
        past.record(by, START + at, patterns)
    rows = past.store.rows(ACME, Grain.SECOND, START, START + 100)
    assert list(rows) == [START, START + 40]
    assert past.store.head().number == 4
    (cell,) = past.series(START, START + 61, HOUR)
    assert cell.rollup is not None
    assert (cell.rollup.integral, cell.rollup.known) == (40 * 1 + 21 * 2, 61)


def test_what_is_old_goes_and_what_tells_the_last_figures_stays(past: Past) -> None:
    """To the day, or where partitions go as a whole, when all of one is old."""
    past.retention = Retention(timedelta(days=3), timedelta(days=5))
    one = past.dashboard()
    for day in range(10):
        past.last = START + day * DAY
        one.follow(snapshot(past.last, {"acme": 5 + day, "idle": 4}))
    until, idle = past.last + 1, Holder(OwnerKind.TENANT, "tenant/idle")
    kept = {grain: past.store.rows(ACME, grain, 0, until) for grain in Grain}
    ages = {grain: (until - min(rows)) // DAY for grain, rows in kept.items()}
    wholes = isinstance(past.store, ClickHouseHistory)
    least = {Grain.SECOND: 2, Grain.HOUR: 2, Grain.DAY: 5}
    more = {Grain.SECOND: 1, Grain.HOUR: 7, Grain.DAY: 31} if wholes else dict.fromkeys(Grain, 0)
    assert all(least[grain] <= age <= least[grain] + more[grain] for grain, age in ages.items())
    assert past.store.before(until)[idle]["patterns"].last == Figure(4)
    assert {cell.ended - cell.began for cell in past.series(START, until - 1, 60)[:-1]} == {
        timedelta(days=1)
    }


@pytest.mark.parametrize("was_shrinkable", [True, False])
def test_the_file_shrinks_with_what_goes(tmp_path: Path, was_shrinkable: bool) -> None:
    """Also that of a version that could not; a little is left to be filled again."""
    file, place = tmp_path / "state.sqlite", Records(tmp_path, None)
    if not was_shrinkable:
        file.touch()
        with closing(sqlite3.connect(file)) as old:
            old.execute("PRAGMA journal_mode=WAL")
            old.execute("CREATE TABLE schema_version (version INTEGER NOT NULL)")
            old.commit()
    store = Past(place).store
    rows = {at: {ACME: row_of({f"keys:{'kind' * 200}": Figure(at)})} for at in range(1_000)}
    with writing(place.engine(), "filling") as connection:
        put(connection, Grain.SECOND.seconds, rows)
    place.close()
    full = file.stat().st_size
    store.drop(changes=1_000, hours=0, days=0)
    place.close()
    with closing(sqlite3.connect(file)) as after:
        assert after.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert file.stat().st_size < full / 2


def test_a_made_up_past_is_read_as_one_and_forgotten_whole(records: Records) -> None:
    """It begins a past, and is never put into one; what was recorded after it goes with it."""
    past, made_up = Past(records), MadeUpHistory(records.engine())
    now = snapshot(START, {"acme": 5}, shared=3)
    year = year_before(now)
    assert made_up.until() is None
    assert made_up.keep(year)
    assert made_up.until() == START - 1
    past.record(past.dashboard(), START, 5)
    (*_, last) = past.series(START - 40 * DAY, START + 1, DAY)
    assert last.rollup is not None
    assert last.rollup.last == 5
    assert not made_up.keep(year)
    assert made_up.forget()
    assert (made_up.until(), made_up.forget()) == (None, False)
    assert past.store.present()[1].figures == {}
    past.record(past.dashboard(), START + 60, 7)
    assert not made_up.keep(year)
    assert made_up.until() is None


def test_a_made_up_past_that_is_forgotten_while_it_is_read_is_no_failure(records: Records) -> None:
    """SQLite shows what was there as the reading began; PostgreSQL rows whose holders are gone."""
    engine, forgotten = records.engine(), list[bool]()
    store, made_up = HistoryRecords(engine), MadeUpHistory(records.engine())
    made_up.keep(year_before(snapshot(START, {"acme": 5})))
    year = (Grain.DAY, START - 366 * DAY, START, frozenset({"patterns"}))
    there = store.spans(*year).columns.rows
    assert there

    def forget(*asked: object) -> None:
        if "history_row" in str(asked[2]) and not forgotten:
            forgotten.append(made_up.forget())

    event.listen(engine, "after_cursor_execute", forget)
    rows = store.spans(*year)
    assert forgotten == [True]
    left = there if records.url is None else 0
    assert rows.columns.rows == len(rows.whose) == len(rows.starts) == left
    assert not store.spans(*year).holders


@pytest.mark.parametrize("redis", [None, "redis://127.0.0.1:1"])
def test_a_made_up_past_is_no_deployments(tmp_path: Path, redis: str | None) -> None:
    """Who tried the sample out, and then sets a store, begins with nothing."""
    made = Records(tmp_path, None)
    MadeUpHistory(made.engine()).keep(year_before(snapshot(START, {"acme": 5})))
    made.close()
    with closing(OwnRecords(Settings(KATO_TENANTS_DATA=tmp_path, REDIS_URL=redis))) as own:
        until = own.history.made_up_until()
    assert (until is None) == (redis is not None)


@pytest.mark.parametrize("filled", [True, False])
def test_only_the_sample_fleet_begins_with_a_year(tmp_path: Path, filled: bool) -> None:
    """Not what others put into the embedded engines; and once."""
    tmp_path.joinpath(MARKER).write_text("loaded" if filled else "loading")
    with closing(Services(Settings(KATO_TENANTS_DATA=tmp_path))) as services:
        services.embedded = Mock()
        services.isolation = Mock()
        for after in (0, 60):
            services.follow(snapshot(START + after, {"acme": 5}))
        until = services.history.made_up_until()
    assert until == (datetime.fromtimestamp(START - 1, UTC) if filled else None)


def test_records_that_do_not_answer_stop_nobody(tmp_path: Path) -> None:
    """Whether a past was made up is asked first; whoever follows snapshots besides goes on."""
    given = {"KATO_TENANTS_DATA": tmp_path, "REDIS_URL": "redis://127.0.0.1:1"}
    with closing(Services(Settings(**given, KATO_TENANTS_READ_ONLY=True))) as services:
        services.isolation = Mock()
        services.made_up_history = Mock()
        services.made_up_history.forget.side_effect = StoreUnavailable("state store", "x", "y")
        services.follow(snapshot(START, {"acme": 5}))
        services.isolation.follow.assert_called_once()


def test_a_database_that_is_gone_is_said(tmp_path: Path) -> None:
    past = Past(Records(tmp_path, None))
    past.record(past.dashboard(), START, 1)
    (tmp_path / "state.sqlite").write_bytes(b"no database at all" * 500)
    with pytest.raises(StoreUnavailable):
        HistoryRecords(Records(tmp_path, None).engine()).head()


def test_what_is_shared_is_kept_by_who_shares_it(past: Past) -> None:
    """By the set of tenants, whose sum is what is shared; of neither is the fleet's sum twice."""
    one, both = past.dashboard(), group(["tenant/acme", "tenant/globex"])
    for after, shared, sharing in (
        (0, 3, ("acme", "globex")),
        (100, 5, ("globex", "acme")),
        (200, 5, ("acme", "globex", "initech")),
        (300, 0, ()),
        (400, 0, ()),
    ):
        one.follow(snapshot(START + after, {"acme": 1}, shared=shared, sharing=sharing))
    past.last = START + 400
    began = START // HOUR * HOUR
    found = past.service().totals(*_times(began, past.last), frozenset({"patterns"}))
    assert {who: some["patterns"].value for who, some in found.figures.items()} == {
        ACME: 401,
        both: 3 * 100 + 5 * 100,
        group(["tenant/acme", "tenant/globex", "tenant/initech"]): 5 * 100,
        SHARED: 3 * 100 + 5 * 200,
        FLEET: 401 + 3 * 100 + 5 * 200,
    }
    assert members(both) == ("tenant/acme", "tenant/globex")
    then = past.service().at(datetime.fromtimestamp(START + 150, UTC))
    assert set(then.figures) == {ACME, SHARED, FLEET}


def _times(*seconds: int) -> list[datetime]:
    return [datetime.fromtimestamp(at, UTC) for at in seconds]
