"""`kato-tenants value`: one Redis key's whole value, to standard output, piece by piece."""

from __future__ import annotations

from typing import BinaryIO

from cli import desk
from services.errors import ValueNotWhole
from services.settings.environment import Settings
from services.tenancy.kb_ids import TenantKey
from services.visible import unseen, visible


def write(settings: Settings, tenant: str, key: str, to: BinaryIO) -> None:
    """Write the value of a tenant's key; a name may be given as pages show it.

    Raises KatoTenantsError, also in the middle of it.
    """
    with desk.opened(settings) as found:
        snapshot = found.fleet.read()
        usage = snapshot.tenant(TenantKey.parse(unseen(tenant)))
        if usage is None:
            raise ValueNotWhole(f"nothing in the stores belongs to {visible(tenant)}")
        scope = found.inspection.scope(snapshot, usage)
        with found.inspection.whole(scope, unseen(key)) as pieces:
            to.writelines(pieces)
        to.flush()
