"""Wires archives: their sources, their places, and what the records know of them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from typing import TYPE_CHECKING, BinaryIO

from services.archive.errors import ArchiveError
from services.archive.models import Part
from services.archive.own_records import OwnRecords
from services.archive.seal import Identity, Recipient, identities_of, recipients_of
from services.archive.tools import Tools
from services.errors import SettingsError
from services.settings.environment import Settings
from services.settings.outward import options_of
from services.stores.archive_sources import ArchiveSources
from services.stores.archives.place import Place
from services.stores.records.archives import ArchiveBook
from services.tenancy.kb_ids import TenantKey

if TYPE_CHECKING:
    from services.wiring.working import Working


def archive_tools(services: Working) -> Tools:
    """Return what archives need of these services' stores and records."""
    settings, stores = services.settings, services.stores
    sources = ArchiveSources(stores.engines, settings)
    own = OwnRecords(
        services.limits.rules, services.history, services.isolation.report_or_none, services.now,
        services.cards.card,
    )  # fmt: skip
    return Tools(
        erasers=services.erasers, kato=services.serving.every_kato(),
        patterns=sources.patterns, keys=sources.keys,
        vectors=sources.vectors, own=own.pieces, ownership=services.usage.ownership,
        saw=services.saw,
        versions=services.versions, recipients=lambda: recipients(settings),
        identities=lambda: identities(settings), place=lambda url: place_of(settings, url),
        book=ArchiveBook(services.database), holds=services.card_book.holds,
        parked_in=lambda tenant: _parked_in(services, tenant),
        as_parquet=_as_parquet, product=version("kato-tenants"), now=services.now,
    )  # fmt: skip


def _parked_in(services: Working, tenant: TenantKey) -> str:
    found = services.parking_book.get(tenant)
    return "" if found is None else found.archive


def _as_parquet(part: Part, chunks: Iterable[bytes], to: BinaryIO) -> int:
    from services.stores.clickhouse.native_parquet import write_parquet

    return write_parquet(part, chunks, to)


def place_of(settings: Settings, url: str) -> Place:
    """Open a place: the one that is set where no URL is given, and else with its options.

    These are given to no other kind of place than the one that is set. Raises ArchiveError where
    none is set, StoreMisconfigured.
    """
    usual = settings.archives.get_secret_value() if settings.archives else ""
    url = url or usual
    if not url:
        raise ArchiveError("no place for archives is set: KATO_TENANTS_ARCHIVES")
    same = _kind(url) == _kind(usual)
    return Place(url, options_of(settings.archives_options) if same else {})


def recipients(settings: Settings) -> tuple[Recipient, ...]:
    """Return to whom archives are encrypted; nobody, and they are not. Raises SettingsError."""
    try:
        return recipients_of(settings.archive_recipients)
    except ValueError as exc:
        raise SettingsError("KATO_TENANTS_ARCHIVE_RECIPIENTS", str(exc)) from None


def identities(settings: Settings) -> tuple[Identity, ...]:
    """Return what opens archives. Raises SettingsError."""
    secret = settings.archive_identities
    try:
        return identities_of(secret.get_secret_value().encode()) if secret else ()
    except ValueError as exc:
        raise SettingsError("KATO_TENANTS_ARCHIVE_IDENTITIES", str(exc)) from None


def _kind(url: str) -> str:
    return url.partition("://")[0] if "://" in url else "file"
