"""One conversation with Redis: raw commands out, framed replies in, every wait bounded.

redis-py finds the server, signs in and selects the database; from there its own reply loop costs
more time per key than all the rest, so that the replies are read with hiredis' Reader.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from typing import Any, Protocol

import hiredis
import redis
from redis.sentinel import SentinelConnectionPool

from services.errors import StoreError, StoreUnavailable
from services.stores.redis.errors import STORE, refusal, translated

_READ_BYTES = 1 << 18
_SHORTEST_WAIT = 0.005
_NOT_YET = object()
_NAME = "kato-tenants"

Word = bytes | str | int


def packed(*words: Word) -> bytes:
    """Write one command as it goes over the wire."""
    command: bytes = hiredis.pack_command(words)  # type: ignore[arg-type] # any number of words
    return command


def form(*words: Word | None) -> bytes:
    """Write a command of which a word, as a rule the key, is open where None stands.

    It is filled in by `form % (len(key), key)`, which takes a third of what `packed` takes.
    """
    open_or_not = (b"$%d\r\n%b\r\n" if word is None else _escaped(word) for word in words)
    return b"*%d\r\n%b" % (len(words), b"".join(open_or_not))


def _escaped(word: Word) -> bytes:
    return packed(word).partition(b"\n")[2].replace(b"%", b"%%")


MULTI, EXEC = packed("MULTI"), packed("EXEC")


class Link(ABC):
    """Commands out, replies in. Every method raises a StoreError when it fails."""

    _operation: str

    @abstractmethod
    def send(self, commands: bytes) -> None:
        """Send packed commands; the caller reads as many replies, in the same order."""

    def send_each(self, command: bytes, keys: Sequence[bytes]) -> None:
        """Send one command for each key: a `form` in which the key alone is open."""
        self.send(b"".join([command % (len(key), key) for key in keys]))

    @abstractmethod
    def replies(self, number: int) -> list[Any]:
        """Return the next replies, error replies (`hiredis.ReplyError`) in their places."""

    @abstractmethod
    def prolong(self) -> None:
        """Give what follows as much time as all had at first: the work goes on as it should."""

    @property
    def primaries(self) -> Sequence[Link]:
        """What is asked of each server that holds a part of the keys is asked of each of these."""
        return (self,)

    @property
    def is_cluster(self) -> bool:
        """Whether several servers are behind it."""
        return False

    def walk(self, count: int) -> Iterator[list[bytes]] | None:  # noqa: ARG002
        """Yield every key once, some `count` at a time; None where SCAN is the way."""
        return None

    def at_once(self, keys: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
        """Cut keys into pieces of which each may be watched and written in one transaction."""
        return (keys[at : at + size] for at in range(0, len(keys), size))

    def beside(self, key: bytes) -> bytes:  # noqa: ARG002
        """Return what another name begins with to be where a key is."""
        return b""

    def ask(self, *words: Word) -> Any:
        """Send one command and return its reply."""
        self.send(packed(*words))
        return self.reply()

    def reply(self) -> Any:
        """Return the next reply. An error reply is raised."""
        (reply,) = self.replies(1)
        if isinstance(reply, hiredis.ReplyError):
            raise self.error(reply)
        return reply

    def transaction(self, commands: Sequence[bytes]) -> list[Any] | None:
        """Do packed commands between MULTI and EXEC, and return what each came to.

        None where EXEC did nothing: a key that is watched was written. The first error is raised.
        """
        self.send(b"".join((MULTI, *commands, EXEC)))
        return self.done_of(self.replies(len(commands) + 2))

    def done_of(self, replies: Sequence[Any]) -> list[Any] | None:
        """Return what a transaction came to by all of its replies. Raises the first error."""
        done = replies[-1]
        for reply in (*replies, *(done if isinstance(done, list) else ())):
            if isinstance(reply, hiredis.ReplyError):
                raise self.error(reply)
        return None if done is None else list(done)

    def error(self, reply: hiredis.ReplyError) -> StoreError:
        """Return what an error reply means."""
        return refusal(str(reply), self._operation)

    @property
    def operation(self) -> str:
        """What it is for, in words."""
        return self._operation


class SocketLink(Link):
    """A connection with no reply under way."""

    def __init__(self, connection: Any, *, operation: str, seconds: float) -> None:
        self._connection = connection
        # redis-py has no public way to the bytes that it receives.
        self._socket = connection._sock  # noqa: SLF001
        self._reader = hiredis.Reader(notEnoughData=_NOT_YET)
        self._buffer = bytearray(_READ_BYTES)
        self._operation = operation
        self._patience: float = connection.socket_timeout or seconds
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds

    def send(self, commands: bytes) -> None:
        """Send packed commands; the caller reads as many replies, in the same order."""
        self._limit()
        with translated(self._operation):
            self._connection.send_packed_command([commands], check_health=False)

    def replies(self, number: int) -> list[Any]:
        """Return the next replies, error replies (`hiredis.ReplyError`) in their places."""
        found: list[Any] = []
        gets = self._reader.gets
        with translated(self._operation):
            found.extend(islice(iter(gets, _NOT_YET), number))
            while len(found) < number:
                self._receive()
                found.extend(islice(iter(gets, _NOT_YET), number - len(found)))
        return found

    def prolong(self) -> None:
        """Give what follows as much time as all had at first: the work goes on as it should."""
        self._deadline = time.monotonic() + self._seconds

    def _receive(self) -> None:
        """Wait for bytes. An OSError is left to the caller to translate."""
        self._limit()
        try:
            size = self._socket.recv_into(self._buffer)
        except TimeoutError:
            self._limit()
            raise
        if not size:
            raise StoreUnavailable(STORE, self._operation, "it hung up half-way")
        self._reader.feed(self._buffer, 0, size)  # type: ignore[arg-type] # any buffer will do

    def _limit(self) -> None:
        """Let the next wait end with the deadline. Raises StoreUnavailable when that is here."""
        left = self._deadline - time.monotonic()
        if left < _SHORTEST_WAIT:
            reason = f"it took longer than {self._seconds:g} s"
            raise StoreUnavailable(STORE, self._operation, reason)
        self._socket.settimeout(min(left, self._patience))


class Talking(Protocol):
    """What is no single server: a cluster."""

    def conversation(self, *, operation: str, seconds: float) -> AbstractContextManager[Link]:
        """Open a link for one operation that may take so many seconds."""

    def nodes(self) -> Sequence[redis.Redis]:
        """Return a client of each of its nodes, replicas too. Raises StoreError."""

    def close(self) -> None:
        """Close its connections."""


Client = redis.Redis | Talking
"""One server, or a cluster."""


def database_of(client: Client) -> int:
    """Return the number of the database that a client reads: a cluster's keys are in 0."""
    if not isinstance(client, redis.Redis):
        return 0
    return int(client.get_connection_kwargs().get("db") or 0)


