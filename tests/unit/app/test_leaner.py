"""Streamlit does less for the same: messages come in their order, and the theme is what it was."""

from __future__ import annotations

import asyncio
import threading
from unittest.mock import patch

import pytest
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import Runtime, app_session
from streamlit.runtime.app_session import AppSession

from dashboard.app import leaner
from dashboard.app.leaner import Calls, Themes


class Session(AppSession):
    """One that was never begun, and has nothing to be shut down."""

    def __del__(self) -> None:
        """Do nothing."""


def test_calls_of_a_thread_are_done_in_their_order_and_the_loop_is_woken_once() -> None:
    done, woken = list[int](), list[object]()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        calls, wake = Calls(loop), loop.call_soon_threadsafe

        def waking(call: object) -> object:
            woken.append(call)
            return wake(call)

        def draw() -> None:
            for at in range(500):
                calls.add(lambda at=at: done.append(at))

        with patch.object(loop, "call_soon_threadsafe", waking):
            thread = threading.Thread(target=draw)
            thread.start()
            thread.join()  # meanwhile the loop does nothing
            await asyncio.sleep(0.01)
            calls.add(lambda: done.append(500))
            await asyncio.sleep(0.01)

    asyncio.run(run())
    assert done == list(range(501))
    assert len(woken) == 2


def test_a_call_that_fails_is_told_and_keeps_none_from_being_done() -> None:
    done, told = list[int](), list[object]()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
        calls, wrong = Calls(loop), LookupError()

        def fail() -> None:
            raise wrong

        calls.add(fail)
        calls.add(lambda: done.append(1))
        await asyncio.sleep(0)
        assert told == [wrong]

    asyncio.run(run())
    assert done == [1]


def test_a_loop_that_is_closed_is_said_to_be_each_time() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    calls = Calls(loop)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            calls.add(lambda: None)


@pytest.mark.parametrize("section", ["theme", "theme.light", "theme.dark", "theme.dark.sidebar"])
def test_the_theme_is_what_streamlit_reads(section: str) -> None:
    themes = Themes(app_session._populate_theme_msg)
    for _ in range(2):
        ours, its = CustomThemeConfig(), CustomThemeConfig()
        themes.fill(ours, section)
        app_session._populate_theme_msg(its, section)
        assert ours == its


def test_streamlit_has_what_is_replaced_and_calls_it_so() -> None:
    """Another version of Streamlit has to be looked at before this is applied to it."""
    with (
        patch.object(AppSession, "_call_soon_on_event_loop"),
        patch.object(Runtime, "_enqueued_some_message"),
        patch.object(app_session, "_populate_theme_msg"),
    ):
        leaner.apply()
        session, done = Session.__new__(Session), list[int]()

        async def run() -> None:
            session._event_loop = asyncio.get_running_loop()
            session._call_soon_on_event_loop(lambda: done.append(1))
            await asyncio.sleep(0)

        asyncio.run(run())
    assert done == [1]
