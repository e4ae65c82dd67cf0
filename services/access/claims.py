"""What an identity provider says about somebody, as a Viewer. Pure.

Odd input never gives more: what is not understood is refused whole, a value that no rule names
gives nothing, and everything is in scope only where a rule or a claim says `*`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.access.viewer import COMMAND, Role, TenantPattern, Viewer
from services.errors import NamingError, NotSignedIn

ID_LIMIT = 200
"""Longest identity, in characters: an email has at most 254, and nobody's is near that."""

LOCAL_ADMIN = "local admin"
"""The identity of whoever is there where there is no sign-in."""

_LATEST = 253_402_300_799
"""The end of the year 9999, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """How claims become a viewer.

    `id_claim` names the person, where empty `email` does, or else `sub`. `role_claim` holds names
    that `roles` gives a role each; `default_role` is for those to whom it gives none.
    `tenants_claim` holds names that `tenants` gives patterns, or, where that is None, patterns;
    `default_tenants` are in everybody's scope.
    """

    id_claim: str = ""
    role_claim: str = ""
    roles: Mapping[str, Role] | None = None
    default_role: Role | None = None
    tenants_claim: str = ""
    tenants: Mapping[str, tuple[TenantPattern, ...]] | None = None
    default_tenants: tuple[TenantPattern, ...] = ()


@dataclass(frozen=True, slots=True)
class Identified:
    """Somebody whose identity is known: who, until when, and the viewer unless without a role."""

    id: str
    expires_at: datetime | None
    viewer: Viewer | None


def identify(
    claims: Mapping[str, object], rules: ClaimRules, *, lasting: timedelta | None = None
) -> Identified:
    """Read verified claims. Raises NotSignedIn for any that are not as they should be.

    The sign-in is over at `exp`, or where `lasting` is given, that long after `iat`.
    """
    trusted = _trusted(claims)
    who = _identity(trusted, rules)
    over = _time(trusted, "exp") if lasting is None else _time(trusted, "iat", after=lasting)
    role = _role(trusted, rules)
    scope = _scope(trusted, rules)
    viewer = None if role is None else Viewer(who, role, scope, over)
    return Identified(who, over, viewer)


def _trusted(claims: Mapping[str, object]) -> Mapping[str, object]:
    """Leave out an email that the provider says nobody has proven to be theirs."""
    verified = claims.get("email_verified", True)
    if verified is True or verified == "true":  # Cognito and an ALB write it as text
        return claims
    return {name: value for name, value in claims.items() if name != "email"}


def _identity(claims: Mapping[str, object], rules: ClaimRules) -> str:
    name = rules.id_claim or ("email" if "email" in claims else "sub")
    value = _find(claims, name)
    if not isinstance(value, str):
        raise NotSignedIn(f"this sign-in does not say who you are: it has no text as {name}")
    if not value or value != value.strip() or len(value) > ID_LIMIT or not value.isprintable():
        raise NotSignedIn(f"this sign-in does not say who you are: its {name} cannot be used")
    if value.startswith(COMMAND) or value == LOCAL_ADMIN:
        raise NotSignedIn(f"this sign-in cannot be told from this product's own: its {name}")
    return value


def _role(claims: Mapping[str, object], rules: ClaimRules) -> Role | None:
    known = rules.roles or {}
    found = [known[name] for name in _names(claims, rules.role_claim) if name in known]
    return max(found, key=list(Role).index, default=rules.default_role)


def _scope(claims: Mapping[str, object], rules: ClaimRules) -> frozenset[TenantPattern]:
    names = _names(claims, rules.tenants_claim)
    if rules.tenants is None:
        return frozenset((*rules.default_tenants, *_patterns(names)))
    given = [pattern for name in names for pattern in rules.tenants.get(name, ())]
    return frozenset((*rules.default_tenants, *given))


def _patterns(names: Iterable[str]) -> tuple[TenantPattern, ...]:
    try:
        return tuple(map(TenantPattern.parse, names))
    except NamingError:
        raise NotSignedIn("this sign-in names tenants in a way that is not understood") from None


def _names(claims: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return the values of a claim: one text, or a list of them; none where it is not there."""
    value = _find(claims, name) if name else None
    if value is None:
        return ()
    found = value if isinstance(value, list | tuple) else (value,)
    if not all(isinstance(one, str) for one in found):
        raise NotSignedIn(f"this sign-in cannot be read: {name} is neither a text nor a list of it")
    return tuple(str(one) for one in found)


def _find(claims: Mapping[str, object], name: str) -> object:
    """Return a claim by its name, or by a path as `realm_access.roles`; None for no such."""
    if name in claims:
        return claims[name]
    first, dot, rest = name.partition(".")
    inner = claims.get(first)
    return _find(inner, rest) if dot and isinstance(inner, Mapping) else None


def _time(
    claims: Mapping[str, object], name: str, *, after: timedelta = timedelta()
) -> datetime:  # fmt: skip
    """Return a NumericDate as a time."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotSignedIn(f"this sign-in has no time as {name}")
    if not 0 <= value <= _LATEST:  # neither NaN nor infinity are
        raise NotSignedIn(f"this sign-in has no time as {name}")
    try:
        return datetime.fromtimestamp(value, UTC) + after
    except OverflowError:
        raise NotSignedIn(f"this sign-in has no time as {name}") from None
