"""One person at a browser, without the browser: what it would send over its websocket, and when.

Pages, their widgets, fragments that run by themselves, the cache of large messages and files made
on a click are as Streamlit's own front end has them; nothing is drawn.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.request import Request, urlopen

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets import Subprotocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bench.widgets import CHOSEN, CLICKS

PATIENCE = 60.0
REMEMBERED = 2  # runs for which a browser keeps a large message that it did not need
_WHOLE, _PART = ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
_NOT_FOUND = ("page_not_found", "auth_redirect")


class FailedError(Exception):
    """A click came to nothing."""


@dataclass(frozen=True, slots=True)
class Click:
    """What somebody did, how long it took until all of it was there, and how much that was."""

    kind: str
    page: str
    seconds: float
    size: int
    error: str = ""


@dataclass(slots=True)
class _Widget:
    """Something to click at, with the fragment that runs for it."""

    kind: str
    proto: Any
    fragment: str


@dataclass
class Person:
    """Somebody with one tab. `told` is called with each click; `repeats` counts fragments' runs."""

    number: int
    port: int
    told: Callable[[Click], None]
    headers: Mapping[str, str] = field(default_factory=dict)
    repeats: int = 0
    repeat_errors: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.number)
        self.cookie = ""
        self.page = self.query = ""
        self._widgets: dict[str, _Widget] = {}
        self._changed: dict[str, WidgetState] = {}
        self._files: list[str] = []
        self._kept: dict[str, int] = {}  # large messages by their hash, and in which run needed
        self._run = self._received = 0
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._done: asyncio.Future[str] | None = None
        self._awaited = self._session = ""
        self._closing = False
        self._link: ClientConnection | None = None

    # --- what somebody does -----------------------------------------------------------------

    async def open(self) -> None:
        """Open the tab's connection, with the cookies that a first answer brings."""
        self.cookie = await asyncio.to_thread(self._cookies)
        self._link = await connect(
            f"ws://127.0.0.1:{self.port}/_stcore/stream", compression=None, max_size=None,
            subprotocols=[Subprotocol("streamlit")], open_timeout=PATIENCE, ping_interval=None,
            additional_headers={**self.headers, "Cookie": self.cookie},
        )  # fmt: skip
        self._taking = asyncio.create_task(self._take_in(self._link))

    async def close(self) -> None:
        """Close the tab."""
        self._closing = True
        self._stop_timers()
        if self._link is not None:
            await self._link.close()
            with suppress(asyncio.CancelledError, WebSocketException, OSError):
                await self._taking

    async def visit(self, page: str, query: str = "") -> None:
        """Go to another page."""
        self.page, self.query = page, query
        self._stop_timers()
        self._changed.clear()
        await self._click("page", "")

    async def change(self) -> bool:
        """Change something on the page; False where there is nothing."""
        found = [each for each in self._widgets.values() if each.kind in CLICKS]
        if not found:
            return False
        widget = self.chance.choice(found)
        self._changed[widget.proto.id] = CLICKS[widget.kind](widget.proto, self.chance)
        await self._click("fragment" if widget.fragment else "widget", widget.fragment)
        return True

    async def download(self) -> bool:
        """Have a file made and read it; False where the page has none."""
        if not self._files or self._link is None:
            return False
        asked = BackMsg()
        asked.backend_operation_request.request_id = secrets.token_hex(4)
        asked.backend_operation_request.session_id = self._session
        asked.backend_operation_request.deferred_file.file_id = self.chance.choice(self._files)
        began, before = time.perf_counter(), self._received
        error, size = "", 0
        try:
            address = await self._wait("file", asked)
            size = await asyncio.to_thread(self._fetch, address)
        except (FailedError, OSError, WebSocketException) as exc:
            error = repr(exc)
        size += self._received - before
        self.told(Click("download", self.page, time.perf_counter() - began, size, error))
        return True

    def _cookies(self) -> str:
        asking = Request(f"http://127.0.0.1:{self.port}/_stcore/health", headers=dict(self.headers))
        with urlopen(asking, timeout=PATIENCE) as answer:
            told = answer.headers.get_all("Set-Cookie") or ()
        return "; ".join(each.partition(";")[0] for each in told)

    def _fetch(self, address: str) -> int:
        asking = Request(f"http://127.0.0.1:{self.port}{address}",
                         headers={**self.headers, "Cookie": self.cookie})  # fmt: skip
        with urlopen(asking, timeout=PATIENCE) as answer:
            return len(answer.read())

    async def _click(self, kind: str, fragment: str) -> None:
        began, before, error = time.perf_counter(), self._received, ""
        try:
            await self._wait((fragment and "part") or "whole", self._asked(fragment))
        except (FailedError, OSError, WebSocketException) as exc:
            error = repr(exc)
        took = time.perf_counter() - began
        self.told(Click(kind, self.page, took, self._received - before, error))

    # --- the wire ---------------------------------------------------------------------------

    def _asked(self, fragment: str, *, by_itself: bool = False) -> BackMsg:
        message = BackMsg()
        asked = message.rerun_script
        asked.page_name, asked.query_string = self.page, self.query
        asked.fragment_id, asked.is_auto_rerun = fragment, by_itself
        asked.cached_message_hashes.extend(self._kept)
        asked.widget_states.widgets.extend(self._changed.values())
        asked.context_info.timezone = "UTC"
        return message

    async def _wait(self, what: str, message: BackMsg) -> str:
        assert self._link is not None
        self._awaited, self._done = what, asyncio.get_running_loop().create_future()
        await self._link.send(message.SerializeToString())
        try:
            return await asyncio.wait_for(self._done, PATIENCE)
        except TimeoutError:
            raise FailedError(f"nothing came in {PATIENCE:.0f} s") from None
        finally:
            self._awaited = ""

    def _ends(self, what: str, answer: str = "", *, problem: str = "") -> None:
        if self._done is None or self._done.done() or (self._awaited != what and not problem):
            self.repeat_errors += bool(problem) and self._link is not None and not self._closing
            return
        if problem:
            self._done.set_exception(FailedError(problem))
        else:
            self._done.set_result(answer)

    async def _take_in(self, link: ClientConnection) -> None:
        try:
            async for frame in link:
                self._received += len(frame)
                self._take(ForwardMsg.FromString(frame))
        except WebSocketException as exc:
            self._ends("", problem=repr(exc))
        self._ends("", problem="the connection was closed")

    def _take(self, message: ForwardMsg) -> None:
        kind = str(message.WhichOneof("type"))
        take = getattr(self, f"_take_{kind}", None)
        if take is not None:
            take(message)
        elif kind in _NOT_FOUND:
            self._ends("", problem=kind)

    def _take_delta(self, message: ForwardMsg) -> None:
        if message.metadata.cacheable:
            self._kept[message.hash] = self._run
        if message.delta.WhichOneof("type") == "new_element":
            self._drawn(message.delta.new_element, message.delta.fragment_id)

    def _take_ref_hash(self, message: ForwardMsg) -> None:
        if message.ref_hash not in self._kept:
            self._ends("", problem="a message was not sent that no browser would have")
        self._kept[message.ref_hash] = self._run

    def _take_script_finished(self, message: ForwardMsg) -> None:
        self._finished(message.script_finished)

    def _take_new_session(self, message: ForwardMsg) -> None:
        self._session = message.new_session.initialize.session_id
        if not message.metadata.run.fragment_ids:
            self._stop_timers()
            self._widgets.clear()
            self._files.clear()

    def _take_page_info_changed(self, message: ForwardMsg) -> None:
        self.query = message.page_info_changed.query_string

    def _take_auto_rerun(self, message: ForwardMsg) -> None:
        self._repeat(message.auto_rerun.fragment_id, message.auto_rerun.interval)

    def _take_backend_operation_response(self, message: ForwardMsg) -> None:
        answer = message.backend_operation_response
        self._ends("file", answer.deferred_file.url, problem=answer.error_msg)

    def _take_navigation(self, message: ForwardMsg) -> None:
        """Follow a page that leads to another one."""
        navigation = message.navigation
        names = {page.page_script_hash: page.url_pathname for page in navigation.app_pages}
        page = names[navigation.page_script_hash]
        if page != self.page:
            self.page = page
            self._changed.clear()

    def _drawn(self, element: Any, fragment: str) -> None:
        kind = element.WhichOneof("type")
        if kind == "exception":
            self._ends("", problem=f"the page failed: {element.exception.message}")
        if kind == "download_button":
            button = element.download_button
            if not button.disabled and button.deferred_file_id:
                self._files.append(button.deferred_file_id)
        elif kind in CLICKS:
            proto = getattr(element, kind)
            if not (proto.disabled or proto.form_id or (kind in CHOSEN and not proto.options)):
                self._widgets[proto.id] = _Widget(kind, proto, fragment)

    def _finished(self, status: int) -> None:
        if status == _WHOLE:
            self._run += 1
            for name, run in list(self._kept.items()):
                if run < self._run - REMEMBERED:
                    del self._kept[name]
            self._ends("whole")
            self._ends("part")  # what was asked of a fragment is in it, or the fragment is gone
        elif status == _PART:
            self._ends("part")
        elif status == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            self.repeat_errors += 1
            self._ends("", problem="a script could not be read")

    # --- what a page does by itself ---------------------------------------------------------

    def _repeat(self, fragment: str, interval: float) -> None:
        if fragment in self._timers:
            self._timers.pop(fragment).cancel()
        self._timers[fragment] = asyncio.create_task(self._repeating(fragment, interval))

    async def _repeating(self, fragment: str, interval: float) -> None:
        with suppress(WebSocketException, OSError):
            while self._link is not None:
                await asyncio.sleep(interval)
                self.repeats += 1
                await self._link.send(self._asked(fragment, by_itself=True).SerializeToString())

    def _stop_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
