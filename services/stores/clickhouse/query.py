"""Asking one ClickHouse from several threads, with names that may be any bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from clickhouse_connect.driver.binding import quote_identifier
from clickhouse_connect.driver.client import Client

from services.errors import StoreMisconfigured
from services.stores.clickhouse.connect import NOT_CLICKHOUSE, STORE, Identifier, judge
from services.stores.faults import guarded
from services.tenancy.layout import bytes_of

_RAW_BYTES = 1024 * 1024
_AS_BYTES = {"String": "bytes"}
_LONGEST_BOUND = 4_000
"""Characters of names that are bound in the address; longer ones stand in the statement."""
_LONGEST_QUERY = 200_000  # characters, of `max_query_size`, which is 262,144 bytes by default
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:.-")


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


def _spelled_out(
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


def _allowed(client: Client, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Leave out what this version does not know and what this user may not set."""
    known = client.server_settings
    return {
        name: value
        for name, value in (settings or {}).items()
        if name in known and not known[name].readonly
    }


class Asking:
    """Runs queries in one database, on a client of its own for each that runs at the same time.

    Every String comes back as bytes. `database` is what `db` and `home` are bound to. Raises
    StoreUnavailable, StoreDenied, StoreMisconfigured or StoreRejected, of `store`.
    """

    def __init__(self, connect: Callable[[], Client], *, database: str, store: str = STORE) -> None:
        self.database, self.store = database, store
        self._connect = connect
        self._judge = partial(judge, database=database)
        self._idle: deque[Client] = deque()

    def close(self) -> None:
        """Close the clients that no query is using."""
        while self._idle:
            self._idle.pop().close()

    def rows(
        self,
        operation: str,
        query: str,
        bound: Mapping[str, Any],
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> Sequence[Sequence[Any]]:
        """Return all rows of a query; `db` and `home` are bound to the database."""
        query, bound, settings = _spelled_out(query, self._bound(bound), settings)
        with self._client(operation) as client:
            found = client.query(
                query, bound, settings=_allowed(client, settings), query_formats=_AS_BYTES
            )
            return found.result_rows

    def row(
        self,
        operation: str,
        query: str,
        bound: Mapping[str, Any],
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> Sequence[Any]:
        """Return the one row of a query that has one: that it came tells a silent proxy apart."""
        rows = self.rows(operation, query, bound, settings=settings)
        if len(rows) != 1:
            raise StoreMisconfigured(self.store, operation, NOT_CLICKHOUSE)
        return rows[0]

    def command(
        self,
        operation: str,
        statement: str,
        bound: Mapping[str, Any],
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Run a statement that changes something, with what it may set of these settings."""
        statement, bound, settings = _spelled_out(statement, self._bound(bound), settings)
        with self._client(operation) as client:
            client.command(statement, bound, settings=_allowed(client, settings))

    def insert(
        self,
        operation: str,
        table: str,
        columns: Mapping[str, str],
        rows: Sequence[Sequence[Any]],
        *,
        settings: Mapping[str, Any],
    ) -> None:
        """Insert rows into a table of the database, its columns with their types.

        The driver sends them again when it lost the answer: a table that is deduplicated has them
        once, by the `insert_deduplication_token` of the settings.
        """
        with self._client(operation) as client:
            client.insert(
                table, rows, database=self.database, column_names=list(columns),
                column_type_names=list(columns.values()), settings=_allowed(client, settings),
            )  # fmt: skip

    def insert_raw(
        self,
        operation: str,
        table: tuple[str, str],
        columns: Sequence[str],
        content: bytes,
        *,
        settings: Mapping[str, Any],
    ) -> None:
        """Insert FORMAT Native into these columns of a table, named with its database.

        As with `insert`, the driver may send it again.
        """
        with self._client(operation) as client:
            client.raw_insert(
                ".".join(map(quote_identifier, table)), columns, content,
                settings=_allowed(client, settings), fmt="Native",
            )  # fmt: skip

    def blocks(
        self, operation: str, query: str, bound: Mapping[str, Any]
    ) -> Iterator[Sequence[Sequence[Any]]]:
        """Yield a query's columns block by block, as they arrive."""
        query, bound, settings = _spelled_out(query, self._bound(bound), None)
        with self._client(operation) as client:
            stream = client.query_column_block_stream(
                query, bound, settings=_allowed(client, settings), query_formats=_AS_BYTES
            )
            with stream:
                yield from stream

    def raw(
        self,
        operation: str,
        query: str,
        bound: Mapping[str, Any],
        *,
        form: str,
        settings: Mapping[str, Any] | None = None,
    ) -> Iterator[bytes]:
        """Yield what a query answers in a FORMAT, as it arrives.

        An error half-way ends it with whatever ClickHouse writes then: the reader has to see to it
        that it is whole.
        """
        query, bound, settings = _spelled_out(query, self._bound(bound), settings)
        with self._client(operation) as client:
            stream: Any = client.raw_stream(
                query, bound, settings=_allowed(client, settings), fmt=form
            )
            with closing(stream):
                while data := stream.read(_RAW_BYTES):
                    yield data

    def _bound(self, more: Mapping[str, Any]) -> dict[str, Any]:
        return {"db": self.database, "home": Identifier(self.database), **more}

    @contextmanager
    def _client(self, operation: str) -> Iterator[Client]:
        """Lend a client; one that failed, or was left half-way, is not used again."""
        with guarded(self.store, operation, self._judge):
            client = self._idle.pop() if self._idle else self._connect()
            try:
                yield client
            except BaseException:
                client.close()
                raise
            self._idle.append(client)


class ClickHouse:
    """One ClickHouse database, opened once for everyone who asks it.

    `asking` is for questions, `slow` for what may take long, and `connect_once` makes a client
    that sends what it is given once; both are as `connect` says where nothing else is given.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        *,
        database: str,
        connect_slow: Callable[[], Client] | None = None,
        connect_once: Callable[[], Client] | None = None,
        store: str = STORE,
    ) -> None:
        self.database = database
        asking = partial(Asking, database=database, store=store)
        self.asking = asking(connect)
        self.slow = asking(connect_slow) if connect_slow else self.asking
        self.connect_once = connect_once or connect

    def close(self) -> None:
        """Close the connections that are not in use; the next use makes others."""
        self.asking.close()
        self.slow.close()
