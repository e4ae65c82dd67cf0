"""A browser's connection, held to what one person may ask for: slowed, and closed where it floods.

Streamlit runs a page for every message that asks for it, as fast as they come, in a thread for each
tab; all of them share one interpreter, so that whoever asks for more slows everyone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from google.protobuf.message import DecodeError
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from dashboard.app.turns import YIELD_SECONDS, Census, Person

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]

FLOOD_SECONDS = 20.0
"""A socket that was held back for so long, with no message between that was not, is closed."""

_RERUN, _UNREADABLE = "rerun_script", "(unreadable)"
_PASSED = frozenset({
    _RERUN, "stop_script", "app_heartbeat", "deferred_file", "dataframe_chunk",
    _UNREADABLE,  # which Streamlit closes the socket for
})  # fmt: skip
"""What a message may ask for. Nobody clears everyone's cache, uploads, or installs anything."""

_STOP: bytes = BackMsg(stop_script=True).SerializeToString()
_SMALL = 256  # bytes; what says that a script has ended is smaller
_STEP = 0.05

logger = logging.getLogger(__name__)


class Socket:
    """The two ends of one connection: what comes in waits its turn, what goes out ends a turn."""

    def __init__(self, person: Person, census: Census, receive: Receive, send: Send) -> None:
        self._person, self._census = person, census
        self._receive, self._send = receive, send
        self._held = 0.0
        self._closed = False

    async def receive(self) -> Message:
        """Return the next message that is for the app, when it is its turn.

        Streamlit keeps a session that lost its socket, and lets its script run on: so before that
        it is told to stop. A browser that comes back asks for what it did not get.
        """
        while not self._closed:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                self._closed = True
            elif await self._is_taken(message) and not self._closed:
                return message
        if self in self._person.running:
            self.leave()
            return {"type": "websocket.receive", "bytes": _STOP}
        return {"type": "websocket.disconnect", "code": 1006}

    async def _is_taken(self, message: Message) -> bool:
        """Wait until it is a message's turn, and say whether it is one for the app."""
        if message["type"] != "websocket.receive":
            return True
        kind = _kind(message.get("bytes") or b"")
        await self.wait()
        if self._held > FLOOD_SECONDS:
            logger.warning("a socket that asked for too much, for too long, was closed")
            await self.send({"type": "websocket.close", "code": 1008})
            self._closed = True
        elif kind == _RERUN:
            await self._turn()
        return kind in _PASSED

    async def send(self, message: Message) -> None:
        """Send what the app sends, and note when a script has ended.

        That nobody takes it, `receive` says next, whatever else was asked for before: of an error
        here Streamlit would not come to an end in order.
        """
        payload = message.get("bytes") or b""
        if 0 < len(payload) < _SMALL and _ends(payload):
            self._person.finish(self, time.monotonic())
        if not self._closed:
            try:
                await self._send(message)
            except OSError:
                self._closed = True

    def leave(self) -> None:
        """Give the turn back."""
        self._person.finish(self, time.monotonic())

    async def wait(self) -> None:
        """Wait until this person may ask for something, and take that."""
        began = time.monotonic()
        while wait := self._person.messages.wait(time.monotonic()):
            await asyncio.sleep(wait)
        now = time.monotonic()
        self._person.messages.take(1, now)
        self._held = self._held + now - began if now - began > _STEP else 0.0

    async def _turn(self) -> None:
        """Wait until this person's scripts may run, and for those that go first to have ended."""
        began = time.monotonic()
        while wait := self._until_turn(time.monotonic() - began):
            await asyncio.sleep(wait)
        self._person.begin(self, time.monotonic())

    def _until_turn(self, waited: float) -> float:
        """Return how long to wait and look again; 0 where it is this socket's turn."""
        now = time.monotonic()
        if not self._person.may_run(self, now):
            return _STEP
        if waited < YIELD_SECONDS and self._census.has_to_yield(self._person, now):
            return _STEP
        return self._person.runs.wait(now)


def values(scope: Message, name: bytes) -> list[str]:
    """Return what the headers of a name, which is in lower case, hold."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _kind(data: bytes) -> str:
    """Return what a message asks for; nothing for what no browser of ours sends."""
    asked = BackMsg()
    try:
        asked.ParseFromString(data)
    except DecodeError:
        return _UNREADABLE
    kind = asked.WhichOneof("type") or ""
    if kind != "backend_operation_request":
        return kind
    return asked.backend_operation_request.WhichOneof("payload") or ""


def _ends(payload: bytes) -> bool:
    """Whether a message says that a script has ended, and none comes after it by itself."""
    sent = ForwardMsg()
    try:
        sent.ParseFromString(payload)
    except DecodeError:
        return False
    early = ForwardMsg.ScriptFinishedStatus.FINISHED_EARLY_FOR_RERUN
    return sent.WhichOneof("type") == "script_finished" and sent.script_finished != early
