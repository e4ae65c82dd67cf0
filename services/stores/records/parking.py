"""Parked tenants, in this product's own records."""

from __future__ import annotations

from sqlalchemy import Engine, delete, select

from services.parking.models import Parked, parked_of, parked_text
from services.stores.records.database import reading, writing
from services.stores.records.parking_tables import PARKED
from services.stores.records.putting import put_rows
from services.stores.records.schema import digest_of
from services.tenancy.kb_ids import TenantKey


class ParkingBook:
    """Keeps them. Every method raises StoreUnavailable when the database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, parked: Parked) -> None:
        """Keep that a tenant is parked, in place of what was known of it."""
        row = {"tenant": digest_of(str(parked.tenant)), "since": parked.since,
               "text": parked_text(parked)}  # fmt: skip
        with writing(self._engine, "noting that a tenant is parked") as connection:
            put_rows(connection, PARKED, [row])

    def drop(self, tenant: TenantKey) -> None:
        """Forget that a tenant is parked."""
        with writing(self._engine, "noting that a tenant is back") as connection:
            connection.execute(delete(PARKED).where(PARKED.c.tenant == digest_of(str(tenant))))

    def get(self, tenant: TenantKey) -> Parked | None:
        """Return one; None where it is not parked."""
        asked = select(PARKED.c.text).where(PARKED.c.tenant == digest_of(str(tenant)))
        with reading(self._engine, "looking whether a tenant is parked") as connection:
            text = connection.execute(asked).scalar()
        return None if text is None else parked_of(text)

    def all(self) -> tuple[Parked, ...]:
        """Return every parked tenant, the newest first."""
        asked = select(PARKED.c.text).order_by(PARKED.c.since.desc(), PARKED.c.tenant)
        with reading(self._engine, "reading which tenants are parked") as connection:
            return tuple(map(parked_of, connection.execute(asked).scalars()))
