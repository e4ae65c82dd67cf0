"""Where KATO stores what belongs to a node_id, and how a tenant is written. Pure.

A client names a *node_id* (`tenant:acme-corp:user:bob`). KATO derives the storage namespace
from it, the *kb_id* (`tenant_acme_corp_user_bob_kato`), and in doing so loses information.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Self

from services.errors import NamingError

KB_ID_LIMIT = 60
"""Longest kb_id that KATO keeps whole, in characters."""

_REPLACED = str.maketrans(dict.fromkeys('/\\."$*<>:|?- ', "_"))


@dataclass(frozen=True, slots=True, order=True)
class TenantKey:
    """Who owns data: a kind and an id, written `kind/id` (`tenant/acme`, `kb/x_kato`)."""

    kind: str
    id: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `kind/id`; the id may hold further slashes. Raises NamingError."""
        kind, slash, name = text.partition("/")
        if not (kind and slash and name):
            raise NamingError("a tenant is written kind/id, as in tenant/acme")
        return cls(kind, name)

    @classmethod
    def written(cls, text: str) -> Self:
        """Read back what `str` wrote; unlike in what is typed the id may be empty, as a kb_id."""
        kind, _, name = text.partition("/")
        return cls(kind, name)

    @classmethod
    def of_kb(cls, kb_id: str) -> Self:
        """The tenant that a kb_id stands for when no scheme reads it."""
        return cls("kb", kb_id)

    def __str__(self) -> str:
        return f"{self.kind}/{self.id}"


def sanitise(text: str) -> str:
    r"""Replace what KATO replaces in a node_id: `/ \ . " $ * < > : | ? -` and space by `_`."""
    return text if text.isidentifier() else text.translate(_REPLACED)  # of these it has none


@cache
def service_suffix(service: str) -> str:
    """Return the ending of every kb_id of a KATO whose SERVICE_NAME is `service`."""
    return "_" + service.replace("-", "_")


def kb_id_of(node_id: str, service: str = "kato") -> str:
    """Derive the kb_id of a node_id, as KATO 3.10.1 does.

    Above 60 characters the node part is cut and the first 8 hex digits of the MD5 of the whole
    sanitised node part take the place of the rest.
    """
    node = sanitise(node_id)
    suffix = service_suffix(service)
    if len(node) + len(suffix) <= KB_ID_LIMIT:
        return node + suffix
    digest = hashlib.md5(node.encode("utf-8", "surrogatepass"), usedforsecurity=False)
    kept = node[: KB_ID_LIMIT - (len(suffix) - 1) - 10]
    return f"{kept}_{digest.hexdigest()[:8]}{suffix}"


def node_text_of(kb_id: str, service: str = "kato") -> tuple[str, bool]:
    """Return what a kb_id keeps of its node_id, and whether it was cut.

    A kb_id without the service's suffix (the guide layout) is returned whole.
    """
    suffix = service_suffix(service)
    if not kb_id.endswith(suffix):
        return kb_id, False
    node = kb_id[: -len(suffix)]
    cut = len(kb_id) == KB_ID_LIMIT and re.search(r"_[0-9a-f]{8}\Z", node) is not None
    return (node[:-9], True) if cut else (node, False)


def held_names(tenants: Iterable[TenantKey], kb_ids: Iterable[str]) -> tuple[str, ...]:
    """Return the names by which a job has tenants and kb_ids for itself alone."""
    found = {*map(str, tenants)}
    return (*sorted(found), *sorted(f"kb_id {kb_id}" for kb_id in kb_ids))
