"""Archives, in this product's own records."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, Engine, delete, insert, select, update

from services.archive.models import Archive, State, archive_of, archive_text
from services.stores.records.database import batches, insert_into, reading, writing
from services.stores.records.life_tables import ARCHIVE_TENANTS, ARCHIVES
from services.stores.records.putting import put_rows
from services.stores.records.schema import digest_of

_ID_IN_NAME = re.compile(r"-([0-9a-f]{8})\.kato\.tar$", re.ASCII)


class ArchiveBook:
    """Keeps them. Every method raises StoreUnavailable when the database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, archive: Archive) -> None:
        """Keep an archive that begins; of one that is known already, what is known stays."""
        with writing(self._engine, "keeping an archive") as connection:
            new = insert_into(connection, ARCHIVES).values(_row(archive)).on_conflict_do_nothing()
            # by what comes back: of an INSERT psycopg's rowcount is -1 (SQLAlchemy 2.1)
            if connection.execute(new.returning(ARCHIVES.c.id)).first() is not None:
                _keep_whose(connection, archive)

    def put(self, archive: Archive) -> None:
        """Keep an archive, in place of what was known of it."""
        with writing(self._engine, "keeping an archive") as connection:
            put_rows(connection, ARCHIVES, [_row(archive)])
            whose = ARCHIVE_TENANTS.c.archive == archive.id
            connection.execute(delete(ARCHIVE_TENANTS).where(whose))
            _keep_whose(connection, archive)

    def note(self, archive: Archive) -> bool:
        """Keep what is known of an archive now, unless its file was removed meanwhile."""
        mine = ARCHIVES.c.id == archive.id, ARCHIVES.c.state != State.REMOVED.value
        now = {"state": archive.state.value, "text": archive_text(archive)}
        with writing(self._engine, "keeping an archive") as connection:
            return connection.execute(update(ARCHIVES).where(*mine).values(now)).rowcount > 0

    def named(self, name: str) -> Archive | None:
        """Return the one whose file has this name, which has the beginning of its id."""
        told = _ID_IN_NAME.search(name)
        if told is None:
            return None
        asked = select(ARCHIVES.c.text).where(ARCHIVES.c.id.startswith(told[1]))
        with reading(self._engine, "reading an archive") as connection:
            found = map(archive_of, connection.execute(asked).scalars().all())
        return next((each for each in found if each.name == name), None)

    def all(self, limit: int = 1000) -> tuple[Archive, ...]:
        """Return the newest archives, newest first."""
        asked = select(ARCHIVES.c.text).order_by(ARCHIVES.c.created_at.desc()).limit(limit)
        with reading(self._engine, "reading archives") as connection:
            return tuple(map(archive_of, connection.execute(asked).scalars()))

    def taking(self) -> tuple[Archive, ...]:
        """Return every archive that is being taken, oldest first."""
        asked = select(ARCHIVES.c.text).where(ARCHIVES.c.state == State.TAKING.value)
        with reading(self._engine, "looking for archives under way") as connection:
            rows = connection.execute(asked.order_by(ARCHIVES.c.created_at)).scalars()
            return tuple(map(archive_of, rows))

    def get(self, archive_id: str) -> Archive | None:
        """Return one."""
        asked = select(ARCHIVES.c.text).where(ARCHIVES.c.id == archive_id)
        with reading(self._engine, "reading an archive") as connection:
            text = connection.execute(asked).scalar()
        return None if text is None else archive_of(text)

    def some(self, archive_ids: Collection[str]) -> tuple[Archive, ...]:
        """Return those of these that there are, in no order."""
        ids, found = list(dict.fromkeys(archive_ids)), list[Archive]()
        for some in batches(ids):
            asked = select(ARCHIVES.c.text).where(ARCHIVES.c.id.in_(some))
            with reading(self._engine, "reading archives") as connection:
                found += map(archive_of, connection.execute(asked).scalars())
        return tuple(found)

    def newest_proven(
        self, tenants: Collection[str], *, all_of_it: bool = False
    ) -> Mapping[str, Archive]:
        """Return of each of these tenants its newest archive that is proven whole.

        With `all_of_it` only one of the whole tenant counts, and none of one node_id or user.
        """
        by_digest = {digest_of(tenant): tenant for tenant in tenants}
        waiting, found = self._proven(list(by_digest)), dict[str, Archive]()
        while waiting:
            read = {each.id: each for each in self.some([ids[0] for ids in waiting.values()])}
            for digest, ids in waiting.items():
                name, archive = by_digest[digest], read.get(ids.pop(0))
                if archive is not None and (not all_of_it or _is_of_all(archive, name)):
                    found[name] = archive
                    ids.clear()
            waiting = {digest: ids for digest, ids in waiting.items() if ids}
        return found

    def _proven(self, digests: Sequence[str]) -> dict[str, list[str]]:
        """Return the ids of the proven archives of each of these tenants, the newest first."""
        found: dict[str, list[str]] = {}
        for some in batches(digests):
            asked = (
                select(ARCHIVE_TENANTS.c.tenant, ARCHIVES.c.id)
                .join(ARCHIVES, ARCHIVES.c.id == ARCHIVE_TENANTS.c.archive)
                .where(ARCHIVE_TENANTS.c.tenant.in_(some))
                .where(ARCHIVES.c.state == State.PROVEN.value)
                .order_by(ARCHIVES.c.created_at.desc())
            )
            with reading(self._engine, "reading archives") as connection:
                for digest, archive_id in connection.execute(asked):
                    found.setdefault(digest, []).append(archive_id)
        return found


def _row(archive: Archive) -> dict[str, object]:
    return {
        "id": archive.id, "state": archive.state.value, "created_at": archive.created_at,
        "text": archive_text(archive),
    }  # fmt: skip


def _keep_whose(connection: Connection, archive: Archive) -> None:
    rows = [{"tenant": digest, "archive": archive.id}
            for digest in dict.fromkeys(map(digest_of, archive.tenants))]  # fmt: skip
    if rows:
        connection.execute(insert(ARCHIVE_TENANTS), rows)


def _is_of_all(archive: Archive, tenant: str) -> bool:
    return tenant in map(str, archive.target.whole)
