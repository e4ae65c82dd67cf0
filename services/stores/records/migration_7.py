"""What the migration to version 7 does that no statement can. It is history, as that is.

Names that are not needed any more are taken out of what was kept: whole kb_ids of tombstones,
samples (names of keys) of every plan, and node_ids and sessions of what was erased.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from services.stores.records.name_hashes import KB_ID, Marks
from services.stores.records.purges.forget import (
    Found,
    forgotten_plan,
    forgotten_result,
    text_of,
    without_samples,
    words_for,
)
from services.tenancy.layout import text_of as name_of


def hash_names(connection: Connection) -> None:
    """Make the records' own key, and take the names out that they keep no more."""
    secret = secrets.token_hex(32)
    connection.execute(text("INSERT INTO own_key (secret) VALUES (:secret)"), {"secret": secret})
    marks = Marks([secret])
    _tombstones(connection, marks)
    _plans(connection)
    _jobs(connection, marks)


def _tombstones(connection: Connection, marks: Marks) -> None:
    put = text(
        "INSERT INTO tombstone_7 (digest, tenant, job, erased_at) "
        "VALUES (:digest, :tenant, :job, :erased_at)"
    )
    found = connection.execute(text("SELECT kb_id, tenant, job, erased_at FROM tombstone")).all()
    for row in found:
        digest = marks.of(KB_ID, name_of(bytes(row.kb_id)))
        values = {"tenant": row.tenant, "job": row.job, "erased_at": row.erased_at}
        connection.execute(put, {"digest": digest, **values})


def _plans(connection: Connection) -> None:
    put = text("UPDATE purge_plan SET text = :text WHERE digest = :digest")
    for row in connection.execute(text("SELECT digest, text FROM purge_plan")).all():
        plan = text_of(without_samples(json.loads(row.text)))
        connection.execute(put, {"digest": row.digest, "text": plan})


def _jobs(connection: Connection, marks: Marks) -> None:
    put = text("UPDATE purge_job SET plan = :plan WHERE id = :id")
    jobs = connection.execute(text("SELECT id, plan, state, outcome FROM purge_job")).all()
    for job in jobs:
        plan = json.loads(job.plan)
        if (job.state, job.outcome) == ("ended", "erased"):
            plan = _forgotten(connection, job.id, plan, marks)
        connection.execute(put, {"id": job.id, "plan": text_of(without_samples(plan))})


def _forgotten(connection: Connection, job: str, plan: Found, marks: Marks) -> Found:
    kept = text("SELECT ordinal, result FROM purge_step WHERE job = :job")
    results: Mapping[int, Any] = {
        row.ordinal: json.loads(row.result) for row in connection.execute(kept, {"job": job})
    }
    words = words_for(plan, results.values(), (), marks)
    put = text("UPDATE purge_step SET result = :result WHERE job = :job AND ordinal = :ordinal")
    for ordinal, result in results.items():
        values = {"job": job, "ordinal": ordinal}
        changed = forgotten_result(result, words, marks)
        connection.execute(put, {**values, "result": text_of(changed)})
    return forgotten_plan(plan, words, marks)
