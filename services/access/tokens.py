"""What a proxy's token has to be, and which rules go together. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from services.access.network import is_loopback
from services.errors import SettingsError

BY_KEYS = ("RS256", "ES256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES384", "ES512", "EdDSA")
"""Algorithms whose keys are published; without a list of their own the first two are taken."""

BY_SECRET = ("HS256", "HS384", "HS512")
"""Algorithms with a shared secret; without a list of their own the first is taken."""

_LEAST = {"HS256": 32, "HS384": 48, "HS512": 64}


@dataclass(frozen=True, slots=True)
class TokenRules:
    """Whose tokens are believed: one issuer's, for one of these audiences, signed like this.

    Either `jwks_url`, where the issuer publishes its keys, or `secret`, which it shares.
    """

    issuer: str
    audience: tuple[str, ...]
    algorithms: tuple[str, ...]
    jwks_url: str = ""
    secret: str = field(default="", repr=False)

    def check(self) -> None:
        """Raise SettingsError for rules under which somebody could make tokens of their own."""
        known = BY_KEYS if self.jwks_url else BY_SECRET
        if not set(self.algorithms) <= set(known):
            source = "KATO_TENANTS_PROXY_JWKS_URL" if self.jwks_url else "KATO_TENANTS_PROXY_SECRET"
            reason = f"with {source} it can only hold {', '.join(known)}"
            raise SettingsError("KATO_TENANTS_PROXY_ALGORITHMS", reason)
        if self.jwks_url:
            self._check_url()
        else:
            self._check_secret()

    def _check_url(self) -> None:
        try:
            parts = urlsplit(self.jwks_url)
            safe = parts.scheme == "https" or is_loopback(parts.hostname)
        except ValueError:
            safe = False
        if not safe or not self.jwks_url.startswith(("http://", "https://")):
            reason = "has to begin with https://: who can change the answer can sign in as anybody"
            raise SettingsError("KATO_TENANTS_PROXY_JWKS_URL", reason)

    def _check_secret(self) -> None:
        if "-----BEGIN" in self.secret or self.secret.lstrip().startswith("{"):
            reason = "is a key; only a secret text can be shared, and a public key is none"
            raise SettingsError("KATO_TENANTS_PROXY_SECRET", reason)
        least = max(_LEAST[name] for name in self.algorithms)
        if len(self.secret.encode()) < least:
            raise SettingsError("KATO_TENANTS_PROXY_SECRET", f"has to have at least {least} bytes")
