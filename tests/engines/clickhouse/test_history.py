"""Usage over time in a ClickHouse of its own: what only such a place has to promise.

What every place promises, `tests/engines/records/test_history.py` holds it to as well.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from services.errors import StoreMisconfigured, StoreUnavailable
from services.figures import StoreState
from services.history.changes import Change
from services.history.models import FLEET, Figure, Grain, Holder, OwnerKind, second
from services.history.ports import Head
from services.history.rollup import Look
from services.history.rows import row_of
from services.settings.environment import Settings
from services.stores.clickhouse import history
from services.stores.clickhouse.history import ClickHouseHistory
from services.stores.clickhouse.history_table import MARK, TABLE, Book, HistoryTable
from services.stores.records.history import HistoryRecords
from services.tenancy.layout import text_of
from services.wiring.reading import Reading
from tests.engines.clickhouse.kato_tables import make_tables
from tests.servers import ROOT
from tests.servers.clickhouse_http import LimitedUser, clickhouse_http
from tests.servers.faults import HttpServer, Unheard
from tests.servers.history import PASSWORD, history_in, history_server, history_url
from tests.servers.records import Records
from tests.servers.sqlite import put_tables
from tests.unit.history.snapshots import snapshot

START = second(datetime(2026, 3, 27, 22, 30, tzinfo=UTC))
DAY = Grain.DAY.seconds
NO_PAST = Head(0, 0, {Grain.HOUR: 0, Grain.DAY: 0})
HOSTILE = Holder(OwnerKind.TENANT, text_of(b"tenant/\xff' OR 1=1 --\\\n\x00{x:String}"))


@pytest.fixture
def own_records(tmp_path: Path) -> Iterator[Records]:
    yield from _records(f"{tmp_path}/one")


@pytest.fixture
def server(chdb_path: str) -> Iterator[HttpServer]:
    with history_server(chdb_path) as server:
        yield server


@pytest.fixture
def store(server: HttpServer, clickhouse: Client, own_records: Records) -> ClickHouseHistory:
    """One in which a snapshot was recorded."""
    store = history_in(server, str(clickhouse.database), own_records)
    assert store.add(change(FLEET, 1), START, after=NO_PAST) is not None
    return store


def _records(place: str) -> Iterator[Records]:
    put_tables(Path(place))
    records = Records(Path(place), None)
    yield records
    records.close()


def change(holder: Holder, patterns: int, at: int = START) -> Change:
    look = Look(START, at + 1)
    return Change({holder: {"patterns": Figure(patterns)}}, (("patterns", look),), {})


def rows(client: Client) -> int:
    return int(client.query(f"SELECT count() FROM {TABLE}").result_rows[0][0])


def insert_lost(server: HttpServer, store: ClickHouseHistory, *, times: int) -> None:
    """Have the answer to the next INSERT be lost so often."""
    server.calls.clear()
    assert store.add(change(FLEET, 2), START + 60, after=store.head()) is not None
    (at,) = (at for at, call in enumerate(server.calls) if b"INSERT INTO" in call.body[:99].upper())
    server.calls.clear()
    server.fail(Unheard(times=times), after=at)


def test_a_snapshot_whose_answer_was_lost_is_there_once(
    server: HttpServer, store: ClickHouseHistory, clickhouse: Client
) -> None:
    """The driver sends it again, and the table takes it once."""
    insert_lost(server, store, times=1)
    assert store.add(change(FLEET, 3), START + 120, after=store.head()) is not None
    assert sum(b"INSERT INTO" in call.body[:99].upper() for call in server.calls) == 2
    assert rows(clickhouse) == 3
    assert store.present()[1].figures == {FLEET: {"patterns": Figure(3)}}


def test_what_nobody_heard_of_counts_for_nothing_and_goes(
    server: HttpServer, store: ClickHouseHistory, clickhouse: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Its rows are there, and no reader sees them; a day later they are removed."""
    insert_lost(server, store, times=2)
    head = store.head()
    with pytest.raises(StoreUnavailable, match="history store did not answer"):
        store.add(change(FLEET, 9), START + 120, after=head)
    server.heal()
    assert rows(clickhouse) == 3
    assert store.head() == head
    assert store.present()[1].figures == {FLEET: {"patterns": Figure(2)}}
    assert list(store.rows(FLEET, Grain.SECOND, START, START + 999)) == [START, START + 60]
    assert list(store.changed(START, START + 999)[FLEET]) == [START, START + 60]
    assert store.add(change(FLEET, 4), START + 180, after=head) is not None
    now = history._now() + DAY + 1
    monkeypatch.setattr(history, "_now", lambda: now)
    store.drop(changes=0, hours=0, days=0)
    assert rows(clickhouse) == 3
    assert store.present()[1].figures == {FLEET: {"patterns": Figure(4)}}


