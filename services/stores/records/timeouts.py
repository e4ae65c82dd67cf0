"""How long a database is waited for: a watchdog for answers that never come, and a breaker.

libpq waits for an answer for ever. So whoever waits is watched from a thread of its own, which
shuts the connection's socket down when the time is over: the driver then sees a connection that
was closed. After that nobody asks for a moment, and then one at a time until one is answered.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from typing import Protocol, TypeVar

PAUSE_SECONDS = 2.0
"""How long nobody asks a database that gave no answer."""

T = TypeVar("T")


class NoAnswer(Exception):
    """A database gave no answer in time, or gave none a moment ago."""


class Connected(Protocol):
    """A driver's connection over a socket."""

    def fileno(self) -> int:
        """Return the socket's file descriptor, or raise when it is closed."""


class Breaker:
    """Remembers that a database gave no answer, and lets one at a time find out whether it does.

    `clock` tells the seconds by which it is left alone for `pause`.
    """

    def __init__(
        self, pause: float = PAUSE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pause, self.clock = pause, clock
        self._turn = threading.Lock()
        self._silent_until: float | None = None  # None: it answers
        self._probed = False

    @property
    def silent(self) -> bool:
        """Whether no answer came, and none since."""
        return self._silent_until is not None

    def silenced(self) -> None:
        """Note that no answer came."""
        with self._turn:
            self._silent_until = self.clock() + self._pause
            self._probed = False

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask in the block whether it answers, or raise NoAnswer at once.

        NoAnswer in it makes it silent, its end makes it one that answers, and any other error
        leaves it as it was.
        """
        self._admit()
        try:
            yield
        except NoAnswer:
            self.silenced()
            raise
        except BaseException:
            with self._turn:
                self._probed = False
            raise
        with self._turn:
            self._silent_until, self._probed = None, False

    def _admit(self) -> None:
        with self._turn:
            if self._silent_until is None:
                return
            if self._probed or self.clock() < self._silent_until:
                raise NoAnswer
            self._probed = True


class Watchdog:
    """Shuts the sockets of those who have waited too long, from one thread, which begins late."""

    def __init__(self) -> None:
        self._watched: dict[int, tuple[float, Connected, Callable[[], None]]] = {}
        self._changed = threading.Condition()
        self._wakes = 0.0
        self._thread: threading.Thread | None = None

    def watch(self, connection: Connected, seconds: float, shut: Callable[[], None]) -> None:
        """Shut a connection's socket after so many seconds, and call `shut`, unless let off."""
        ends = time.monotonic() + seconds
        with self._changed:
            self._watched[id(connection)] = (ends, connection, shut)
            if self._thread is None or not self._thread.is_alive():  # a fork has it no more
                self._thread = threading.Thread(target=self._work, name="watchdog", daemon=True)
                self._thread.start()
            elif ends < self._wakes:
                self._changed.notify()

    def let_off(self, connection: Connected) -> None:
        """Watch a connection no more. Once this returns, its socket is not touched."""
        with self._changed:
            self._watched.pop(id(connection), None)

    def _work(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for key, (ends, connection, shut) in list(self._watched.items()):
                    if ends <= now:
                        del self._watched[key]
                        _shut(connection, shut)
                self._wakes = min((each[0] for each in self._watched.values()), default=now + 3600)
                self._changed.wait(self._wakes - now)


def _shut(connection: Connected, shut: Callable[[], None]) -> None:
    """Shut a socket down. One that is closed waits for nothing."""
    with suppress(Exception):  # whatever a driver raises for a connection that is closed
        copy = socket.socket(fileno=os.dup(connection.fileno()))
        with copy:
            shut()
            copy.shutdown(socket.SHUT_RDWR)


WATCHDOG = Watchdog()


def in_time(work: Callable[[], T], seconds: float, *, late: Callable[[T], None]) -> T:
    """Return what work comes to, or raise NoAnswer; what comes too late is given to `late`.

    It goes on in a thread of its own meanwhile, so it has to end by itself.
    """
    coming: Future[T] = Future()

    def run() -> None:
        try:
            coming.set_result(work())
        except BaseException as exc:  # noqa: BLE001  raised where it is waited for
            coming.set_exception(exc)

    threading.Thread(target=run, name="connecting", daemon=True).start()
    if not wait([coming], timeout=seconds).done:
        coming.add_done_callback(lambda came: None if came.exception() else late(came.result()))
        raise NoAnswer
    return coming.result()
