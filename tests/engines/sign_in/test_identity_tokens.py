"""Tokens of an identity-aware proxy against a JWKS on a real socket, and every way to cheat."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.access.tokens import TokenRules
from services.errors import NotSignedIn
from services.stores.sign_in import jwks as identity_keys
from services.stores.sign_in.jwks import COOLDOWN, MAX_AGE, REFRESH_AFTER, KeySet
from services.stores.sign_in.tokens import TOKEN_LIMIT, TokenVerifier
from tests.servers import issuer
from tests.servers.faults import (
    SOON,
    Answer,
    Dropped,
    Fault,
    Garbage,
    HttpServer,
    Refused,
    Slow,
)
from tests.servers.issuer import AUDIENCE, ISSUER, SECRET, b64, jwk, signed, signed_bytes, token


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Issuer:
    """A JWKS on a real socket, what fetches it, and what checks tokens with it."""

    def __init__(self, server: HttpServer) -> None:
        self.server = server
        self.clock = Clock()
        self.published: object = issuer.jwks("one", "two")
        server.answer = lambda _: Answer.json(self.published)
        self.rules = TokenRules(
            issuer=ISSUER,
            audience=(AUDIENCE, "other-audience"),
            algorithms=("RS256", "ES256", "PS256", "EdDSA"),
            jwks_url=server.url + "/keys",
        )
        self.verifier = TokenVerifier(self.rules, KeySet(self.rules.jwks_url, clock=self.clock))

    def says(self, text: str) -> object:
        return self.verifier.claims(text)["sub"]

    def refuses(self, text: str) -> str:
        with pytest.raises(NotSignedIn) as caught:
            self.verifier.claims(text)
        return str(caught.value)

    @property
    def asked(self) -> int:
        return len(self.server.calls)


@pytest.fixture
def idp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    monkeypatch.setattr(identity_keys, "TIMEOUT", 60)  # a busy machine's issuer is not ill
    with HttpServer(lambda _: Answer()) as server:
        yield Issuer(server)


@pytest.fixture
def sharing() -> TokenVerifier:
    """Checks tokens that are signed with a shared secret."""
    return TokenVerifier(TokenRules(ISSUER, (AUDIENCE,), ("HS256", "HS384"), secret=SECRET))


NOW = int(time.time())
GOOD: dict[str, Callable[[], str]] = {
    "usual": token,
    "another key": lambda: token("two"),
    "several audiences": lambda: token(aud=["x", AUDIENCE]),
    "another audience of ours": lambda: token(aud="other-audience"),
    "no iat": lambda: token(iat=None),
    "nbf in the past": lambda: token(nbf=NOW - 5),
    "nbf a few seconds ahead": lambda: token(nbf=int(time.time()) + 10),
    "no typ": lambda: token(headers={"typ": None}),
    "an access token's typ": lambda: token(headers={"typ": "at+JWT"}),
    "x5t, as Entra sends": lambda: token(headers={"x5t": "abc"}),
    "exp with a fraction": lambda: token(exp=time.time() + 60.5),
    "a long list of groups": lambda: token(groups=["g" * 20] * 200),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_good_token_is_believed(idp: Issuer, name: str) -> None:
    assert idp.says(GOOD[name]()) == "u1"


@pytest.mark.parametrize("kind", ["ES256", "PS256", "EdDSA"])
def test_other_kinds_of_keys(idp: Issuer, kind: str) -> None:
    """Each key is for the algorithm that it is made for, and no other."""
    idp.published = {"keys": [jwk("one"), jwk("k", kind=kind)]}
    assert idp.says(token("k", alg=kind)) == "u1"
    idp.refuses(token("k", alg="RS256", key=issuer.private_key("one")))
    idp.refuses(token("one", alg=kind, key=issuer.private_key("k", kind)))


PUBLIC_DER = Encoding.DER, PublicFormat.SubjectPublicKeyInfo


def _hmac_with_public_key(form: str) -> str:
    """The classic: the published key taken for a secret."""
    key = issuer.private_key("one").public_key()
    secret = {
        "pem": issuer.public_pem("one"),
        "der": key.public_bytes(*PUBLIC_DER),
        "jwk": json.dumps(jwk("one")).encode(),
    }[form]
    header = b64(json.dumps({"alg": "HS256", "kid": "one", "typ": "JWT"}).encode())
    content = f"{header}.{b64(json.dumps(issuer.claims()).encode())}"
    return f"{content}.{b64(hmac.digest(secret, content.encode(), hashlib.sha256))}"


def _swapped(part: int, new: str) -> str:
    parts = token().split(".")
    parts[part] = new
    return ".".join(parts)


def _none(alg: str) -> str:
    header, payload = {"alg": alg, "kid": "one"}, issuer.claims()
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(payload).encode())}."


def _as_json() -> str:
    protected, payload, signature = token().split(".")
    return json.dumps({"payload": payload, "protected": protected, "signature": signature})


ONE = issuer.private_key("one")
BAD: dict[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "a word": lambda: "admin",
    "alg none": lambda: _none("none"),
    "alg None": lambda: _none("None"),
    "alg nOnE": lambda: _none("nOnE"),
    "alg none with a signature": lambda: _none("none") + "AAAA",
    "alg empty": lambda: _none(""),
    "no alg": lambda: _swapped(0, b64(b'{"kid":"one","typ":"JWT"}')),
    "alg a list": lambda: _swapped(0, b64(b'{"alg":["RS256"],"kid":"one"}')),
    "alg in other case": lambda: _swapped(0, b64(b'{"alg":"rs256","kid":"one"}')),
    "an algorithm that is not set": lambda: token(alg="RS512"),
    "HS256 with the public key as PEM": lambda: _hmac_with_public_key("pem"),
    "HS256 with the public key as DER": lambda: _hmac_with_public_key("der"),
    "HS256 with the public key as JWK": lambda: _hmac_with_public_key("jwk"),
    "HS256 with an empty secret": lambda: token(alg="HS256", key=b""),
    "another's key under our kid": lambda: token("one", key=issuer.private_key("mallory")),
    "a signature of another token": lambda: _swapped(2, token(sub="u2").split(".")[2]),
    "a payload of another token": lambda: _swapped(1, token(sub="u2").split(".")[1]),
    "no signature": lambda: _swapped(2, ""),
    "a cut signature": lambda: token()[:-8],
    "no kid": lambda: token(None),
    "an empty kid": lambda: token(headers={"kid": ""}),
    "kid a number": lambda: token(headers={"kid": 1}),
    "an unknown kid": lambda: token("three"),
    "kid a path": lambda: token(headers={"kid": "../../dev/null"}),
    "kid an address": lambda: token(headers={"kid": "https://evil.example/keys"}),
    "kid of another case": lambda: token(headers={"kid": "ONE"}),
    "an unknown crit": lambda: token(headers={"crit": ["exp2"], "exp2": 1}),
    "crit b64": lambda: token(headers={"crit": ["b64"], "b64": True}),
    "an empty crit": lambda: token(headers={"crit": []}),
    "b64 false": lambda: token(headers={"b64": False}),
    "zip": lambda: token(headers={"zip": "DEF"}),
    "jwk of its own": lambda: token(
        "mine", key=issuer.private_key("mallory"), headers={"jwk": jwk("mine")}
    ),
    "jku": lambda: token(headers={"jku": "https://evil.example/keys"}),
    "x5u": lambda: token(headers={"x5u": "https://evil.example/cert"}),
    "x5c": lambda: token(headers={"x5c": ["MII"]}),
    "a logout token": lambda: token(headers={"typ": "logout+jwt"}),
    "typ a list": lambda: token(headers={"typ": ["JWT"]}),
    "no exp": lambda: token(exp=None),
    "past exp": lambda: token(exp=NOW - 3600),
    "exp zero": lambda: token(exp=0),
    "exp a text": lambda: token(exp=str(NOW + 3600)),
    "exp true": lambda: token(exp=True),
    "exp a list": lambda: token(exp=[NOW + 3600]),
    "exp NaN": lambda: token(exp=float("nan")),
    "exp infinite": lambda: token(exp=float("inf")),
    "future nbf": lambda: token(nbf=NOW + 3600),
    "nbf a text": lambda: token(nbf="0"),
    "future iat": lambda: token(iat=NOW + 3600),
    "no iss": lambda: token(iss=None),
    "wrong iss": lambda: token(iss="https://evil.example"),
    "iss with a slash": lambda: token(iss=ISSUER + "/"),
    "iss a list": lambda: token(iss=[ISSUER]),
    "no aud": lambda: token(aud=None),
    "wrong aud": lambda: token(aud="another-app"),
    "aud of another case": lambda: token(aud=AUDIENCE.upper()),
    "aud an empty list": lambda: token(aud=[]),
    "aud a list with a number": lambda: token(aud=[AUDIENCE, 1]),
    "aud a mapping": lambda: token(aud={AUDIENCE: True}),
    "aud between commas": lambda: token(aud=f"{AUDIENCE},x"),
    "sub a number": lambda: token(sub=7),
    "a payload that is a list": lambda: signed({"alg": "RS256", "kid": "one"}, [1], ONE),
    "a payload that is a text": lambda: signed({"alg": "RS256", "kid": "one"}, "x", ONE),
    "a payload that is no JSON": lambda: signed_bytes(b'{"alg":"RS256","kid":"one"}', b"{", ONE),
    "a payload that is not UTF-8": lambda: signed_bytes(
        b'{"alg":"RS256","kid":"one"}', b'{"sub":"\xff"}', ONE
    ),
    "a header that is a list": lambda: _swapped(0, b64(b"[]")),
    "a header that is no JSON": lambda: _swapped(0, b64(b"alg")),
    "a header nested deep": lambda: _swapped(0, b64(b"[" * 3000)),
    "padded": lambda: ".".join(part + "==" for part in token().split(".")),
    "base64 for files": lambda: token().replace("-", "+").replace("_", "/") + "+/",
    "a space before": lambda: " " + token(),
    "a line break after": lambda: token() + "\n",
    "a line break inside": lambda: _swapped(1, "\n" + token().split(".")[1]),
    "two tokens": lambda: f"{token()},{token()}",
    "with Bearer": lambda: f"Bearer {token()}",
    "other digits": lambda: token() + "\u0661",
    "a full stop of another script": lambda: token().replace(".", "\uff0e"),
    "a lone surrogate": lambda: token() + "\udcff",
    "a NUL": lambda: token() + "\0",
    "four parts": lambda: token() + ".AAAA",
    "two parts": lambda: token().rpartition(".")[0],
    "a JWE of five parts": lambda: ".".join([b64(b'{"alg":"dir","enc":"A128GCM"}'), *["AA"] * 4]),
    "JSON serialisation": _as_json,
    "flattened JSON in base64": lambda: b64(_as_json().encode()),
    "oversized": lambda: token(filler="x" * TOKEN_LIMIT),
    "far oversized": lambda: "A" * 5_000_000,
}  # fmt: skip


def test_there_are_enough_of_them() -> None:
    assert len(BAD) >= 40


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_is_refused(idp: Issuer, sharing: TokenVerifier, name: str) -> None:
    """In words of our own, without a part of it; and a good one is believed as before.

    None of them passes where the secret is shared either, but for those that are about key ids.
    """
    text = BAD[name]()
    said = idp.refuses(text)
    assert "sign" in said
    assert not any(part in said for part in text.split(".") if len(part) > 7)
    assert "evil" not in said
    assert idp.says(token()) == "u1"
    if name not in {"an unknown kid", "no kid"}:
        with pytest.raises(NotSignedIn):
            sharing.claims(text)


def test_a_shared_secret(sharing: TokenVerifier) -> None:
    """Only tokens signed with it, by an algorithm that is set, and as exact in all else."""
    assert sharing.claims(issuer.secret_token())["sub"] == "u1"
    wrong = "another secret, as long as the one that is shared"
    for text in (
        issuer.secret_token(wrong), issuer.secret_token(alg="HS512"), token(), _none("none"),
        issuer.secret_token(exp=NOW - 3600), issuer.secret_token(aud="x"),
        issuer.secret_token(iss="x"), issuer.secret_token(exp=None),
    ):  # fmt: skip
        with pytest.raises(NotSignedIn):
            sharing.claims(text)


@pytest.mark.parametrize(
    "odd",
    [
        {"use": "enc"}, {"key_ops": ["sign"]}, {"key_ops": "verify"}, {"alg": "PS256"},
        {"kty": "oct", "k": b64(SECRET.encode())}, {"kty": "EC"}, {"n": "AQAB"}, {"n": 7},
        {"kid": 5}, {"kid": None},
    ],
)  # fmt: skip
def test_a_key_that_is_not_for_this_is_not_used(idp: Issuer, odd: dict[str, object]) -> None:
    idp.published = {"keys": [{**jwk("one"), **odd}, jwk("two")]}
    idp.refuses(token("one"))
    assert idp.says(token("two")) == "u1"


def test_a_secret_in_the_key_set_is_no_key(idp: Issuer) -> None:
    """Even where the token says so: HS256 never goes with published keys."""
    idp.published = {"keys": [{"kty": "oct", "kid": "s", "alg": "HS256", "k": b64(b"x" * 32)}]}
    idp.refuses(signed({"alg": "HS256", "kid": "s"}, issuer.claims(), b"x" * 32))


def test_a_short_key_and_one_id_for_two_keys(idp: Issuer) -> None:
    idp.published = {"keys": [
        jwk("short", issuer.short_key()), jwk("twin", ONE), jwk("twin", issuer.private_key("two")),
    ]}  # fmt: skip
    idp.refuses(token("short", key=issuer.short_key()))
    idp.refuses(token("twin", key=ONE))


def test_keys_are_fetched_once_for_many(idp: Issuer) -> None:
    """However many sign in at the same moment."""
    good = token()
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(idp.says, [good] * 64)) == ["u1"] * 64
    assert idp.asked == 1


def test_a_rotated_key_is_fetched_when_it_comes(idp: Issuer) -> None:
    """At once where the cooldown is over, and the old one stays while it is published."""
    assert idp.says(token("one")) == "u1"
    idp.published = issuer.jwks("two", "new")
    idp.refuses(token("new"))
    idp.clock.now += COOLDOWN
    assert idp.says(token("new")) == "u1"
    assert idp.asked == 2
    idp.refuses(token("one"))
    assert idp.says(token("two")) == "u1"
    assert idp.asked == 2


def test_unknown_keys_do_not_make_more_requests(idp: Issuer) -> None:
    """A thousand tokens of a thousand keys: one request a cooldown."""
    assert idp.says(token()) == "u1"
    pieces = token().split(".")
    for second in range(180):
        idp.clock.now += 1
        for number in range(5):
            kid = {"alg": "RS256", "kid": f"k{second}-{number}"}
            idp.refuses(".".join([b64(json.dumps(kid).encode()), *pieces[1:]]))
    assert idp.asked == 4


def test_a_revoked_key_is_not_trusted_after_the_next_refresh(idp: Issuer) -> None:
    """In mid-session: nobody has to come with another key first."""
    good = token("one")
    assert idp.says(good) == "u1"
    idp.published = issuer.jwks("two")
    idp.clock.now += REFRESH_AFTER - 1
    assert idp.says(good) == "u1"
    idp.clock.now += 1
    idp.refuses(good)
    idp.published = {"keys": []}
    idp.clock.now += REFRESH_AFTER
    idp.refuses(token("two"))


FAULTS: dict[str, Fault | None] = {
    "down": None,
    "slow": Slow(5),
    "dropped": Dropped(),
    "silent": Dropped(0.0),
    "garbage": Garbage(),
    "an error": Refused(500),
    "denied": Refused(403),
    "elsewhere": Refused(302),
    "a list": Garbage(b"[]"),
    "keys no list": Garbage(b'{"keys": {}}'),
    "keys null": Garbage(b'{"keys": null}'),
    "nested deep": Garbage(b"[" * 100_000),
    "huge": Garbage(b'{"keys": ["' + b"x" * 10_000_000 + b'"]}'),
    "a huge number": Garbage(b'{"keys": [' + b"9" * 100_000 + b"]}"),
    "not UTF-8": Garbage(b"\xff\xfe\x00"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_while_the_keys_cannot_be_fetched(
    idp: Issuer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Keys that are young enough go on being trusted, then nothing is; and it heals."""
    good = token()
    assert idp.says(good) == "u1"
    patience, fault = identity_keys.TIMEOUT, FAULTS[name]
    monkeypatch.setattr(identity_keys, "TIMEOUT", 0.5)
    if fault is None:
        idp.server.go_down()
    else:
        idp.server.fail(fault)
    idp.clock.now += REFRESH_AFTER
    began = time.monotonic()
    assert idp.says(good) == "u1"
    assert time.monotonic() - began < SOON
    assert "which" not in idp.refuses(token("three"))
    idp.clock.now += MAX_AGE - REFRESH_AFTER
    assert "cannot be checked now" in idp.refuses(good)
    asked = idp.asked
    assert "cannot be checked now" in idp.refuses(good)
    assert idp.asked == asked
    monkeypatch.setattr(identity_keys, "TIMEOUT", patience)
    idp.server.heal()
    if fault is None:
        idp.server.come_back()
    assert "cannot be checked now" in idp.refuses(good)
    idp.clock.now += COOLDOWN
    assert idp.says(good) == "u1"