def test_of_two_that_record_after_the_same_one_counts(
    server: HttpServer, store: ClickHouseHistory, clickhouse: Client, own_records: Records
) -> None:
    other = history_in(server, str(clickhouse.database), own_records)
    head = other.head()
    assert store.add(change(FLEET, 5), START + 60, after=head) is not None
    assert other.add(change(FLEET, 6), START + 60, after=head) is None
    assert other.present()[1].figures == {FLEET: {"patterns": Figure(5)}}
    assert other.roll_up(Grain.HOUR, {}, START, after=head) is None


def test_who_stood_still_for_long_sends_nothing(
    store: ClickHouseHistory, clickhouse: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its write may have been given up, and then its rows would count."""
    times = iter((START, START + DAY))
    monkeypatch.setattr(history, "_now", lambda: next(times))
    with pytest.raises(StoreUnavailable, match="stood still"):
        store.add(change(FLEET, 6), START + 60, after=store.head())
    assert rows(clickhouse) == 1


def test_names_are_whatever_bytes_they_are(store: ClickHouseHistory) -> None:
    assert store.add(change(HOSTILE, 7), START + 60, after=store.head()) is not None
    expected = row_of({"patterns": Figure(7)})
    assert store.rows(HOSTILE, Grain.SECOND, START, START + 99) == {START + 60: expected}
    assert store.before(START + 99, frozenset({HOSTILE})) == {HOSTILE: expected}
    assert store.before(START + 99)[HOSTILE] == expected
    assert store.present()[1].figures[HOSTILE] == {"patterns": Figure(7)}


def test_months_go_as_a_whole_and_leave_what_tells_the_last_figures(
    store: ClickHouseHistory, clickhouse: Client
) -> None:
    """Also of who did not change since; a day that has a row of its own keeps that."""
    acme, idle = (Holder(OwnerKind.TENANT, f"tenant/{name}") for name in ("acme", "idle"))
    first = second(datetime(2026, 1, 1, tzinfo=UTC))
    march, april = (second(datetime(2026, month, 1, tzinfo=UTC)) for month in (3, 4))
    days = {
        first + DAY: {idle: row_of({"patterns": Figure(4)})},
        first + 40 * DAY: {acme: row_of({"patterns": Figure(5)})},
        march: {acme: row_of({"patterns": Figure(6)})},
        april: {acme: row_of({"patterns": Figure(7)})},
    }  # fmt: skip
    assert store.roll_up(Grain.DAY, days, april + DAY, after=store.head()) is not None
    store.drop(changes=0, hours=0, days=march + DAY)
    store.drop(changes=0, hours=0, days=march + DAY)
    kept = [list(store.rows(holder, Grain.DAY, 0, april + DAY)) for holder in (acme, idle)]
    assert kept == [[march, april], [march]]
    then = store.before(march + DAY)
    assert {holder: row["patterns"].last for holder, row in then.items()} == {
        acme: Figure(6), idle: Figure(4),
    }  # fmt: skip
    store.drop(changes=0, hours=0, days=april)
    assert store.before(april + DAY)[acme] == row_of({"patterns": Figure(7)})


def test_a_database_that_is_another_dashboards_is_refused(
    server: HttpServer, store: ClickHouseHistory, clickhouse: Client, tmp_path: Path
) -> None:
    """Numbers of writes would mean two things. Whoever has the same records may come along."""
    for other in _records(f"{tmp_path}/other"):
        stranger = history_in(server, str(clickhouse.database), other)
        for ask in (stranger.head, stranger.health):
            with pytest.raises(StoreMisconfigured, match="another dashboard's"):
                ask()
    clickhouse.command(f"ALTER TABLE {TABLE} MODIFY COMMENT '{MARK}'")
    with pytest.raises(StoreMisconfigured, match="another dashboard's"):
        store.health()


def test_katos_own_database_is_refused_by_whatever_name(
    server: HttpServer, clickhouse: Client, own_records: Records
) -> None:
    make_tables(clickhouse)
    with pytest.raises(StoreMisconfigured, match="KATO's own"):
        history_in(server, str(clickhouse.database), own_records).head()


def test_a_database_that_was_lost_begins_anew(store: ClickHouseHistory, clickhouse: Client) -> None:
    """What the books say of before is not carried over: there would be zeros for it."""
    clickhouse.command(f"DROP TABLE {TABLE} SYNC")
    with pytest.raises(StoreMisconfigured):
        store.present()
    assert store.present() == (NO_PAST, history.Present({}, {}))
    assert store.health().detail == f"usage over time, database {clickhouse.database}"


def test_nobody_waits_for_others_who_open_it(
    server: HttpServer, clickhouse: Client, own_records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it does not answer, who is second would wait twice as long, who is third thrice."""
    opened, both = HistoryTable.opened, threading.Barrier(2)

    def meeting(table: HistoryTable, book: Callable[[str], Book]) -> str:
        both.wait(60)
        return opened(table, book)

    monkeypatch.setattr(HistoryTable, "opened", meeting)
    store = history_in(server, str(clickhouse.database), own_records)
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(store.head) for _ in range(2)]
        assert [each.result() for each in asked] == [NO_PAST, NO_PAST]


