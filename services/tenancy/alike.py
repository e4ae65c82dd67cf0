"""Tenants that people take for one another, since their names look alike. Pure."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

from services.tenancy.kb_ids import TenantKey
from services.visible import HIDDEN

_FORMAT = "Cf"


@lru_cache(maxsize=200_000)
def look_of(text: str) -> str:
    """Return what people take a text for; the same for two that look alike.

    Capitals, how Unicode composes it or sets it (NFKC), what draws nothing, and blanks at the
    ends or in a row make no difference. Letters of other scripts that are drawn alike do.
    """
    look = _once(text)
    while look != text:
        text, look = look, _once(look)
    return look


def _once(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    drawn = (c for c in HIDDEN.sub("", folded) if unicodedata.category(c) != _FORMAT)
    return " ".join("".join(drawn).split())


def alike(tenants: Iterable[TenantKey]) -> dict[TenantKey, tuple[TenantKey, ...]]:
    """Return the tenants of one kind that look alike, two or more, by what they look like."""
    groups: dict[TenantKey, list[TenantKey]] = defaultdict(list)
    for tenant in sorted(set(tenants)):
        groups[TenantKey(tenant.kind, look_of(tenant.id))].append(tenant)
    return {look: tuple(group) for look, group in groups.items() if len(group) > 1}


def look_alikes(tenant: TenantKey, tenants: Iterable[TenantKey]) -> tuple[TenantKey, ...]:
    """Return the others that look like this one."""
    look = look_of(tenant.id)
    others = (t for t in tenants if t.kind == tenant.kind and t != tenant)
    return tuple(sorted(other for other in others if look_of(other.id) == look))
