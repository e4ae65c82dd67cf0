"""Records that stand still: a real PostgreSQL whose processes are stopped, and a locked SQLite.

How long somebody waited is told by the limits that ran out for them, and not by the clock of a
machine that may be busy.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, QueuePool, event, text

from services.errors import StoreUnavailable
from services.stores.records import postgresql
from services.stores.records.database import open_database, reading, writing
from services.stores.records.timeouts import PAUSE_SECONDS, Breaker, NoAnswer, Watchdog
from tests.servers import postgres
from tests.servers.postgres import Postgres
from tests.waiting import SOON, wait_until

SECONDS = 1.5
AT_MOST = 2.0  # seconds, for a page that asks for whatever it asks
SLOW = 20.0
WRITE = 10.0  # seconds that a write waits

Waits = dict[int, list[float]]
"""Limits that ran out, in seconds, by the thread that waited."""


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    """What runs out in this test."""
    found: Waits = defaultdict(list)
    watch, in_time = Watchdog.watch, postgresql.in_time

    def watched(self: Watchdog, connection: Any, seconds: float, shut: Callable[[], None]) -> None:
        mine = found[threading.get_ident()]
        watch(self, connection, seconds, lambda: (mine.append(seconds), shut())[1])

    def timed(work: Callable[[], Any], seconds: float, **more: Any) -> Any:
        try:
            return in_time(work, seconds, **more)
        except NoAnswer:
            found[threading.get_ident()].append(seconds)
            raise

    monkeypatch.setattr(Watchdog, "watch", watched)
    monkeypatch.setattr(postgresql, "in_time", timed)
    return found


def waited(waits: Waits) -> float:
    """Return how long this thread waited in vain, in seconds."""
    return sum(waits[threading.get_ident()])


class Clock:
    """The clock by which nobody asks for a moment: it stands still until a test turns it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server of this file's own: it is stopped."""
    with postgres.running() as found:
        yield found


@pytest.fixture
def engine(server: Postgres, tmp_path: Path) -> Iterator[Engine]:
    found = open_database(tmp_path, server.new_database(), seconds=SECONDS)
    breaker_of(found).clock = Clock()
    yield found
    found.dispose()


def breaker_of(engine: Engine) -> Breaker:
    found: Breaker = engine.get_execution_options()["limits"].reach.breaker
    return found


def later(engine: Engine) -> None:
    """Let the moment be over in which nobody asks."""
    clock = breaker_of(engine).clock
    assert isinstance(clock, Clock)
    clock.now += PAUSE_SECONDS


def ask(engine: Engine) -> object:
    with reading(engine, "a test") as connection:
        return connection.scalar(text("SELECT 1"))


def put(engine: Engine) -> None:
    with writing(engine, "a test") as connection:
        connection.execute(text("UPDATE node_version SET version = version + 1"))