@contextmanager
def conversation(
    client: Client, *, operation: str, seconds: float, how: Mapping[str, Any] | None = None
) -> Iterator[Link]:
    """Open a link for one operation that may take so many seconds.

    It is a new connection, made as the client makes its own where `how` does not say. It closes
    at the end: one whose replies were read past redis-py is not reused. Where it is the client's
    own, it says its name, and asks not to count as use.
    """
    if not isinstance(client, redis.Redis):
        with client.conversation(operation=operation, seconds=seconds) as whole:
            yield whole
        return
    pool = client.connection_pool
    connection: Any = pool.connection_class(**(how or pool.connection_kwargs))
    try:
        with translated(operation):
            connection.connect()
        link = SocketLink(connection, operation=operation, seconds=seconds)
        if how is None:
            _introduce(link)
        if isinstance(pool, SentinelConnectionPool):
            _demand_primary(link)
        yield link
    finally:
        connection.disconnect()


def _demand_primary(link: Link) -> None:
    """Raise StoreUnavailable where what Sentinel names is no primary: a failover is under way."""
    hello = link.ask("HELLO")
    pairs = hello.items() if isinstance(hello, dict) else zip(hello[::2], hello[1::2], strict=True)
    if dict(pairs).get(b"role") != b"master":
        reason = "Sentinel names a server that is no primary: a failover is under way"
        raise StoreUnavailable(STORE, link.operation, reason)


def _introduce(link: Link) -> None:
    """Say a name, and ask not to count as use, which would keep what we look at from eviction.

    Whoever may not, and servers before Redis 7.2, answer with an error, which is all right.
    """
    link.send(packed("CLIENT", "SETNAME", _NAME) + packed("CLIENT", "NO-TOUCH", "ON"))
    link.replies(2)
