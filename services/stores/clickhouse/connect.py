"""How to reach ClickHouse over HTTP, and what its driver's errors mean."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, Protocol

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ProgrammingError
from clickhouse_connect.driver.httputil import get_pool_manager_options
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import (
    HTTPError,
    NewConnectionError,
    ProtocolError,
    SSLError,
    TimeoutError as HTTPTimeout,
)

from services.errors import (
    StoreDenied,
    StoreMisconfigured,
    StoreRejected,
    StoreUnavailable,
)
from services.settings.environment import Settings
from services.stores.faults import DROPPED, IN_VAIN, OVERLOADED, REFUSED, TOO_SLOW, Verdict
from services.tenancy.layout import bytes_of

STORE = "clickhouse"
PATTERNS = "patterns_data"
"""KATO's table of patterns."""
NOT_CLICKHOUSE = "what answers at that address is not ClickHouse"

_UNKNOWN_TABLE, _UNKNOWN_DATABASE, _UNKNOWN_CLUSTER = 60, 81, 701
# The numbers are those of ClickHouse's system.errors.
_DENIED = frozenset({
    164,  # READONLY
    192, 193, 194, 195,  # UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, IP_ADDRESS_NOT_ALLOWED
    291,  # DATABASE_ACCESS_DENIED
    392,  # QUERY_IS_PROHIBITED: this user may not ALTER
    497, 516,  # ACCESS_DENIED, AUTHENTICATION_FAILED
})  # fmt: skip
_OVERLOADED = frozenset({
    159, 160,  # TIMEOUT_EXCEEDED, TOO_SLOW
    173, 241, 243,  # CANNOT_ALLOCATE_MEMORY, MEMORY_LIMIT_EXCEEDED, NOT_ENOUGH_SPACE
    201, 202, 203,  # QUOTA_EXCEEDED, TOO_MANY_SIMULTANEOUS_QUERIES, NO_FREE_CONNECTION
    209, 210, 279,  # SOCKET_TIMEOUT, NETWORK_ERROR, ALL_CONNECTION_TRIES_FAILED
    225, 242, 285, 999,  # NO_ZOOKEEPER, TABLE_IS_READ_ONLY, TOO_FEW_LIVE_REPLICAS, KEEPER_EXCEPTION
    319, 341, 369,  # UNKNOWN_STATUS_OF_INSERT, UNFINISHED, ALL_REPLICAS_ARE_STALE
    519,  # NO_REMOTE_SHARD_AVAILABLE
    236, 394,  # ABORTED, QUERY_WAS_CANCELLED: by somebody else, or since it shuts down
    252,  # TOO_MANY_PARTS: merges are behind
    439,  # CANNOT_SCHEDULE_TASK
    473,  # DEADLOCK_AVOIDED: it waited too long for a table's lock
    745,  # SERVER_OVERLOADED
})  # fmt: skip
_DENIED_STATUS = frozenset({401, 403, 407})
_OVERLOADED_STATUS = frozenset({408, 429, *range(500, 600)})
_MEANWHILE = frozenset({"x-clickhouse-progress"})  # headers that come before an answer does
_STATUS = re.compile(r"\bHTTP status (\d{3})\b")

_LONGEST_BOUND = 4_000
"""Characters of names that are bound in the address; longer ones stand in the statement."""
_LONGEST_QUERY = 200_000  # characters, of `max_query_size`, which is 262,144 bytes by default
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:.-")

# Its errors are raised as ours: unless logging is set up, it is not to print them as well.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Identifier:
    """A database's, table's or column's name, to be bound to `{…:Identifier}`.

    ClickHouse takes it as it is; a plain string the driver would escape as it does text, and
    then a name with a quote or backslash in it names nothing.
    """

    name: str

    def __str__(self) -> str:
        return self.name


class Names:
    """Names to be bound to `{…:Array(String)}`: every byte that could mean anything is escaped.

    The driver's own way of writing text cannot carry bytes that are not UTF-8. A constant array
    also is what lets ClickHouse prune partitions, which an expression does not.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._text = "[" + ",".join(f"'{_escaped(bytes_of(name))}'" for name in names) + "]"

    def __str__(self) -> str:
        return self._text

    def __len__(self) -> int:
        """How many characters they take, all of them ASCII."""
        return len(self._text)


def _escaped(name: bytes) -> str:
    return "".join(chr(byte) if byte in _PLAIN else f"\\x{byte:02x}" for byte in name)


def spelled_out(
    query: str, bound: Mapping[str, Any], settings: Mapping[str, Any] | None
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Write names into the query that are too many to be bound to it, and let it be that long.

    A bound value goes into the address, or into a form where it is long. Of either ClickHouse takes
    128 KiB by default (`http_max_field_value_size`), which are 3,000 kb_ids.
    """
    long = {
        name: value for name, value in bound.items()
        if isinstance(value, Names) and len(value) > _LONGEST_BOUND
    }  # fmt: skip
    for name, value in long.items():
        query = query.replace(f"{{{name}:Array(String)}}", str(value))
    allowed = dict(settings or {})
    if len(query) > _LONGEST_QUERY:
        allowed["max_query_size"] = len(query) * 2
    return query, {name: value for name, value in bound.items() if name not in long}, allowed


