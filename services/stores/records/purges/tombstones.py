"""Tombstones and later looks, as rows. A tombstone's kb_id is kept as a keyed hash."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlalchemy import Connection, insert, select, update

from services.errors import PurgeRefused
from services.jobs.models import JobState
from services.purge.job import LaterLook, Tombstone
from services.stores.records.database import batches
from services.stores.records.name_hashes import KB_ID, Marks
from services.stores.records.putting import put_rows
from services.stores.records.schema import JOBS, LOOKS, TOMBSTONES

_SHOWN = (TOMBSTONES.c.tenant, TOMBSTONES.c.job, TOMBSTONES.c.erased_at)


def bury(connection: Connection, tombstones: Iterable[Tombstone], marks: Marks) -> None:
    """Keep tombstones; of two of one kb_id the newer."""
    rows: list[dict[str, object]] = [
        {
            "digest": marks.of(KB_ID, stone.kb_id), "tenant": stone.tenant, "job": stone.job_id,
            "erased_at": stone.erased_at,
        }
        for stone in tombstones
    ]  # fmt: skip
    in_order = sorted(rows, key=lambda row: str(row["digest"]))
    put_rows(connection, TOMBSTONES, in_order, newer="erased_at")


def nameless(connection: Connection) -> tuple[Tombstone, ...]:
    """Return every tombstone, without its kb_id, which nobody can tell, the oldest first."""
    rows = connection.execute(select(*_SHOWN).order_by(TOMBSTONES.c.erased_at, TOMBSTONES.c.digest))
    return tuple(Tombstone("", *row) for row in rows)


def stones_of(connection: Connection, kb_ids: Iterable[str], marks: Marks) -> tuple[Tombstone, ...]:
    """Return the newest tombstone of each of these kb_ids that has one, by whichever key."""
    if connection.execute(select(TOMBSTONES.c.job).limit(1)).first() is None:
        return ()  # then nothing has to be hashed
    names = {mark: kb_id for kb_id in kb_ids for mark in marks.every(KB_ID, kb_id)}
    newest: dict[str, Tombstone] = {}
    for some in batches(list(names)):
        found = select(TOMBSTONES.c.digest, *_SHOWN).where(TOMBSTONES.c.digest.in_(some))
        for digest, *shown in connection.execute(found):
            stone = Tombstone(names[digest], *shown)
            known = newest.get(stone.kb_id)
            if known is None or known.erased_at < stone.erased_at:
                newest[stone.kb_id] = stone
    return tuple(newest[kb_id] for kb_id in sorted(newest))


def add_look(connection: Connection, job_id: str, look: LaterLook) -> None:
    """Add a look to a job that ended; one that found what the last found moves that.

    One that somebody asked for stands for itself, and is moved by none. Raises
    PurgeRefused for a job that has not ended.
    """
    job = select(JOBS.c.state).where(JOBS.c.id == job_id).with_for_update()  # one at a time
    if connection.scalar(job) != JobState.ENDED.value:
        raise PurgeRefused(f"the purge job {job_id} has not ended, or never was")
    last = connection.execute(
        select(LOOKS).where(LOOKS.c.job == job_id).order_by(LOOKS.c.first_at.desc()).limit(1)
    ).first()
    if last is not None and (
        (look.at <= last.at and not look.asked_by) or last.first_at >= look.at
    ):
        return  # another dashboard looked after it
    tenants = "" if look.tenants is None else json.dumps(dict(look.tenants), sort_keys=True)
    found = (look.asked_by or last.asked_by, last.back, last.tenants) if last is not None else None
    if last is not None and found == ("", look.back, tenants):
        same = (LOOKS.c.job == job_id, LOOKS.c.first_at == last.first_at)
        connection.execute(update(LOOKS).where(*same).values(at=look.at))
        return
    values = {"first_at": look.first_at or look.at, "at": look.at, "back": look.back,
              "asked_by": look.asked_by, "tenants": tenants}  # fmt: skip
    connection.execute(insert(LOOKS).values(job=job_id, **values))


def looks_of(connection: Connection, job_id: str) -> tuple[LaterLook, ...]:
    """Return the later looks at what a job erased, oldest first."""
    looks = select(LOOKS).where(LOOKS.c.job == job_id).order_by(LOOKS.c.first_at)
    return tuple(
        LaterLook(row.at, row.back, row.first_at, row.asked_by,
                  json.loads(row.tenants) if row.tenants else None)
        for row in connection.execute(looks)
    )  # fmt: skip
