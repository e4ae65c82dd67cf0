"""Reasons and other texts, with nothing in them that could name a tenant. Pure.

A reason can quote a node_id, a collection or an address. What is kept of it is what this product
itself says: which store, and what it did.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from services.errors import (
    StoreDenied,
    StoreError,
    StoreMisconfigured,
    StoreNotConfigured,
    StoreRejected,
    StoreUnavailable,
)
from services.tenancy.kb_ids import TenantKey

_KINDS: tuple[type[StoreError], ...] = (
    StoreError, StoreUnavailable, StoreDenied, StoreMisconfigured, StoreRejected,
    StoreNotConfigured,
)  # fmt: skip
_STORES = "clickhouse|redis|qdrant|kato|state store"
_SAID = re.compile(
    f"(?:{_STORES}) (?:{'|'.join(re.escape(kind.summary) for kind in _KINDS)})(?= \\(|\\Z)"
    r"|being read for the first time\Z"
)
_COUNT = re.compile(r"[\d,]+ ")

NOT_READ = "it could not be read"


def told(reason: str | None, otherwise: str = NOT_READ) -> str | None:
    """Return a reason as far as it is this product's own words: `redis did not answer`.

    None stays None, and what is not one of our own sentences becomes `otherwise`.
    """
    if reason is None:
        return None
    found = _SAID.match(reason)
    return otherwise if found is None else found[0]


def uncounted(text: str) -> str:
    """Return a text without the number that it begins with."""
    return _COUNT.sub("", text, count=1) if _COUNT.match(text) else text


def names_only(text: str, tenants: Iterable[TenantKey]) -> bool:
    """Whether a purge's target, in words, is one of these tenants, or a node or user of one."""
    return any(text == str(tenant) or text.endswith(f" of {tenant}") for tenant in tenants)
