"""Parked tenants, and what parking one would do. Frozen values. Pure.

Counts are of rows, keys, points or sessions; bytes are bytes, None where they are not known; times
are aware datetimes in UTC.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from services.archive.away import Away
from services.errors import KatoTenantsError
from services.jobs.models import Job
from services.purge.amounts import Amounts, amounts_of_plan
from services.purge.models import Plan as Purge
from services.tenancy.kb_ids import TenantKey


class ParkingRefused(KatoTenantsError):
    """A tenant that may not be parked or brought back, or not as it is now."""


@dataclass(frozen=True, slots=True)
class Parked(Away):
    """A tenant that is in an archive, and in no store; `saved` is what these held before."""

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
