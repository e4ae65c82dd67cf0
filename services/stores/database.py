"""The database of this product's own records: opening, transactions, errors.

SQLAlchemy Core on one SQLite file in the data directory, or on PostgreSQL by URL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from services.errors import SettingsError, StoreMisconfigured, StoreUnavailable
from services.settings import Settings
from services.stores.migrations import NEWEST, migrate

STORE = "state store"
VARIABLE = "KATO_TENANTS_STATE_URL"

_WAIT_SECONDS = 10  # for another's write in SQLite, and for PostgreSQL to be reached
_PSYCOPG = "postgresql+psycopg"
_BATCH = 500  # parameters a statement; SQLite takes 32,766


def open_database(data: Path, url: str | None = None) -> Engine:
    """Open the database at `url`, or the SQLite file in the data directory, and migrate it.

    Raises SettingsError for a URL that cannot be used, StoreMisconfigured for records of a newer
    version of this product, StoreUnavailable when the database does not answer.
    """
    if url is None:
        data.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{data / 'state.sqlite'}"
    engine = _engine(_address(url))
    try:
        _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def open_for(settings: Settings, stack: ExitStack) -> Engine:
    """Open the database that the settings name, closed with `stack`. Raises as `open_database`."""
    url = settings.state_url.get_secret_value() if settings.state_url else None
    database = open_database(settings.data, url)
    stack.callback(database.dispose)
    return database


@contextmanager
def reading(engine: Engine, operation: str) -> Iterator[Connection]:
    """Read in one transaction. Raises StoreUnavailable."""
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as exc:
        raise StoreUnavailable(STORE, operation, "its database gave an error") from exc


@contextmanager
def writing(engine: Engine, operation: str) -> Iterator[Connection]:
    """Read and write in one transaction, which any error undoes. Raises StoreUnavailable.

    SQLite is locked for other writers from the beginning: a transaction that reads first and
    writes then would fail at once when another one wrote in between.
    """
    with reading(engine.execution_options(writes=True), operation) as connection:
        yield connection


def insert_into(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT that can say what to do where the row is there."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def batches(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut what would be too many parameters for one statement."""
    return (values[at : at + _BATCH] for at in range(0, len(values), _BATCH))


def _migrate(engine: Engine) -> None:
    with writing(engine, "opening") as connection:
        if migrate(connection) > NEWEST:
            reason = "its records were written by a newer version of this product"
            raise StoreMisconfigured(STORE, "opening", reason)


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError(VARIABLE, f"is no database URL, as {_PSYCOPG}://…") from None
    if address.drivername in {"postgresql", "postgres"}:
        address = address.set(drivername=_PSYCOPG)
    if address.get_backend_name() not in {"postgresql", "sqlite"}:
        raise SettingsError(VARIABLE, f"has to begin with {_PSYCOPG}:// or sqlite:///")
    return address


def _engine(address: URL) -> Engine:
    if address.get_backend_name() == "sqlite":
        engine = create_engine(address, connect_args={"timeout": _WAIT_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if "connect_timeout" not in address.query:
        address = address.update_query_dict({"connect_timeout": str(_WAIT_SECONDS)})
    try:
        return create_engine(address, pool_pre_ping=True)
    except ImportError:
        driver = address.drivername
        advice = "install kato-tenants[postgresql]" if driver == _PSYCOPG else f"use {_PSYCOPG}://"
        raise SettingsError(VARIABLE, f"the driver of {driver} is missing: {advice}") from None
    except ArgumentError:
        raise SettingsError(VARIABLE, f"has to begin with {_PSYCOPG}:// or sqlite:///") from None


def _prepare_sqlite(connection: object, _: object) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]  # we begin, not the driver
    cursor = connection.cursor()  # type: ignore[attr-defined]  # a DBAPI connection has no type
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
