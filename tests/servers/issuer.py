"""An identity provider for tests: keys, tokens of every kind, and signing people in."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

from tests.servers.faults import Answer, HttpServer, Request

ISSUER = "https://idp.example.com"
AUDIENCE = "kato-tenants"
SECRET = "a secret that a proxy and this dashboard share"


@cache
def private_key(name: str, kind: str = "RS256") -> Any:
    """A key of its own for each name, made once."""
    del name  # what the cache goes by
    if kind.startswith("ES"):
        return ec.generate_private_key({"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1()}[kind])
    if kind == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def short_key() -> Any:
    """An RSA key that is too short to be trusted."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


def jwk(kid: str, key: Any = None, kind: str = "RS256", **more: object) -> dict[str, Any]:
    """The public half of a key, as an issuer publishes it."""
    public = (key or private_key(kid, kind)).public_key()
    found = get_default_algorithms()[kind].to_jwk(public, as_dict=True)
    return {**found, "kid": kid, "use": "sig", **more}  # type: ignore[dict-item]


def jwks(*kids: str) -> dict[str, Any]:
    """A key set of RSA keys."""
    return {"keys": [jwk(kid) for kid in kids]}


def public_pem(kid: str) -> bytes:
    """A public key as text, as anybody can have it."""
    public = private_key(kid).public_key()
    return bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def claims(**more: object) -> dict[str, Any]:
    """What a good token says, with changes; None takes a claim out."""
    now = int(time.time())
    usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u1", "email": "ann@example.com",
             "iat": now, "exp": now + 3600}  # fmt: skip
    return {name: value for name, value in {**usual, **more}.items() if value is not None}


def token(
    kid: str | None = "one",
    *,
    alg: str = "RS256",
    key: Any = None,
    headers: Mapping[str, object] | None = None,
    **more: object,
) -> str:
    """A token signed with the key of this id, or with `key`."""
    signer = private_key(kid or "one", alg) if key is None else key
    return signed({"alg": alg, "kid": kid, "typ": "JWT", **(headers or {})}, claims(**more), signer)


def secret_token(secret: str = SECRET, *, alg: str = "HS256", **more: object) -> str:
    """A token signed with the shared secret."""
    return signed({"alg": alg, "typ": "JWT"}, claims(**more), secret.encode())


def signed(header: Mapping[str, object], payload: object, key: Any) -> str:
    """Sign whatever is given, also what no library would."""
    shown = {name: value for name, value in header.items() if value is not None}
    return signed_bytes(json.dumps(shown).encode(), json.dumps(payload).encode(), key)


def signed_bytes(header: bytes, payload: bytes, key: Any) -> str:
    """Sign a header and a payload byte by byte."""
    algorithm = jwt.get_algorithm_by_name(json.loads(header).get("alg", "none"))
    content = f"{b64(header)}.{b64(payload)}"
    if algorithm.__class__.__name__ == "NoneAlgorithm":
        return f"{content}."
    return f"{content}.{b64(algorithm.sign(content.encode(), key))}"


def b64(data: bytes) -> str:
    """Base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Provider(HttpServer):
    """An OpenID Connect provider that signs in whoever comes, as `person`, without asking."""

    def __init__(self, client: str, **person: object) -> None:
        self.client = client
        self.person = person
        private_key("one")  # made now, and not while somebody waits for it
        super().__init__(self._answered)

    @property
    def metadata(self) -> str:
        """Where it says how it is used."""
        return f"{self.url}/.well-known/openid-configuration"

    def _answered(self, request: Request) -> Answer:
        if request.path == "/authorize":
            back = {"code": request.query["nonce"], "state": request.query["state"]}
            url = f"{request.query['redirect_uri']}?{urlencode(back)}"
            return Answer(302, headers={"Location": url})
        if request.path == "/token":
            nonce = dict(parse_qsl(request.body.decode()))["code"]
            text = token(iss=self.url, aud=self.client, nonce=nonce, **self.person)
            return Answer.json({"access_token": "x", "token_type": "Bearer", "id_token": text})
        if request.path == "/keys":
            return Answer.json(jwks("one"))
        places = {"authorization_endpoint": "/authorize", "token_endpoint": "/token",
                  "jwks_uri": "/keys", "issuer": ""}  # fmt: skip
        known = {name: self.url + path for name, path in places.items()}
        return Answer.json({**known, "id_token_signing_alg_values_supported": ["RS256"]})
