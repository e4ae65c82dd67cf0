"""Signed tokens of an identity-aware proxy, checked with PyJWT.

Nothing is taken from a token before its signature holds, but which key it says it has and with
which algorithm, and both have to be among those that are set. No message has anything of a token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import jwt

from services.access.tokens import BY_KEYS, BY_SECRET, TokenRules
from services.errors import NotSignedIn
from services.stores.sign_in.jwks import Key, KeySet

TOKEN_LIMIT = 8 * 1024
"""Longest token that is looked at, in bytes; more would not fit into a header anyway."""

LEEWAY = 30.0
"""Seconds by which the issuer's clock may be ahead, for `nbf` and `iat`."""

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_OWN_KEYS = ("jwk", "jku", "x5u", "x5c")
_TYPES = ("jwt", "at+jwt", "application/at+jwt")
_TIMES = ("exp", "nbf", "iat")
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}
_FAMILIES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


class TokenVerifier:
    """Says what a token claims, once all of it is found to be in order."""

    def __init__(self, rules: TokenRules, keys: KeySet | None = None) -> None:
        """Check by `rules`; `keys` in place of those at the rules' address, for tests."""
        self._rules = rules
        self._keys = keys or (KeySet(rules.jwks_url) if rules.jwks_url else None)

    def claims(self, token: str) -> Mapping[str, object]:
        """Return the claims. Raises NotSignedIn, which says why and has nothing of the token."""
        if len(token) > TOKEN_LIMIT:
            raise _refused("its token is far too long")
        if not _COMPACT.match(token):
            raise _refused("its token is none that is signed")
        algorithm, key = self._key(_header(token))
        return self._decoded(token, algorithm, key)

    def _key(self, header: Mapping[str, object]) -> tuple[str, jwt.PyJWK | str]:
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._rules.algorithms:
            raise _refused("its token is signed with an algorithm that is not accepted here")
        _check_header(header)
        if self._keys is None:
            return _secret_for(algorithm, self._rules.secret)
        key_id = header.get("kid")
        if not isinstance(key_id, str) or not key_id:
            raise _refused("its token does not say with which key it is signed")
        return _public_for(algorithm, self._keys.find(key_id))

    def _decoded(
        self, token: str, algorithm: str, key: jwt.PyJWK | str
    ) -> Mapping[str, object]:  # fmt: skip
        try:
            claims = jwt.decode(
                token, key, algorithms=[algorithm], audience=list(self._rules.audience),
                issuer=self._rules.issuer, leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud"], "enforce_minimum_key_length": True},
            )  # fmt: skip
        except jwt.PyJWTError as exc:
            raise _refused(_reason(exc)) from None
        _check_times(claims)
        return claims


def _header(token: str) -> Mapping[str, object]:
    try:
        return jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise _refused("its token cannot be read") from None


def _check_header(header: Mapping[str, object]) -> None:
    """Refuse what would have a token say how it is to be believed."""
    if any(name in header for name in _OWN_KEYS):
        raise _refused("its token brings a key of its own")
    if any(name in header for name in ("crit", "b64", "zip")):
        raise _refused("its token asks for what is not understood here")
    if str(header.get("typ", "JWT")).lower() not in _TYPES:
        raise _refused("its token is of another kind")


def _secret_for(algorithm: str, secret: str) -> tuple[str, str]:
    if algorithm not in BY_SECRET:
        raise _refused("its token is signed with an algorithm that is not accepted here")
    return algorithm, secret


def _public_for(algorithm: str, keys: tuple[Key, ...]) -> tuple[str, jwt.PyJWK]:
    """Return the one key of these that is made for the algorithm."""
    fitting = [key for key in keys if algorithm in BY_KEYS and _fits(key, algorithm)]
    if len(fitting) != 1:
        raise _refused("its token is signed with a key that is not for that")
    try:
        return algorithm, jwt.PyJWK(dict(fitting[0]), algorithm)
    except jwt.PyJWTError:
        raise _refused("the key that its token is signed with cannot be read") from None


def _fits(key: Key, algorithm: str) -> bool:
    curve = _CURVES.get(algorithm)
    return (
        key.get("kty") == _FAMILIES[algorithm[:2]]
        and key.get("alg", algorithm) == algorithm
        and (curve is None or key.get("crv") == curve)
    )


def _check_times(claims: Mapping[str, object]) -> None:
    """Take only numbers: PyJWT would read texts, and True as the first second of 1970."""
    for name in _TIMES:
        value = claims.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _refused("a time in its token is none")


def _reason(exc: jwt.PyJWTError) -> str:
    reasons: tuple[tuple[type[Exception], str], ...] = (
        (jwt.ExpiredSignatureError, "it has expired"),
        (jwt.ImmatureSignatureError, "it does not hold yet"),
        (jwt.InvalidAudienceError, "its token is meant for something else"),
        (jwt.InvalidIssuerError, "its token comes from somewhere else"),
        (jwt.MissingRequiredClaimError, "its token lacks what every one has to say"),
        (jwt.InvalidSignatureError, "its signature does not hold"),
    )
    return next((text for kind, text in reasons if isinstance(exc, kind)), "its token is malformed")


def _refused(reason: str) -> NotSignedIn:
    return NotSignedIn(f"this sign-in cannot be trusted: {reason}")
