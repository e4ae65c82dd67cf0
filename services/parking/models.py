"""Parked tenants, and what parking one would do. Frozen values. Pure.

Counts are of rows, keys, points or sessions; bytes are bytes, None where they are not known; times
are aware datetimes in UTC.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import TypeAdapter

from services.jobs.models import Job
from services.purge.amounts import Amounts, amounts_of_plan
from services.purge.models import Plan as Purge
from services.tenancy.kb_ids import TenantKey


@dataclass(frozen=True, slots=True)
class Parked:
    """A tenant that is in an archive, and in no store.

    `archive` is the archive's id and `name` its file's, `bytes` the file's size; `purge` is the
    job that erased the rest, and `outcome` what that came to. `job` parked it, for `reason`.
    `saved` is what the stores held of it when that began. Ids, names and texts that may not be
    told are empty.
    """

    tenant: TenantKey
    since: datetime
    by: str
    reason: str
    archive: str
    name: str
    bytes: int
    purge: str
    outcome: str
    job: str
    saved: Amounts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What parking would do: take an archive of what `purge` erases, prove it, and erase that.

    `obstacles` say why it cannot be parked, besides those of the purge.
    """

    tenant: TenantKey
    purge: Purge
    obstacles: tuple[str, ...] = ()

    @property
    def in_the_way(self) -> tuple[str, ...]:
        """Everything that stands in its way; nothing where it can be parked."""
        return (*self.obstacles, *self.purge.obstacles)

    @property
    def saved(self) -> Amounts:
        """How much of it each store would no longer hold."""
        return amounts_of_plan(self.purge)


def tenant_of(job: Job) -> TenantKey:
    """Return whom a job parks or brings back."""
    return TenantKey.written(str(job.plan["tenant"]))


_PARKED = TypeAdapter(Parked)


def parked_text(parked: Parked) -> str:
    """Write what the records keep of a parked tenant; names with any bytes are JSON's escapes."""
    return json.dumps(_PARKED.dump_python(parked, mode="json"), ensure_ascii=True)


def parked_of(text: str) -> Parked:
    """Read what `parked_text` wrote."""
    return _PARKED.validate_python(json.loads(text))
