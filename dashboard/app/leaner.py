"""Streamlit, made to do less for each run of a page: what it sends is the same, in the same order.

It has no setting for any of this (1.67): each element that a script draws wakes the server's event
loop by itself, twice, and each run reads the theme anew out of the configuration.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from functools import partial

from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import Runtime, app_session
from streamlit.runtime.app_session import AppSession

Call = Callable[[], None]
Populate = Callable[[CustomThemeConfig, str], None]


class Calls:
    """What threads want an event loop to do, in their order: it is woken once for many."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._turn = threading.Lock()
        self._waiting: deque[Call] = deque()
        self._woken = False

    def add(self, call: Call) -> None:
        """Have something done soon. Raises RuntimeError where the loop is closed."""
        with self._turn:
            if not self._woken:
                self._loop.call_soon_threadsafe(self._do)
            self._woken = True
            self._waiting.append(call)

    def _do(self) -> None:
        with self._turn:
            calls, self._waiting, self._woken = self._waiting, deque(), False
        for call in calls:
            try:
                call()
            except Exception as exc:  # noqa: BLE001  as the loop itself takes what goes wrong
                told = {"message": "a call of a script failed", "exception": exc}
                self._loop.call_exception_handler(told)


class Themes:
    """The theme as the configuration has it, read once for each of its sections."""

    def __init__(self, populate: Populate) -> None:
        self._populate = populate
        self._read: dict[str, CustomThemeConfig] = {}

    def fill(self, message: CustomThemeConfig, section: str = "theme") -> None:
        """Put a section into a message."""
        if section not in self._read:
            read = CustomThemeConfig()
            self._populate(read, section)
            self._read[section] = read
        message.MergeFrom(self._read[section])


def call_soon(session: AppSession, call: Call, *, otherwise: Callable[..., None]) -> None:
    """Have a session's event loop do something soon, after what it was told before."""
    calls: Calls | None = vars(session).get("_calls_of_scripts")
    if calls is None:
        calls = vars(session).setdefault("_calls_of_scripts", Calls(session._event_loop))  # noqa: SLF001
    try:
        calls.add(call)
    except RuntimeError:
        otherwise(session, call)  # it knows what to do where the loop is closed


def tell(runtime: Runtime, *, otherwise: Callable[[Runtime], None]) -> None:
    """Say that there is something to be sent: at once, where the event loop itself does."""
    loop = runtime._get_async_objs()  # noqa: SLF001
    try:
        here = asyncio.get_running_loop() is loop.eventloop
    except RuntimeError:
        here = False
    if here:
        loop.need_send_data.set()
    else:
        otherwise(runtime)


def _bound(function: Callable[..., None], otherwise: Callable[..., None]) -> Callable[..., None]:
    with_it = partial(function, otherwise=otherwise)

    def method(*args: object) -> None:
        with_it(*args)

    return method


def apply() -> None:
    """Have Streamlit do less, from now on in this process."""
    soon, told = AppSession._call_soon_on_event_loop, Runtime._enqueued_some_message  # noqa: SLF001
    setattr(AppSession, "_call_soon_on_event_loop", _bound(call_soon, soon))  # noqa: B010
    setattr(Runtime, "_enqueued_some_message", _bound(tell, told))  # noqa: B010
    themes = Themes(app_session._populate_theme_msg)  # noqa: SLF001
    setattr(app_session, "_populate_theme_msg", themes.fill)  # noqa: B010
