"""What a person says, read: `TENANT=TIME`, `TENANT=first-seen` and `TENANT=NODE_ID`. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from services.apart.models import ApartRefused, Words
from services.tenancy.kb_ids import TenantKey

FIRST_SEEN = "first-seen"
"""Stands for when a tenant was first seen: as a time only a person can take it for one."""


def words_of(began: Iterable[str], names: Iterable[str]) -> Words:
    """Read who began when, and who is to be called what.

    Raises ApartRefused for a time that cannot be read, NamingError for a tenant.
    """
    return Words(
        {tenant: time_of(said) for tenant, said in map(_pair, began)}, dict(map(_pair, names))
    )


def time_of(said: str) -> datetime | None:
    """Read a time, in UTC where it says nothing else; None for `first-seen`.

    Raises ApartRefused.
    """
    if said.strip() == FIRST_SEEN:
        return None
    try:
        found = datetime.fromisoformat(said.strip())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        reason = f"a time is written as 2026-01-31 or 2026-01-31T12:00, or {FIRST_SEEN}"
        raise ApartRefused(reason) from None


def spoken(began: datetime | None) -> str:
    """Write a time as `time_of` reads it, in UTC."""
    return FIRST_SEEN if began is None else began.astimezone(UTC).replace(tzinfo=None).isoformat()


def _pair(text: str) -> tuple[TenantKey, str]:
    tenant, equals, said = text.partition("=")
    if not (equals and said):
        raise ApartRefused("write TENANT=… with what is said of it")
    return TenantKey.parse(tenant), said
