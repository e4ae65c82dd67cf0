"""One text a tenant, with since when, in this product's own records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Engine, Table, delete, select

from services.stores.records.database import reading, writing
from services.stores.records.putting import put_rows
from services.stores.records.schema import digest_of
from services.tenancy.kb_ids import TenantKey


class OfTenant(Protocol):
    """What is kept of a tenant."""

    @property
    def tenant(self) -> TenantKey:
        """Whom it is about."""

    @property
    def since(self) -> datetime:
        """Since when."""


T = TypeVar("T", bound=OfTenant)


class TenantBook(Generic[T]):
    """Keeps them in a table, as `text` writes and `read` reads them.

    Every method raises StoreUnavailable when the database does not answer.
    """

    def __init__(
        self, engine: Engine, table: Table, *, text: Callable[[T], str], read: Callable[[str], T]
    ) -> None:
        self._engine, self._table, self._text, self._read = engine, table, text, read

    def put(self, kept: T) -> None:
        """Keep it, in place of what was known of its tenant."""
        row = {
            "tenant": digest_of(str(kept.tenant)), "since": kept.since, "text": self._text(kept)
        }  # fmt: skip
        with writing(self._engine, f"noting who is {self._table.name}") as connection:
            put_rows(connection, self._table, [row])

    def drop(self, tenant: TenantKey) -> None:
        """Forget what is kept of a tenant."""
        table = self._table
        with writing(self._engine, "noting that a tenant is back") as connection:
            connection.execute(delete(table).where(table.c.tenant == digest_of(str(tenant))))

    def get(self, tenant: TenantKey) -> T | None:
        """Return what is kept of one; None where nothing is."""
        table = self._table
        asked = select(table.c.text).where(table.c.tenant == digest_of(str(tenant)))
        with reading(self._engine, f"looking whether a tenant is {table.name}") as connection:
            text = connection.execute(asked).scalar()
        return None if text is None else self._read(text)

    def all(self) -> tuple[T, ...]:
        """Return everything, the newest first."""
        table = self._table
        asked = select(table.c.text).order_by(table.c.since.desc(), table.c.tenant)
        with reading(self._engine, f"reading who is {table.name}") as connection:
            return tuple(map(self._read, connection.execute(asked).scalars()))
