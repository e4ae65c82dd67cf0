"""The database of this product's own records: opening, transactions, errors.

SQLAlchemy Core on one SQLite file in the data directory, or on PostgreSQL by URL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, SQLAlchemyError, TimeoutError as PoolTimeout

from services.errors import SettingsError, StoreMisconfigured, StoreUnavailable
from services.settings.environment import Settings
from services.settings.private_files import make_private, make_private_file
from services.stores.records.timeouts import NoAnswer
from services.stores.records.version import NEWEST, in_schema, version_of

if TYPE_CHECKING:
    from services.stores.records.postgresql import Reach

STORE = "state store"

Database = Engine
"""Where this product keeps its own records, as those name it who know no driver."""
VARIABLE = "KATO_TENANTS_STATE_URL"

READ_SECONDS = 1.5
"""How long a read may take, where no setting says otherwise."""

_WRITE_SECONDS, _LONG_SECONDS = 10.0, 600.0  # the latter where tables are made and changed
_PSYCOPG = "postgresql+psycopg"
_BATCH = 500  # parameters a statement; SQLite takes 32,766
_GIVEN_BACK = 8_192  # pages of 4 KiB at one time
_CANCELLED = "57014"
_BUSY = 5

T = TypeVar("T")

GUARD: ContextVar[Callable[[Connection], None] | None] = ContextVar("guard", default=None)
"""What every write of a thread begins with, where something guards it; it raises to refuse it."""


@dataclass(frozen=True, slots=True)
class _Limits:
    """How long this database may take for one statement, in seconds; SQLite, to be free for it.

    `reach` has PostgreSQL reached, and watched.
    """

    read: float
    write: float
    reach: Reach | None = None


def open_database(
    data: Path, url: str | None = None, *, seconds: float = READ_SECONDS, schema: str = ""
) -> Engine:
    """Open the database at `url`, or the SQLite file in the data directory, and migrate it.

    A read may take so many seconds, a write 10 or more; PostgreSQL has all in `schema`. Raises
    SettingsError for a URL that cannot be used, StoreMisconfigured for records of a newer version
    of this product, StoreUnavailable when the database does not answer.
    """
    address = in_schema(_in_directory(data) if url is None else _address(url), schema)
    engine = _engine(address, seconds)
    engine.update_execution_options(schema=schema)
    try:
        _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    engine.update_execution_options(connecting=seconds)
    return engine


def open_for(settings: Settings, stack: ExitStack) -> Engine:
    """Open the database that the settings name, closed with `stack`. Raises as `open_database`."""
    url = settings.state_url.get_secret_value() if settings.state_url else None
    database = open_database(
        settings.data, url, seconds=settings.state_seconds, schema=settings.state_schema
    )
    stack.callback(database.dispose)
    return database


@contextmanager
def reading(engine: Engine, operation: str, *, long: bool = False) -> Iterator[Connection]:
    """Read in one transaction. Raises StoreUnavailable, in time where nothing answers.

    What reads very much may take as `long` as a write, once the database is known to answer.
    """
    limits = _limits(engine)
    with _connected(engine, operation, limits.write if long else limits.read) as connection:
        yield connection


@contextmanager
def writing(engine: Engine, operation: str) -> Iterator[Connection]:
    """Read and write in one transaction, which any error undoes. Raises StoreUnavailable.

    Raises besides what a guard of this thread's writes does (`fence`).

    SQLite is locked for other writers from the beginning: a transaction that reads first and
    writes then would fail at once when another one wrote in between.
    """
    guard = GUARD.get()
    with _connected(engine, operation, _limits(engine).write, writes=True) as connection:
        if guard is not None:
            guard(connection)
        yield connection


def scrub(engine: Engine) -> bool:
    """Have SQLite cut its log, which still has what was deleted; False where a reader needs it.

    In the file itself that is overwritten at once. PostgreSQL's own VACUUM does it there.
    """
    if engine.dialect.name != "sqlite":
        return True
    try:
        with engine.connect() as connection:
            cursor = connection.connection.cursor()  # no transaction, which it would wait for
            cursor.execute(f"PRAGMA busy_timeout={_limits(engine).read * 1000:.0f}")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy, *_ = cursor.fetchone() or (1,)
            return not busy
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error):
        return False


def give_back(engine: Engine, *, pages: int = _GIVEN_BACK) -> None:
    """Have SQLite's file shrink by what is free in it, at most so many pages, and leave a tenth.

    It is the least that can be done at once: whoever writes meanwhile waits for it. PostgreSQL's
    own VACUUM does it there.
    """
    if engine.dialect.name != "sqlite":
        return
    with suppress(SQLAlchemyError, engine.dialect.loaded_dbapi.Error), engine.connect() as found:
        cursor = found.connection.cursor()
        free, whole = (
            cursor.execute(f"PRAGMA {of}").fetchone()[0] for of in ("freelist_count", "page_count")
        )
        if free > whole // 10:
            # a page for each step, of which execute() takes one alone
            cursor.executescript(f"PRAGMA incremental_vacuum({pages})")


def _make_shrinkable(engine: Engine) -> None:
    """Have the file of an earlier version able to shrink, unless somebody else is using it."""
    if engine.dialect.name != "sqlite":
        return
    with suppress(SQLAlchemyError, engine.dialect.loaded_dbapi.Error), engine.connect() as found:
        cursor = found.connection.cursor()
        if not cursor.execute("PRAGMA auto_vacuum").fetchone()[0]:
            cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")
            cursor.execute("VACUUM")


@contextmanager
def _connected(
    engine: Engine, operation: str, seconds: float, *, writes: bool = False,
    within: float | None = None,
) -> Iterator[Connection]:  # fmt: skip
    reach = _limits(engine).reach
    options = {"writes": writes, "seconds": seconds}
    try:
        with (
            engine.connect() if reach is None else reach.connected(within=within) as connection,
            connection.execution_options(**options).begin(),
        ):
            yield connection
    except NoAnswer as exc:
        raise StoreUnavailable(STORE, operation, "it gave no answer in time") from exc
    except SQLAlchemyError as exc:
        raise StoreUnavailable(STORE, operation, _why(exc, reach)) from exc


def _limits(engine: Engine) -> _Limits:
    limits: _Limits = engine.get_execution_options()["limits"]
    return limits


def _why(exc: SQLAlchemyError, reach: Reach | None) -> str:
    driver = getattr(exc, "orig", None)
    if isinstance(exc, PoolTimeout):
        return "every connection to it is in use"
    if reach is not None and reach.breaker.silent:
        return "it gave no answer in time"
    if getattr(driver, "sqlstate", "") == _CANCELLED:
        return "it took too long"
    if getattr(driver, "sqlite_errorcode", 0) & 0xFF == _BUSY:
        return "another process is writing to it"
    return "its database gave an error"


def insert_into(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT that can say what to do where the row is there."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut what would be too much for one statement."""
    return (values[at : at + _BATCH] for at in range(0, len(values), _BATCH))


