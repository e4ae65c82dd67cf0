"""Wires instances: which KATO serves whom, and the tools that run those of single tenants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from services.errors import StoreNotConfigured
from services.instances.models import INSIDE, Instance, Part, Site, Store
from services.instances.run import Running, needs_of
from services.instances.service import InstanceService, Tools
from services.instances.serving import serves, serving, written_here
from services.sessions.landing import Served
from services.settings.outward import read_images, read_range, tool_words
from services.settings.variables import read_text
from services.stores.containers.run import Commands, InstanceFolder
from services.stores.kato.several import EveryKato, KatosAt
from services.tenancy.kb_ids import TenantKey, held_names
from services.tenancy.layout import OwnerKind
from services.usage.readings import SessionRecord

if TYPE_CHECKING:
    from services.sessions.care import Route, SessionActs
    from services.settings.environment import Settings
    from services.stores.kato.api import KatoApi
    from services.wiring.working import Working

_FOLDER = "instances"


class Serving:
    """The register of instances, and the KATOs that it says."""

    def __init__(self, services: Working) -> None:
        self._services = services
        self._katos = KatosAt(services.settings.timeout_seconds)
        services.closing.callback(self._katos.close)
        settings = services.settings
        self.service = InstanceService(Tools(
            book=services.instance_book, runner=Commands(),
            folder=InstanceFolder(settings.data / _FOLDER), katos=self._katos.at,
            site=lambda: site_of(settings), words=tool_words(settings.instance_tool),
            secrets=settings.instance_secrets, needs=self._needs,
            seconds=settings.timeout_seconds, now=services.now,
        ))  # fmt: skip
        self.running = Running(self.service)

    def served(self, tenant: TenantKey) -> Served | None:
        """Return the KATO of its own at which a tenant's sessions are created."""
        found = self.service.of(tenant)
        return None if found is None else Served(found.name, found.url, found.elsewhere)

    def serving(self) -> Mapping[TenantKey, tuple[Instance, ...]]:
        """Return the instances that serve each tenant which has one, the newest first."""
        return serving(self.service.every())

    def at(self, url: str) -> KatoApi:
        """Return the KATO at an address."""
        return self._katos.at(url)

    def route(self) -> Route:
        """Return what says which KATO serves a session's tenant, by the register as it is now."""
        shared, instances = self._services.stores.kato, self._services.instance_book.all()
        if not instances:
            return lambda _: shared
        ownership = self._services.usage.ownership()

        def api_of(record: SessionRecord) -> SessionActs:
            if record.owner.kind is not OwnerKind.NODE:
                return shared
            found = serves(instances, ownership.tenant_of(record.owner.name))
            return shared if found is None or not found.is_here else self._katos.at(found.url)

        return api_of

    def every_kato(self) -> EveryKato:
        """Return every KATO that writes into this deployment's stores, as one."""
        seconds = self._services.settings.timeout_seconds
        return EveryKato(self._services.stores.kato, self._others, seconds=seconds)

    def moved(self, tenant: TenantKey, to: str, by: str) -> None:
        """Note that a tenant is in another deployment, since a move cut over."""
        from services.settings.destinations import settings_of

        there = settings_of(self._services.settings, to)
        url = there.kato_api_url.get_secret_value() if there.kato_api_url else ""
        bare = "" if urlsplit(url).password else url
        self.service.moved(tenant, to, url=bare, by=by)

    def _others(self) -> Sequence[KatoApi]:
        return [self._katos.at(each.url) for each in written_here(self.service.every())]

    def _needs(self, tenant: TenantKey) -> list[str]:
        """Say in words why a tenant needs its KATO now: what cannot be asked is a need too."""
        asks = (partial(ask, tenant) for ask in (self._sessions, self._jobs, self._hold))
        return needs_of(*asks)

    def _sessions(self, tenant: TenantKey) -> list[str]:
        ownership = self._services.usage.ownership()
        try:
            nodes = self._services.erasers.keys.nodes(()).values()
        except StoreNotConfigured:
            return []
        live = sum(ownership.tenant_of(node) == tenant for node in nodes)
        return [f"{live:,} of its sessions are live"] if live else []

    def _jobs(self, tenant: TenantKey) -> list[str]:
        job = self._services.purge.being_purged(held_names([tenant], ()))
        return [] if job is None else [f"the job {job} has it"]

    def _hold(self, tenant: TenantKey) -> list[str]:
        held = {each.tenant for each in self._services.card_book.holds()}
        return ["it is on legal hold"] if tenant in held else []


def site_of(settings: Settings) -> Site:
    """Return what all instances of a deployment have in common. Raises SettingsError."""
    first, last = read_range(settings.instance_ports)
    images = {Part(part): image for part, image in read_images(settings.instance_images).items()}
    return Site(
        images, first, last, settings.instance_network, settings.instance_secret,
        settings.service_name, settings.clickhouse_db, dict(_shared(settings)),
        _schema(settings.instance_schema),
    )  # fmt: skip


def _schema(path: Path | None) -> str:
    return "" if path is None else read_text("KATO_TENANTS_INSTANCE_SCHEMA", path)


def _shared(settings: Settings) -> dict[Part, Store]:
    """Return where the stores of this deployment are, as its settings say; no secret."""
    found: dict[Part, Store] = {}
    if settings.clickhouse_host:
        found[Part.CLICKHOUSE] = Store(
            settings.clickhouse_host, settings.clickhouse_port, settings.clickhouse_secure,
            settings.clickhouse_user,
        )  # fmt: skip
    if settings.redis_url:
        parts = urlsplit(settings.redis_url.get_secret_value())
        secure = settings.redis_tls or parts.scheme == "rediss"
        found[Part.REDIS] = Store(
            parts.hostname or "", parts.port or INSIDE[Part.REDIS], secure, parts.username or ""
        )
    if settings.qdrant_url:
        parts = urlsplit(settings.qdrant_url.get_secret_value())
        port = parts.port or INSIDE[Part.QDRANT]
        found[Part.QDRANT] = Store(parts.hostname or "", port, parts.scheme == "https")
    elif settings.qdrant_host:
        found[Part.QDRANT] = Store(
            settings.qdrant_host, settings.qdrant_port, settings.qdrant_https
        )
    return found
