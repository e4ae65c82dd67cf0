"""Which KATO serves which tenant, by what is kept. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from services.instances.models import Instance
from services.tenancy.kb_ids import TenantKey


def serving(instances: Iterable[Instance]) -> Mapping[TenantKey, tuple[Instance, ...]]:
    """Return the instances that serve each tenant, the newest first; no tenant has none."""
    found: dict[TenantKey, list[Instance]] = defaultdict(list)
    for each in instances:
        if each.is_serving:
            found[each.tenant].append(each)
    return {
        tenant: tuple(sorted(several, key=lambda each: (each.since, each.name), reverse=True))
        for tenant, several in found.items()
    }


def serves(instances: Iterable[Instance], tenant: TenantKey) -> Instance | None:
    """Return where sessions of a tenant are created; None for the KATO that all share.

    Of several, which is a finding of the audit, the newest.
    """
    return next(iter(serving(each for each in instances if each.tenant == tenant).get(tenant, ())),
                None)  # fmt: skip


def written_here(instances: Iterable[Instance]) -> tuple[Instance, ...]:
    """Return those that serve, and write into this deployment's stores, by their addresses."""
    return tuple(
        {each.url: each for each in instances if each.is_serving and each.is_here}.values()
    )
