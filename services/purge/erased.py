"""What was erased before, for who creates it anew or looks for it. It reads the records alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from services.errors import NamingError
from services.purge.job import Tombstone
from services.purge.ports import Jobs
from services.sessions.landing import Erased
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes


def erased_before(jobs: Jobs, kb_id: str) -> Erased | None:
    """Return when and why a kb_id was last erased; None where it never was. Raises StoreError."""
    for stone in jobs.tombstones([kb_id]):
        job = jobs.job(stone.job_id)
        ticket, by = ("", "") if job is None else (job.reason, job.asked_by)
        return Erased(stone.erased_at, ticket, by)
    return None


def kb_ids_meant(typed: str, stones: Iterable[Tombstone], ownership: Ownership) -> frozenset[str]:
    """Return the kb_ids that a typed name may have had: a kb_id, a node_id, or a user's id.

    Of an erased user nothing is left to find the name by: so it is tried with every tenant of
    which something was erased, where a naming scheme takes one more field than the tenant.
    """
    tenants = dict.fromkeys(stone.tenant for stone in stones)
    nodes = (node for tenant in tenants for node in _nodes(typed, tenant, ownership.schemes))
    names = (typed, *nodes)
    made = (kb_id_of(node, service) for node in names for service in ownership.service_names)
    return frozenset({typed, *made})


def _nodes(typed: str, tenant: str, schemes: NamingSchemes) -> Iterator[str]:
    with suppress(NamingError):  # an earlier version wrote a target's words for its tenant
        key = TenantKey.parse(tenant)
        for scheme in schemes.schemes:
            first, *others = scheme.fields
            if first == key.kind and len(others) == 1:
                with suppress(NamingError):
                    yield scheme.make(**{first: key.id, others[0]: typed})
