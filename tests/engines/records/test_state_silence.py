"""Records that stand still: a real PostgreSQL whose processes are stopped, and a locked SQLite."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text

from services.errors import StoreUnavailable
from services.stores.records.database import open_database, reading, writing
from tests.servers import postgres
from tests.servers.postgres import Postgres

SECONDS = 1.5
AT_MOST = 2.0  # seconds, for a page that asks for whatever it asks
SLOW = 20.0


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server of this file's own: it is stopped."""
    with postgres.running() as found:
        yield found


@pytest.fixture
def engine(server: Postgres, tmp_path: Path) -> Iterator[Engine]:
    found = open_database(tmp_path, server.new_database(), seconds=SECONDS)
    yield found
    found.dispose()


def ask(engine: Engine) -> object:
    with reading(engine, "a test") as connection:
        return connection.scalar(text("SELECT 1"))


def put(engine: Engine) -> None:
    with writing(engine, "a test") as connection:
        connection.execute(text("UPDATE node_version SET version = version + 1"))


def took(work: Callable[[], object], *, reason: str) -> float:
    """Return how long something took that could not be done, for this reason."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match=reason):
        work()
    return time.monotonic() - began


def answers_soon(engine: Engine) -> None:
    """Wait until it is asked again and answers, as the next page would."""
    ends = time.monotonic() + 10
    while True:
        try:
            assert ask(engine) == 1
        except StoreUnavailable:
            assert time.monotonic() < ends
            time.sleep(0.1)
        else:
            return


@pytest.mark.parametrize("warm", [True, False], ids=["with a connection", "without any"])
@pytest.mark.parametrize("work", [ask, put], ids=["read", "write"])
def test_a_page_that_asks_ten_times_hears_of_it_in_two_seconds(
    server: Postgres, engine: Engine, work: Callable[[Engine], object], warm: bool
) -> None:
    """Once it is known that nothing answers, nobody waits for that again; then it goes on."""
    if not warm:
        engine.dispose()
    with server.standing_still():
        began = time.monotonic()
        for _ in range(10):
            took(lambda: work(engine), reason="no answer in time")
        assert time.monotonic() - began < AT_MOST
    answers_soon(engine)
    work(engine)


def test_whoever_asks_at_once_hears_of_it_at_once(server: Postgres, engine: Engine) -> None:
    """More threads than there are connections: those that wait for a free one too."""
    times: list[float] = []

    def wait() -> None:
        times.append(took(lambda: ask(engine), reason="state store"))

    with server.standing_still():
        threads = [threading.Thread(target=wait) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(times) == 30
    assert max(times) < AT_MOST
    answers_soon(engine)


@pytest.mark.parametrize("last", ["SELECT 2", "UPDATE node_version SET version = 7"])
def test_it_may_stop_in_the_middle(server: Postgres, engine: Engine, last: str) -> None:
    """In a statement, and before the end of a transaction: neither waits for ever."""
    with ExitStack() as stopped:

        def stop_in_a_statement() -> None:
            with reading(engine, "a test") as connection:
                stopped.enter_context(server.standing_still())
                connection.execute(text(last))

        assert took(stop_in_a_statement, reason="no answer in time") < AT_MOST
    answers_soon(engine)


def test_it_may_stop_before_the_end_of_a_transaction(server: Postgres, engine: Engine) -> None:
    """Nobody can tell then whether it was written: the error says that no answer came."""
    with ExitStack() as stopped:

        def stop_before_the_end() -> None:
            with writing(engine, "a test") as connection:
                connection.execute(text("UPDATE node_version SET version = 7"))
                stopped.enter_context(server.standing_still())

        assert took(stop_before_the_end, reason="no answer in time") < SLOW
    answers_soon(engine)


def test_while_it_is_silent_one_at_a_time_finds_out(server: Postgres, engine: Engine) -> None:
    """The others do not wait for what that comes to."""
    with server.standing_still():
        took(lambda: ask(engine), reason="no answer")
        time.sleep(2.2)
        probe = threading.Thread(target=lambda: took(lambda: ask(engine), reason="no answer"))
        probe.start()
        time.sleep(0.3)
        assert took(lambda: ask(engine), reason="no answer") < 0.2
        probe.join(10)


def test_a_statement_that_takes_too_long_is_ended_by_the_server(engine: Engine) -> None:
    """It does not go on there for nobody, and the next is not refused: it answers."""
    work = text("SELECT pg_sleep(60)")

    def sleep() -> None:
        with reading(engine, "a test") as connection:
            connection.execute(work)

    assert took(sleep, reason="too long") < AT_MOST
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
                time.sleep(1)
                put(other)
                connection.execute(text("UPDATE node_version SET version = 8"))

        took(pause, reason="its database gave an error")
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
    assert took(lambda: ask(engine), reason="every connection to it is in use") < AT_MOST
    for connection in held:
        connection.close()
    assert ask(engine) == 1


def test_it_is_not_opened_for_ever(server: Postgres, tmp_path: Path) -> None:
    """A start may wait longer than a page, and says in the end what is wrong."""
    url = server.new_database()
    with server.standing_still():
        seconds = took(lambda: open_database(tmp_path, url), reason="no answer in time")
    assert 5 < seconds < 15


def test_a_read_of_sqlite_waits_no_longer_than_it_may(tmp_path: Path) -> None:
    """Another process that has the whole file for itself is waited for: a read a little while."""
    with closing_all(open_database(tmp_path, seconds=0.5)) as (engine,):
        put(engine)
        with closing(sqlite3.connect(tmp_path / "state.sqlite", isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode=EXCLUSIVE")
            engine.dispose()
            other.execute("BEGIN EXCLUSIVE")
            other.execute("UPDATE node_version SET version = 9")
            assert took(lambda: ask_file(engine), reason="another process is writing") < AT_MOST
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
