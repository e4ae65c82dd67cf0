"""Names of instances out of tenants' ids, which are any text of a stranger's. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from services.instances.models import InstanceRefused
from services.tenancy.kb_ids import KB_ID_LIMIT, TenantKey, service_suffix
from services.tenancy.layout import bytes_of

DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""A label as RFC 1123 has it, and so the name of a Namespace, a Service or a compose project."""

_FIRST, _LONGEST, _DIGITS = "kato-", 63, 8
_SLUG = _LONGEST - len(_FIRST) - 1 - _DIGITS - len("-999")
_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


def name_of(tenant: TenantKey, taken: Iterable[str] = ()) -> str:
    """Return the name of a tenant's next instance: a label of DNS that no other has.

    What can be read of its id, and digits of the whole's SHA-256: it does not depend on who else
    is there, and two tenants whose ids look alike have two names.
    """
    whole = str(tenant)
    plain = re.sub(r"[^a-z0-9]+", "-", tenant.id.lower())[:_SLUG].strip("-")
    digest = hashlib.sha256(bytes_of(whole)).hexdigest()[:_DIGITS]
    stem = f"{_FIRST}{plain}-{digest}" if plain else f"{_FIRST}{digest}"
    taken, number = frozenset(taken), 1
    while (name := stem if number == 1 else f"{stem}-{number}") in taken:
        number += 1
    return name


def check_service(service: str) -> str:
    """Return a SERVICE_NAME that KATO can bear. Raises InstanceRefused."""
    if not _SERVICE.fullmatch(service) or len(service_suffix(service)) >= KB_ID_LIMIT // 2:
        raise InstanceRefused(
            "a SERVICE_NAME has letters, digits, - and _, at most 28 of them: kb_ids end with it"
        )
    return service


def clash(service: str, others: Iterable[str]) -> str:
    """Return the SERVICE_NAME over the same stores whose kb_ids could be those of this one.

    kb_ids end with it: where one ending is the end of another, as `_kato` is of `_acme_kato`, two
    nodes of two instances may have one kb_id. Empty where none can.
    """
    mine = service_suffix(service)
    for other in sorted(set(others)):
        its = service_suffix(other)
        if other != service and (its.endswith(mine) or mine.endswith(its)):
            return other
    return ""


def check_url(url: str) -> str:
    """Return the address of a KATO without a slash at its end. Raises InstanceRefused."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    if not fits or not url.isascii() or not url.isprintable() or " " in url:
        raise InstanceRefused("the address of a KATO is written http://host:port")
    if parts.username or parts.password:
        raise InstanceRefused("an address that has a password in it is not kept")
    if parts.query or parts.fragment or parts.path not in ("", "/"):
        raise InstanceRefused("the address of a KATO has nothing after its port")
    return url.rstrip("/")


def check_name(name: str) -> str:
    """Return a name that an instance can have. Raises InstanceRefused."""
    if not DNS_LABEL.fullmatch(name):
        raise InstanceRefused("the name of an instance has a-z, 0-9 and -, at most 63 of them")
    return name
