"""By which rules tokens, claims and host names are taken, as the settings of signing in say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.access.claims import ClaimRules
from services.access.network import LOOPBACK_HOSTS
from services.access.tokens import BY_KEYS, BY_SECRET, TokenRules
from services.settings import mappings as mapping

if TYPE_CHECKING:
    from services.settings.sign_in import SignInSettings


def claim_rules(settings: SignInSettings) -> ClaimRules:
    """Return how claims become a viewer.

    Where no claim for tenants is set, and tenants are, these go by the claim for roles.
    """
    return ClaimRules(
        id_claim=settings.id_claim,
        role_claim=settings.role_claim,
        roles=mapping.read_roles(settings.roles),
        default_role=settings.default_role,
        tenants_claim=settings.tenants_claim or (settings.role_claim if settings.tenants else ""),
        tenants=mapping.read_tenants(settings.tenants) if settings.tenants else None,
        default_tenants=mapping.read_patterns(settings.default_tenants),
    )


def token_rules(settings: SignInSettings) -> TokenRules:
    """Return what the proxy's tokens have to be."""
    secret = settings.proxy_secret
    usual = BY_KEYS[:2] if settings.proxy_jwks_url else BY_SECRET[:1]
    return TokenRules(
        issuer=settings.proxy_issuer,
        audience=settings.proxy_audience,
        algorithms=settings.proxy_algorithms or usual,
        jwks_url=settings.proxy_jwks_url,
        secret=secret.get_secret_value() if secret is not None else "",
    )


def hosts_of(settings: SignInSettings) -> tuple[str, ...]:
    """Return the names by which the dashboard may be asked for.

    Without sign-in only those of this machine unless said otherwise: a web page elsewhere
    could give its own name this machine's address, and would be an admin.
    """
    if settings.allowed_hosts:
        return settings.allowed_hosts
    return LOOPBACK_HOSTS if settings.auth == "local" and not settings.allow_open else ("*",)
