"""Create tenant sessions through KATO, knowing beforehand on whose memory they will land."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from services.attribution import Claim, Ownership
from services.errors import NamingError
from services.identity import NamingScheme, TenantKey, kb_id_of
from services.models import CreatedSession
from services.stores.state import StateStore

TTL_MIN, TTL_MAX, TTL_DEFAULT = 60, 30 * 24 * 3600, 3600
"""Bounds and default of a session's time to live, in seconds."""


class SessionApi(Protocol):
    """What creating a session asks of KATO."""

    def create_session(
        self,
        node_id: str,
        *,
        ttl_seconds: int | None = None,
        metadata: Mapping[str, object] | None = None,
        config: Mapping[str, object] | None = None,
    ) -> CreatedSession:
        """Create a session."""


@dataclass(frozen=True, slots=True)
class Landing:
    """Where a session with this node_id would read and write.

    `tenant` is who the node_id names. `others` are other tenants that hold the same kb_id:
    they and this session would share one memory.
    """

    node_id: str
    kb_id: str
    tenant: TenantKey
    claim: Claim
    others: tuple[TenantKey, ...]


class SessionService:
    """Creates sessions, and says beforehand where they land."""

    def __init__(
        self, api: SessionApi, *, state: StateStore, ownership: Callable[[], Ownership]
    ) -> None:
        self._api = api
        self._state = state
        self._ownership = ownership

    def landing(self, scheme: NamingScheme, values: Mapping[str, str]) -> Landing:
        """Return where a session would land. Raises NamingError for values that do not do."""
        node_id = scheme.make(**values)
        _check(node_id)
        ownership = self._ownership()
        kb_id = kb_id_of(node_id, ownership.service)
        claim, tenant = ownership.kb(kb_id), ownership.tenant_of(node_id)
        held = ownership.nodes_by_kb.get(kb_id, ())
        holders = {ownership.tenant_of(node) for node in held} - {tenant}
        return Landing(node_id, kb_id, tenant, claim, tuple(sorted(holders, key=str)))

    def create(
        self, node_id: str, *, ttl_seconds: int, metadata: Mapping[str, str]
    ) -> CreatedSession:
        """Create a session and record its node_id as seen.

        Raises NamingError for a node_id or TTL that KATO would take and mishandle, StoreError
        when KATO does not answer or refuses.
        """
        _check(node_id)
        if not TTL_MIN <= ttl_seconds <= TTL_MAX:
            raise NamingError(f"the time to live has to be {TTL_MIN} s to {TTL_MAX} s")
        session = self._api.create_session(node_id, ttl_seconds=ttl_seconds, metadata=metadata)
        self._state.record_nodes({node_id: "created here"}, datetime.now(UTC))
        return session


def _check(node_id: str) -> None:
    if not node_id.strip():
        raise NamingError("the node_id is empty")
    if not node_id.isprintable():
        raise NamingError("the node_id holds control characters")
