"""Asking one ClickHouse from several threads, with names that may be any bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from clickhouse_connect.driver.binding import quote_identifier
from clickhouse_connect.driver.client import Client

from services.errors import StoreMisconfigured
from services.made_once import made_once
from services.stores.clickhouse.connect import (
    NOT_CLICKHOUSE,
    PATTERNS,
    STORE,
    Identifier,
    allowed,
    judge,
    spelled_out,
)
from services.stores.faults import guarded
from services.tenancy.layout import text_of

if TYPE_CHECKING:
    from services.stores.clickhouse.cluster import Cluster

_RAW_BYTES = 1024 * 1024
_AS_BYTES = {"String": "bytes"}
ROWS = "{home:Identifier}.{table:Identifier}"
"""Where a question reads the rows of a table: on a cluster those of every shard, each once."""


class Asking:
    """Runs queries in one database, on a client of its own for each that runs at the same time.

    Every String comes back as bytes. `database` is what `db` and `home` are bound to. With a
    `cluster`, what is read from `ROWS` is read from all of its shards. Raises StoreUnavailable,
    StoreDenied, StoreMisconfigured or StoreRejected, of `store`.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        *,
        database: str,
        store: str = STORE,
        cluster: str | None = None,
    ) -> None:
        self.database, self.store, self.cluster = database, store, cluster
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
        return self.local(operation, self._read(query), bound, settings=settings)

    def local(
        self,
        operation: str,
        query: str,
        bound: Mapping[str, Any],
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> Sequence[Sequence[Any]]:
        """Return the same of what the server itself holds of `ROWS`."""
        query, bound, settings = spelled_out(query, self._bound(bound), settings)
        with self._client(operation) as client:
            found = client.query(
                query, bound, settings=self._reading(client, settings), query_formats=_AS_BYTES
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

    def each(
        self, operation: str, query: str, bound: Mapping[str, Any], *, one: bool = False
    ) -> list[Sequence[Sequence[Any]]]:
        """Ask one server of each shard about itself (or the one server); return the rows of each.

        Raises StoreUnavailable, with names, where a shard has none that answers and is not behind,
        and StoreMisconfigured where there is to be `one` row and is not.
        """
        if self.cluster is not None:
            return self.spread.each(operation, query, bound)
        return [[self.row(operation, query, bound)] if one else self.rows(operation, query, bound)]

    def replicas(
        self,
        operation: str,
        query: str,
        bound: Mapping[str, Any],
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> list[tuple[int, str, Sequence[Any]]]:
        """Ask every server a question of one row: the number of its shard, its name, the row.

        The one server has no name. Raises StoreUnavailable, which names those that are silent.
        """
        if self.cluster is None:
            return [(1, "", self.row(operation, query, bound, settings=settings))]
        return self.spread.replicas(operation, query, bound, settings=settings)

    def patterns(self) -> dict[str, Identifier]:
        """Return what `ROWS` is bound to for KATO's patterns: on a cluster the local tables'."""
        if self.cluster is None:
            return {"home": Identifier(self.database), "table": Identifier(PATTERNS)}
        return self.spread.patterns()

    def faces(self, operation: str) -> dict[str, tuple[str, str]]:
        """Return the Distributed tables of the database of a cluster, with where their rows are."""
        faces = self.spread.about(operation)[1] if self.cluster else {}
        return {name: (face.database, face.table) for name, face in faces.items()}

    @made_once
    def spread(self) -> Cluster:
        """The servers of the cluster, where there is one."""
        from services.stores.clickhouse.cluster import Cluster  # noqa: PLC0415

        return Cluster(self)

    def command(
        self,
        operation: str,
        statement: str,
        bound: Mapping[str, Any],
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Run a statement that changes something, with what it may set of these settings."""
        statement, bound, settings = spelled_out(statement, self._bound(bound), settings)
        with self._client(operation) as client:
            client.command(statement, bound, settings=allowed(client, settings))

    def text(
        self, operation: str, statement: str, bound: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> str:
        """Run a statement that changes something, and return its answer as lines of fields."""
        statement, bound, settings = spelled_out(statement, self._bound(bound), settings)
        with self._client(operation) as client:
            answer = client.raw_query(statement, bound, settings=allowed(client, settings))
            return text_of(answer)

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

        The driver sends them again when it lost the answer: `insert_deduplication_token`.
        """
        with self._client(operation) as client:
            client.insert(
                table, rows, database=self.database, column_names=list(columns),
                column_type_names=list(columns.values()), settings=allowed(client, settings),
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
                settings=allowed(client, settings), fmt="Native",
            )  # fmt: skip

    def blocks(
        self, operation: str, query: str, bound: Mapping[str, Any]
    ) -> Iterator[Sequence[Sequence[Any]]]:
        """Yield a query's columns block by block, as they arrive."""
        query, bound, settings = spelled_out(self._read(query), self._bound(bound), None)
        with self._client(operation) as client:
            stream = client.query_column_block_stream(
                query, bound, query_formats=_AS_BYTES, settings=self._reading(client, settings)
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

        An error half-way ends it with whatever ClickHouse writes then: whole is for who reads it.
        """
        query, bound, settings = spelled_out(self._read(query), self._bound(bound), settings)
        with self._client(operation) as client:
            stream: Any = client.raw_stream(
                query, bound, settings=self._reading(client, settings), fmt=form
            )
            with closing(stream):
                while data := stream.read(_RAW_BYTES):
                    yield data

    def _read(self, query: str) -> str:
        if self.cluster is None:
            return query
        return query.replace(ROWS, f"cluster({quote_identifier(self.cluster)}, {ROWS})")

    def _reading(self, client: Client, settings: Mapping[str, Any] | None) -> dict[str, Any]:
        if self.cluster is None:
            return allowed(client, settings)
        from services.stores.clickhouse.cluster import whole  # noqa: PLC0415

        return allowed(client, whole(client, settings))

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
    With a `cluster` all of its servers are asked, by way of the one that is connected to.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        *,
        database: str,
        connect_slow: Callable[[], Client] | None = None,
        connect_once: Callable[[], Client] | None = None,
        store: str = STORE,
        cluster: str | None = None,
    ) -> None:
        self.database = database
        asking = partial(Asking, database=database, store=store, cluster=cluster)
        self.asking = asking(connect)
        self.slow = asking(connect_slow) if connect_slow else self.asking
        self.connect_once = connect_once or connect

    def close(self) -> None:
        """Close the connections that are not in use; the next use makes others."""
        self.asking.close()
        self.slow.close()
