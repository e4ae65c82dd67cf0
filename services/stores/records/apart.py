"""Shared kb_ids that were taken apart, in this product's own records."""

from __future__ import annotations

from sqlalchemy import Engine, select

from services.apart.formats import apart_of, apart_text
from services.apart.models import Apart
from services.stores.records.database import reading, writing
from services.stores.records.life_tables import APART
from services.stores.records.putting import put_rows
from services.stores.records.schema import digest_of


class ApartBook:
    """Keeps them. Every method raises StoreUnavailable when the database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, apart: Apart) -> None:
        """Keep what came of one, in place of what was known of it."""
        row = {"kb_id": digest_of(apart.kb_id), "at": apart.at, "text": apart_text(apart)}
        with writing(self._engine, "noting that a kb_id was taken apart") as connection:
            put_rows(connection, APART, [row])

    def get(self, kb_id: str) -> Apart | None:
        """Return one; None where it was never taken apart."""
        asked = select(APART.c.text).where(APART.c.kb_id == digest_of(kb_id))
        with reading(self._engine, "looking whether a kb_id was taken apart") as connection:
            text = connection.execute(asked).scalar()
        return None if text is None else apart_of(text)

    def all(self) -> tuple[Apart, ...]:
        """Return every one, the newest first."""
        asked = select(APART.c.text).order_by(APART.c.at.desc(), APART.c.kb_id)
        with reading(self._engine, "reading which kb_ids were taken apart") as connection:
            return tuple(map(apart_of, connection.execute(asked).scalars()))