def _migrate(engine: Engine) -> None:
    with _connected(
        engine, "opening", _LONG_SECONDS, writes=True, within=_WRITE_SECONDS
    ) as connection:
        found = version_of(connection)
        if found < NEWEST:
            from services.stores.records.migrations import migrate

            migrate(connection)
        if found > NEWEST:
            reason = "its records were written by a newer version of this product"
            raise StoreMisconfigured(STORE, "opening", reason)
    if found < NEWEST:
        _make_shrinkable(engine)
        scrub(engine)


def _in_directory(data: Path) -> URL:
    """Return the address of the file; nobody else can read it, nor what SQLite puts beside it."""
    file = data / "state.sqlite"
    make_private(data)
    for path in (file, *data.glob(f"{file.name}-*")):
        make_private_file(path)
    return URL.create("sqlite", database=str(file))


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


def _engine(address: URL, seconds: float) -> Engine:
    write = max(_WRITE_SECONDS, seconds)
    if address.get_backend_name() == "sqlite":
        engine = _created(address, seconds=write)
        event.listen(engine, "connect", partial(_prepare_sqlite, engine))
        event.listen(engine, "begin", _begin_sqlite)
        engine.update_execution_options(limits=_Limits(seconds, write))
        return engine
    if "connect_timeout" not in address.query:
        address = address.update_query_dict({"connect_timeout": str(round(_WRITE_SECONDS) + 2)})
    from services.stores.records.postgresql import Reach

    engine = _created(address, seconds=seconds)
    engine.update_execution_options(limits=_Limits(seconds, write, Reach(engine, seconds=seconds)))
    return engine


def _created(address: URL, *, seconds: float) -> Engine:
    try:
        return create_engine(address, pool_timeout=seconds)
    except ImportError:
        driver = address.drivername
        advice = "install kato-tenants[postgresql]" if driver == _PSYCOPG else f"use {_PSYCOPG}://"
        raise SettingsError(VARIABLE, f"the driver of {driver} is missing: {advice}") from None
    except (ArgumentError, TypeError, ValueError):
        reason = f"cannot be used: its form is {_PSYCOPG}://user:password@host:5432/database"
        raise SettingsError(VARIABLE, reason) from None


def _prepare_sqlite(engine: Engine, connection: object, _: object) -> None:
    seconds = engine.get_execution_options().get("connecting", _WRITE_SECONDS)
    connection.isolation_level = None  # type: ignore[attr-defined]  # we begin, not the driver
    cursor = connection.cursor()  # type: ignore[attr-defined]  # a DBAPI connection has no type
    cursor.execute(f"PRAGMA busy_timeout={seconds * 1000:.0f}")
    cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")  # of a file that is made now
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")  # what is deleted is overwritten
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    milliseconds = options.get("seconds", _WRITE_SECONDS) * 1000
    connection.exec_driver_sql(f"PRAGMA busy_timeout={milliseconds:.0f}").close()
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")