def test_a_slow_issuer_does_not_hold_up_those_whose_key_is_known(idp: Issuer) -> None:
    """Somebody with an unknown key waits for the answer; all others do not."""
    assert idp.says(token()) == "u1"
    held = Held()
    idp.server.fail(held)
    idp.clock.now += COOLDOWN
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(idp.refuses, token("three"))
        assert held.asked.wait(SOON)
        assert idp.says(token()) == "u1"
        assert not waiting.done()
        held.may.set()
        waiting.result()


@dataclass
class Held:
    """Answers when it may."""

    asked: threading.Event = field(default_factory=threading.Event)
    may: threading.Event = field(default_factory=threading.Event)

    def strike(self, answer: Callable[[], Answer], _: threading.Event) -> Answer:
        self.asked.set()
        assert self.may.wait(60)
        return answer()


@contextmanager
def dripping() -> Iterator[str]:
    """A server whose answer comes byte by byte, and never ends."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def drip() -> None:
            with suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                    while True:
                        connection.sendall(b" ")
                        time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/keys"


def test_an_answer_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is for the whole answer, not for each piece of it."""
    monkeypatch.setattr(identity_keys, "TIMEOUT", 0.5)
    began = time.monotonic()
    with dripping() as url, pytest.raises(NotSignedIn, match="cannot be checked now"):
        KeySet(url).find("one")
    assert time.monotonic() - began < SOON


def test_the_first_fetch_fails_and_is_not_tried_again_at_once(idp: Issuer) -> None:
    idp.server.go_down()
    assert "cannot be checked now" in idp.refuses(token())
    idp.server.come_back()
    assert "cannot be checked now" in idp.refuses(token())
    idp.clock.now += COOLDOWN
    assert idp.says(token()) == "u1"


def test_nothing_of_a_token_is_in_an_errors_chain(idp: Issuer) -> None:
    """A traceback in a log holds no more than the message."""
    text = token(exp=NOW - 3600)
    with pytest.raises(NotSignedIn) as caught:
        idp.verifier.claims(text)
    said = "".join(traceback.format_exception(caught.value, chain=True))
    assert not any(part in said for part in text.split("."))
    assert text not in repr(idp.verifier.__dict__)