def fails(work: Callable[[], object], *, reason: str) -> None:
    """Something cannot be done, for this reason, and that is said at some time."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match=reason):
        work()
    assert time.monotonic() - began < SOON


def answers_again(engine: Engine) -> None:
    """The next page that asks has its answer, once the moment is over."""

    def answers() -> bool:
        later(engine)
        with suppress(StoreUnavailable):
            return ask(engine) == 1
        return False

    wait_until(answers)


@pytest.mark.parametrize("warm", [True, False], ids=["with a connection", "without any"])
@pytest.mark.parametrize("work", [ask, put], ids=["read", "write"])
def test_a_page_that_asks_ten_times_hears_of_it_in_two_seconds(
    server: Postgres, engine: Engine, work: Callable[[Engine], object], warm: bool, waits: Waits
) -> None:
    """Once it is known that nothing answers, nobody waits for that again; then it goes on."""
    if not warm:
        engine.dispose()
    with server.standing_still():
        for _ in range(10):
            fails(lambda: work(engine), reason="no answer in time")
        assert SECONDS / 2 < waited(waits) < AT_MOST
    answers_again(engine)
    work(engine)


def test_whoever_asks_at_once_hears_of_it_at_once(
    server: Postgres, engine: Engine, waits: Waits
) -> None:
    """More threads than there are connections: those that wait for a free one too."""
    times: list[float] = []

    def wait() -> None:
        fails(lambda: ask(engine), reason="state store")
        times.append(waited(waits))

    with server.standing_still():
        threads = [threading.Thread(target=wait) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(times) == 30
    assert SECONDS / 2 < max(times) < AT_MOST
    assert isinstance(engine.pool, QueuePool)
    assert engine.pool.timeout() == SECONDS
    answers_again(engine)


@pytest.mark.parametrize("last", ["SELECT 2", "UPDATE node_version SET version = 7"])
def test_it_may_stop_in_the_middle(
    server: Postgres, engine: Engine, last: str, waits: Waits
) -> None:
    """In a statement, and before the end of a transaction: neither waits for ever."""
    with ExitStack() as stopped:

        def stop_in_a_statement() -> None:
            with reading(engine, "a test") as connection:
                stopped.enter_context(server.standing_still())
                connection.execute(text(last))

        fails(stop_in_a_statement, reason="no answer in time")
        assert SECONDS < waited(waits) < AT_MOST
    answers_again(engine)


def test_it_may_stop_before_the_end_of_a_transaction(
    server: Postgres, engine: Engine, waits: Waits
) -> None:
    """Nobody can tell then whether it was written: the error says that no answer came."""
    with ExitStack() as stopped:

        def stop_before_the_end() -> None:
            with writing(engine, "a test") as connection:
                connection.execute(text("UPDATE node_version SET version = 7"))
                stopped.enter_context(server.standing_still())

        fails(stop_before_the_end, reason="no answer in time")
        assert SECONDS < waited(waits) < SLOW
    answers_again(engine)


def test_while_it_is_silent_one_at_a_time_finds_out(
    server: Postgres, engine: Engine, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others do not wait for what that comes to."""
    asked, may, in_time = threading.Event(), threading.Event(), postgresql.in_time

    def hold(*given: Any, **more: Any) -> Any:
        asked.set()
        assert may.wait(SOON)
        return in_time(*given, **more)

    with server.standing_still():
        fails(lambda: ask(engine), reason="no answer")
        so_far = waited(waits)
        later(engine)
        engine.dispose()
        monkeypatch.setattr(postgresql, "in_time", hold)
        probe = threading.Thread(target=lambda: fails(lambda: ask(engine), reason="no answer"))
        probe.start()
        assert asked.wait(SOON)
        fails(lambda: ask(engine), reason="no answer")
        assert waited(waits) == so_far
        may.set()
        probe.join(SOON)
    answers_again(engine)


