"""Create tenant sessions through KATO, knowing beforehand on whose memory they will land."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from services.errors import NamingError, SessionRefused, StoreError
from services.sessions.landing import Erased, Exceeded, Landing, Served, land
from services.sessions.models import SEALED_NAME
from services.sessions.older import Older
from services.sessions.options import check_options
from services.settings.encryption import Encryption
from services.tenancy.kb_ids import TenantKey, held_names
from services.tenancy.names import Source
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingScheme
from services.usage.ports import UsageRecords
from services.usage.readings import CreatedSession

logger = logging.getLogger(__name__)

TTL_MIN, TTL_MAX, TTL_DEFAULT = 60, 30 * 24 * 3600, 3600
"""Bounds and default of a session's time to live, in seconds."""

NO_WORD = (
    "data lies under this kb_id from before any node_id on it was seen: say why this tenant may "
    "come to it"
)


OVER_WORD = "say why the session is to be created all the same"


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


class SessionService:
    """Creates sessions, and says beforehand where they land."""

    def __init__(
        self,
        api: SessionApi,
        *,
        state: UsageRecords,
        ownership: Callable[[], Ownership],
        encryption: Encryption | None = None,
        being_purged: Callable[[Sequence[str]], str | None] = lambda _: None,
        stored: Callable[[str], Older | None] = lambda _: None,
        erased: Callable[[str], Erased | None] = lambda _: None,
        exceeded: Callable[[TenantKey], tuple[Exceeded, ...]] = lambda _: (),
        parked: Callable[[TenantKey], datetime | None] = lambda _: None,
        moved: Callable[[TenantKey], tuple[str, datetime] | None] = lambda _: None,
        served: Callable[[TenantKey], Served | None] = lambda _: None,
        api_at: Callable[[str], SessionApi] | None = None,
        refuse_over: bool = False,
    ) -> None:
        self._api, self._served, self._api_at = api, served, api_at
        self._state = state
        self._being_purged, self._stored, self._erased = being_purged, stored, erased
        self._exceeded, self._parked, self._moved = exceeded, parked, moved
        self.refuse_over = refuse_over
        self._ownership = ownership
        self._encryption = encryption or Encryption()

    @property
    def can_seal(self) -> bool:
        """Whether there is a key to encrypt metadata with."""
        return self._encryption.ready

    def fingerprint(self, sensitive: Mapping[str, str]) -> str:
        """Return by what sensitive values are known again, without telling them."""
        return self._encryption.fingerprint(sensitive)

    def landing(self, scheme: NamingScheme, values: Mapping[str, str]) -> Landing:
        """Return where a session would land, and why it may not be created where that is so.

        Raises NamingError for values that do not make a node_id.
        """
        return self._land(scheme.make(**values))

    def create(
        self,
        node_id: str,
        *,
        ttl_seconds: int,
        metadata: Mapping[str, str],
        sensitive: Mapping[str, str] | None = None,
        config: Mapping[str, object] | None = None,
        word: str = "",
        again: bool = False,
        over: str = "",
    ) -> CreatedSession:
        """Create a session and record its node_id as seen.

        `word` is why the tenant may come to data that was there before it; whose that is stays
        unproven, which is recorded before KATO is asked. With `again` it may bring back what was
        erased. `over` is why it is created for a tenant over a limit. `sensitive` metadata is
        encrypted before it leaves. Raises NamingError for a node_id that must not be used,
        SessionRefused for what lacks `again` or, where that is refused, `over`, and for a TTL,
        metadata or option that KATO would take and mishandle, EncryptionError without a key,
        StoreError when KATO does not answer or refuses.
        """
        landing = self._land(node_id)
        if landing.refusal:
            raise NamingError(landing.refusal)
        if landing.older is not None and not word.strip():
            raise NamingError(NO_WORD)
        if landing.erased is not None and not again:
            raise SessionRefused(
                f"its data was erased on {landing.erased.at:%Y-%m-%d %H:%M} UTC: a session that "
                "brings it back has to be asked for once more"
            )
        if landing.exceeded and self.refuse_over and not over.strip():
            raise SessionRefused(f"{landing.tenant} is over a limit: {OVER_WORD}")
        check_ttl(ttl_seconds)
        check_options(config or {})
        sent = self._sealed(metadata, sensitive or {})
        if landing.older is not None:  # what is seen of it first is this
            self._state.record_nodes({node_id: Source.OVER.value}, datetime.now(UTC))
        session = self._api_of(landing).create_session(
            node_id, ttl_seconds=ttl_seconds, metadata=sent, config=dict(config or {}) or None
        )
        if landing.served is None or not landing.served.elsewhere:  # else it is not of these stores
            self._record(node_id)
        return session

    def _api_of(self, landing: Landing) -> SessionApi:
        """Return the KATO that serves a session's tenant."""
        if landing.served is None or self._api_at is None:
            return self._api
        return self._api_at(landing.served.url)

    def _record(self, node_id: str) -> None:
        """Note that a node_id was seen; the session is there, and the next pass sees it too."""
        try:
            self._state.record_nodes({node_id: Source.HERE.value}, datetime.now(UTC))
        except StoreError as exc:
            logger.warning("a session was created, and that was not recorded yet: %s", exc)

    def _land(self, node_id: str) -> Landing:
        """Return where a session would land; not of who is purged, parked or gone."""
        landing = land(node_id, self._ownership(), self._stored)
        tenant = landing.tenant
        landing = replace(
            landing, erased=self._erased(landing.kb_id), exceeded=self._exceeded(tenant),
            parked=self._parked(tenant), moved=self._moved(tenant), served=self._served(tenant),
        )  # fmt: skip
        if landing.served is not None and landing.served.elsewhere:
            landing = _landing_elsewhere(landing)
        if landing.refusal:
            return landing
        if self._being_purged(held_names([tenant], [landing.kb_id])) is not None:
            why = (f"{tenant} is being purged, moved or taken apart, or another job has it: no "
                   "session until that has ended")  # fmt: skip
            return replace(landing, refusal=why)
        if landing.parked is not None:
            why = f"{tenant} is parked since {landing.parked:%Y-%m-%d}: bring it back first"
            return replace(landing, refusal=why)
        if landing.moved is not None:
            to, since = landing.moved
            return replace(landing, refusal=f"{tenant} moved to {to} on {since:%Y-%m-%d}")
        return landing

    def _sealed(self, metadata: Mapping[str, str], sensitive: Mapping[str, str]) -> dict[str, str]:
        """Return the metadata as it is sent: what is sensitive as one encrypted text."""
        if SEALED_NAME in metadata:
            raise SessionRefused(f"metadata cannot be called {SEALED_NAME}: encrypted values are")
        if not sensitive:
            return dict(metadata)
        return {**metadata, SEALED_NAME: self._encryption.encrypt(sensitive)}


def _landing_elsewhere(landing: Landing) -> Landing:
    """Return where a session lands in other stores, of whose memory these here say nothing."""
    served = landing.served
    moved = landing.moved
    if served is not None and moved is not None and moved[0] == served.elsewhere:
        moved = None
    return replace(landing, older=None, erased=None, moved=moved)


def check_ttl(ttl_seconds: int) -> None:
    """Raise SessionRefused for a time to live out of bounds."""
    if not TTL_MIN <= ttl_seconds <= TTL_MAX:
        raise SessionRefused("the time to live has to be from 60 seconds to 30 days")