def hexed(text: str) -> str:
    """Return a text to be bound to `unhex({…:String})`."""
    return bytes_of(text).hex()


class _OneTry:
    """Sends a request once over a pool, and gives up `seconds` after the last byte that arrived.

    The driver itself would try a connection twice and take twice as long to fail. With `once`
    the driver is not told that the server hung up, for then it sends an INSERT again that may
    have been done, whatever its `query_retries` says.
    """

    def __init__(self, pool: PoolManager, seconds: float, *, once: bool) -> None:
        self._pool = pool
        self._seconds = seconds
        self._once = once

    def request(self, method: str, url: str, **options: Any) -> BaseHTTPResponse:
        """Send it, as the driver asks of a pool."""
        options |= {"retries": False, "redirect": False, "timeout": Timeout(total=self._seconds)}
        if not self._once:
            return self._pool.request(method, url, **options)
        with contextlib.suppress(ProtocolError):
            response = self._pool.request(method, url, **options)
            if {name.lower() for name in response.headers} - _MEANWHILE:
                return response
        raise HTTPError(DROPPED)  # from nothing: the driver looks for what it came from

    def clear(self) -> None:
        """Close the pool's idle connections, as the driver does from time to time."""
        self._pool.clear()


class Connecting(Protocol):
    """Makes clients over one pool of connections."""

    def __call__(self, *, seconds: float | None = None, once: bool = False) -> Client:
        """Make a client. Each of its requests is given `seconds`, or `timeout_seconds`.

        `once` is for who inserts: whatever is sent is sent once, where otherwise the driver
        repeats what it lost the answer to.
        """


@dataclass(frozen=True, slots=True)
class Server:
    """Where a ClickHouse is, and who asks it."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    secure: bool


def connecting(settings: Settings, host: str) -> Connecting:
    """Return what connects to the ClickHouse of the settings, as `connecting_to` does."""
    password = settings.clickhouse_password.get_secret_value()
    server = Server(
        host, settings.clickhouse_port, settings.clickhouse_user, password,
        settings.clickhouse_secure,
    )  # fmt: skip
    return connecting_to(server, usual=settings.timeout_seconds)


def connecting_to(server: Server, *, usual: float) -> Connecting:
    """Return what connects to a ClickHouse; nothing is sent before it is called.

    A request takes `usual` seconds at most where nothing else is said. No session, so several
    threads may share a client. Proxies of the environment are not used.
    """
    # the driver keeps whatever it was given to send over for ever: there are only a few
    one_try = cache(partial(_OneTry, PoolManager(**get_pool_manager_options())))

    def connect(*, seconds: float | None = None, once: bool = False) -> Client:
        return clickhouse_connect.get_client(
            host=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            interface="https" if server.secure else "http",
            autogenerate_session_id=False,
            query_retries=0,
            pool_mgr=one_try(seconds or usual, once=once),
        )

    return connect


def allowed(client: Client, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Leave out what this version does not know and what this user may not set."""
    known = client.server_settings
    return {
        name: value
        for name, value in (settings or {}).items()
        if name in known and not known[name].readonly
    }


def judge(exc: Exception, *, database: str) -> Verdict:
    """Say what any error out of the driver means."""
    code = getattr(exc, "code", None)
    if isinstance(code, int):
        return _by_code(code, database)
    transport = _transport_error(exc)
    if transport is not None:
        return _by_transport(transport)
    status = _STATUS.search(str(exc))
    if status is not None:
        return _by_status(int(status[1]))
    if isinstance(exc, ProgrammingError):
        return StoreRejected, "the driver would not send it"
    return StoreMisconfigured, NOT_CLICKHOUSE


def _by_code(code: int, database: str) -> Verdict:
    if code in _DENIED:
        return StoreDenied, REFUSED
    if code in _OVERLOADED:
        return StoreUnavailable, OVERLOADED
    if code == _UNKNOWN_DATABASE:
        return StoreMisconfigured, f"there is no database {database!r}"
    if code == _UNKNOWN_TABLE:
        return StoreMisconfigured, f"a table of the database {database!r} is gone"
    if code == _UNKNOWN_CLUSTER:
        return StoreMisconfigured, "it has no cluster of the name in CLICKHOUSE_CLUSTER"
    return StoreRejected, f"ClickHouse error {code}"


def _transport_error(exc: BaseException) -> HTTPError | OSError | None:
    """Return the failure of the connection that an error came from, if one did."""
    cause: BaseException | None = exc
    while cause is not None and not isinstance(cause, HTTPError | OSError):
        cause = cause.__cause__ or cause.__context__
    return cause


def _by_transport(exc: HTTPError | OSError) -> Verdict:
    if isinstance(exc, NewConnectionError):
        return StoreUnavailable, IN_VAIN
    if isinstance(exc, HTTPTimeout | TimeoutError):
        return StoreUnavailable, TOO_SLOW
    if isinstance(exc, SSLError):
        return StoreMisconfigured, "no TLS connection could be made with it"
    return StoreUnavailable, DROPPED


def _by_status(status: int) -> Verdict:
    if status in _DENIED_STATUS:
        return StoreDenied, REFUSED
    if status in _OVERLOADED_STATUS:
        return StoreUnavailable, OVERLOADED
    return StoreMisconfigured, f"{NOT_CLICKHOUSE}: HTTP status {status}"
