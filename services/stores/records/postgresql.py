"""PostgreSQL that is asked within limits: whatever it does, whoever asks hears of it in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import Dialect, ExceptionContext
from sqlalchemy.exc import InvalidatePoolError

from services.stores.records.timeouts import WATCHDOG, Breaker, NoAnswer, in_time

_GRACE = 0.25  # seconds: a server that answers ends a statement itself, and says why
_AT_LEAST = 0.25  # of the time to reach it is left to who waited long for a free connection
_LIMITS = (
    "SELECT set_config('statement_timeout', '{0}', true), "
    "set_config('idle_in_transaction_session_timeout', '{0}', true)"
)
"""The server gives up too. A process that is paused in a transaction holds no lock for ever."""


class Reach:
    """Connects, asks whether it answers, and has every statement watched.

    `seconds` is how long reaching it may take, where nothing else is said.
    """

    def __init__(self, engine: Engine, *, seconds: float) -> None:
        self.breaker = Breaker()
        self._engine, self._seconds = engine, seconds
        self._mine = threading.local()
        event.listen(engine, "do_connect", self._connect)
        event.listen(engine, "checkout", self._ask)
        event.listen(engine, "begin", self._limit)
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "after_cursor_execute", self._after)
        event.listen(engine, "commit", self._watch)
        event.listen(engine, "rollback", self._watch)
        event.listen(engine, "handle_error", self._failed)

    @contextmanager
    def connected(self, *, within: float | None = None) -> Iterator[Connection]:
        """Give a connection, whose statements may take as long as its option `seconds` says.

        Raises NoAnswer when none is reached `within` seconds, or none was a moment ago.
        """
        with self.breaker.asking():
            self._mine.until = time.monotonic() + (within or self._seconds)
            try:
                connection = self._engine.connect()
            finally:
                self._mine.until = None
        raw = connection.connection.dbapi_connection
        try:
            with connection:
                yield connection
        finally:
            WATCHDOG.let_off(raw)  # type: ignore[arg-type]  # a DBAPI connection has no type

    def _left(self) -> float:
        until: float | None = getattr(self._mine, "until", None)
        left = self._seconds if until is None else until - time.monotonic()
        return max(left, self._seconds * _AT_LEAST)

    def _connect(self, dialect: Dialect, _: object, args: Any, options: Any) -> Any:
        work = partial(dialect.connect, *args, **options)
        raw: Any = in_time(work, self._left(), late=lambda late: late.close())
        # until it was asked below: SQLAlchemy asks for its version first
        WATCHDOG.watch(raw, self._left(), self.breaker.silenced)
        return raw

    def _ask(self, raw: Any, *_: object) -> None:
        """Ask whether it answers, before each use. One that was closed meanwhile is replaced."""
        dialect = self._engine.dialect
        WATCHDOG.watch(raw, self._left(), self.breaker.silenced)
        try:
            dialect.do_ping(raw)
        except dialect.loaded_dbapi.Error as exc:
            if self.breaker.silent:
                raise NoAnswer from exc
            raise InvalidatePoolError from exc
        finally:
            WATCHDOG.let_off(raw)

    def _limit(self, connection: Connection) -> None:
        milliseconds = int(self._of(connection) * 1000)
        connection.exec_driver_sql(_LIMITS.format(max(milliseconds, 1))).close()

    def _of(self, connection: Connection) -> float:
        seconds: float = connection.get_execution_options().get("seconds", self._seconds)
        return seconds

    def _before(self, connection: Connection, *_: object) -> None:
        self._watch(connection)

    def _after(self, connection: Connection, *_: object) -> None:
        self._let_off(connection)

    def _failed(self, context: ExceptionContext) -> None:
        if context.connection is not None:
            self._let_off(context.connection)

    def _watch(self, connection: Connection) -> None:
        if not connection.invalidated:
            raw: Any = connection.connection.dbapi_connection
            WATCHDOG.watch(raw, self._of(connection) + _GRACE, self.breaker.silenced)

    def _let_off(self, connection: Connection) -> None:
        if not connection.invalidated:
            raw: Any = connection.connection.dbapi_connection
            WATCHDOG.let_off(raw)
