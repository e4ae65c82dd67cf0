"""A node_id of its own for a tenant that shares one's kb_id: proposed, and judged. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from services.errors import NamingError
from services.sessions.landing import land
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import bytes_of
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes

_TRIES = 5
_DIGITS = 6

Stored = Callable[[str], bool]
"""Says whether any store has anything of a kb_id."""


def proposed(node_id: str, ownership: Ownership, stored: Stored) -> str:
    """Return a node_id like this one, of the same tenant and of a kb_id that nobody has.

    Empty where the naming scheme leaves nothing to change but the tenant: then it takes a word.
    The same is proposed each time.
    """
    for made in _made(node_id, ownership.schemes):
        tenant = ownership.tenant_of(node_id)
        if not why_not(made, tenant, ownership, stored):
            return made
    return ""


def why_not(node_id: str, tenant: TenantKey, ownership: Ownership, stored: Stored) -> str:
    """Say why a node_id cannot be a tenant's own new one; empty where it can."""
    landing, kb_id = land(node_id, ownership), ownership.kb_id_of(node_id)
    if landing.refusal:
        return landing.refusal
    if landing.tenant != tenant:
        return f"it names {landing.tenant}, and not {tenant}"
    if ownership.nodes_by_kb.get(kb_id) or kb_id in ownership.confirmed:
        return f"its kb_id {kb_id} is taken"
    return f"something is stored under its kb_id {kb_id}" if stored(kb_id) else ""


def _made(node_id: str, schemes: NamingSchemes) -> Iterator[str]:
    """Yield the node_id with one of its fields, which is not the tenant's, made longer."""
    reading = schemes.read(node_id)
    if reading is None or reading.others:
        return
    others = [name for name in reading.scheme.fields if name != reading.scheme.kind]
    for number in range(_TRIES if others else 0):
        digest = hashlib.sha256(bytes_of(f"{node_id} {number}")).hexdigest()[:_DIGITS]
        values = {**reading.values, others[-1]: f"{reading.values[others[-1]]}-{digest}"}
        try:
            yield reading.scheme.make(**values)
        except NamingError:
            return