def test_the_setting_chooses_the_place_and_it_is_a_store_with_its_health(
    server: HttpServer, clickhouse: Client, tmp_path: Path
) -> None:
    """Snapshots go there and are read from there; who is down says so, and what to do."""
    settings = Settings(
        KATO_TENANTS_DATA=tmp_path, REDIS_URL="redis://127.0.0.1:1",
        KATO_TENANTS_TIMEOUT_SECONDS=20,
        KATO_TENANTS_HISTORY_URL=history_url(server, str(clickhouse.database)),
    )  # fmt: skip
    with closing(Reading(settings)) as services:
        services.history_recorder.follow(snapshot(START, {"acme": 5}))
        assert rows(clickhouse) > 0
        then = services.history.at(datetime.fromtimestamp(START, UTC))
        assert then.figures[Holder(OwnerKind.TENANT, "tenant/acme")]["patterns"] == Figure(5)
        assert HistoryRecords(services.database).head() == NO_PAST
        check = {each.store: each for each in services.health.check()}["history store"]
        assert (check.state, check.lacks) == (StoreState.OK, ())
        server.go_down()
        check = {each.store: each for each in services.health.check()}["history store"]
        assert check.state is StoreState.UNKNOWN
        assert "KATO_TENANTS_HISTORY_URL" in str(check.advice)
        with pytest.raises(StoreUnavailable, match="history store did not answer"):
            services.history.at(datetime.fromtimestamp(START, UTC))


@pytest.mark.parametrize("can_check", [True, False])
def test_a_user_of_the_documented_grants_may_do_all_of_it(
    chdb_path: str, clickhouse: Client, own_records: Records, can_check: bool
) -> None:
    """And who has fewer is told which, where the server can say so."""
    home = str(clickhouse.database)
    grants = [grant.replace("kato_usage", home) for grant in documented_grants()]
    for left_out in ("nothing", "INSERT", "ALTER DELETE"):
        some = [each for each in grants if not each.startswith(left_out)]
        limits = LimitedUser((*some, f"CREATE TABLE ON {home}.*"), can_check)
        with clickhouse_http(chdb_path, password=PASSWORD, limits=limits) as limited:
            store = history_in(limited, home, own_records)
            lacks = [lack.right for lack in store.health().lacks]
            store.present()
        lacking = can_check and left_out != "nothing"
        assert lacks == ([f"{left_out} on {home}.{TABLE}"] if lacking else [])


def documented_grants() -> list[str]:
    """What docs/rights.md gives."""
    text = (ROOT / "docs" / "rights.md").read_text("utf-8")
    (_, part) = text.split("### ClickHouse: usage over time")
    return re.findall(r"^GRANT (.+) TO kato_usage;$", part, re.MULTILINE)