def test_a_statement_that_takes_too_long_is_ended_by_the_server(
    engine: Engine, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not go on there for nobody, and the next is not refused: it answers."""
    monkeypatch.setattr(postgresql, "_GRACE", SOON)  # a busy machine's server is late
    work = text("SELECT pg_sleep(60)")

    def sleep() -> None:
        with reading(engine, "a test") as connection:
            connection.execute(work)

    fails(sleep, reason="too long")
    assert waited(waits) == 0
    assert ask(engine) == 1
    running = text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' "
                   "AND state = 'active' AND pid <> pg_backend_pid()")  # fmt: skip
    with reading(engine, "a test") as connection:
        assert connection.scalar(running) == 0


def test_a_write_may_take_longer_than_a_read(engine: Engine) -> None:
    with writing(engine, "a test") as connection:
        connection.execute(text("SELECT pg_sleep(2.2)"))
    with reading(engine, "a test", long=True) as connection:
        connection.execute(text("SELECT pg_sleep(2.2)"))


def test_who_is_paused_in_a_transaction_holds_no_lock_for_ever(
    server: Postgres, tmp_path: Path
) -> None:
    """The server lets go of it, and others go on."""
    url = server.new_database()
    with closing_all(open_database(tmp_path, url), open_database(tmp_path, url)) as (mine, other):

        def pause() -> None:
            with writing(mine, "a test") as connection:
                connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 300"))
                connection.execute(text("UPDATE node_version SET version = 7"))
                put(other)  # which waits for the lock
                connection.execute(text("UPDATE node_version SET version = 8"))

        fails(pause, reason="its database gave an error")
        with writing(other, "a test") as connection:
            assert connection.scalar(text("SELECT version FROM node_version")) == 1
            limit = connection.scalar(text("SHOW idle_in_transaction_session_timeout"))
            assert limit == "10s"


def test_a_server_that_was_restarted_is_asked_again(tmp_path: Path) -> None:
    """What was connected before is replaced, without an error."""
    with postgres.running() as found:
        engine = open_database(tmp_path, found.new_database(), seconds=SECONDS)
        with closing_all(engine):
            assert ask(engine) == 1
            with writing(engine, "a test") as connection:
                others = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                              "WHERE pid <> pg_backend_pid() AND datname IS NOT NULL")  # fmt: skip
                held = engine.connect()
                held.exec_driver_sql("SELECT 1")
                connection.execute(others)
            with pytest.raises(Exception, match="terminating"):
                held.exec_driver_sql("SELECT 1")
            held.close()
            assert [ask(engine) for _ in range(3)] == [1, 1, 1]


def test_every_connection_in_use_is_said_so(engine: Engine) -> None:
    """Nobody waits long for one; when they are back, it goes on."""
    held = [engine.connect() for _ in range(15)]
    fails(lambda: ask(engine), reason="every connection to it is in use")
    for connection in held:
        connection.close()
    assert ask(engine) == 1


def test_it_is_not_opened_for_ever(server: Postgres, tmp_path: Path, waits: Waits) -> None:
    """A start may wait longer than a page, and says in the end what is wrong."""
    url = server.new_database()
    with server.standing_still():
        fails(lambda: open_database(tmp_path, url), reason="no answer in time")
    assert 5 < waited(waits) < 15


def test_a_read_of_sqlite_waits_no_longer_than_it_may(tmp_path: Path) -> None:
    """Another process that has the whole file for itself is waited for: a read a little while."""
    with closing_all(open_database(tmp_path, seconds=0.5)) as (engine,):
        put(engine)
        with closing(sqlite3.connect(tmp_path / "state.sqlite", isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode=EXCLUSIVE")
            engine.dispose()
            other.execute("BEGIN EXCLUSIVE")
            other.execute("UPDATE node_version SET version = 9")
            began = time.monotonic()
            fails(lambda: ask_file(engine), reason="another process is writing")
            assert time.monotonic() - began < WRITE
            other.execute("ROLLBACK")
        assert ask_file(engine) == 1


def ask_file(engine: Engine) -> object:
    with reading(engine, "a test") as connection:
        return connection.scalar(text("SELECT version FROM node_version"))


class closing_all:  # noqa: N801  used as `closing` is
    """Dispose of engines at the end."""

    def __init__(self, *engines: Engine) -> None:
        self._engines = engines

    def __enter__(self) -> tuple[Engine, ...]:
        return self._engines

    def __exit__(self, *_: object) -> None:
        for engine in self._engines:
            engine.dispose()


def test_every_statement_is_watched(engine: Engine) -> None:
    """What is watched is let off: the socket of a connection that waits in the pool is left."""
    seen: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *of: seen.append(of[2]))
    ask(engine)
    assert len(seen) == 2  # the limits, and the statement
    time.sleep(SECONDS + 0.5)
    raw = engine.raw_connection()
    assert raw.cursor().execute("SELECT 1").fetchone() == (1,)
    raw.close()
