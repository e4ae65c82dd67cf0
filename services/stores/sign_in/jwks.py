"""The keys that an identity provider publishes (a JWKS): fetched, kept, and let go of.

A key is trusted while the newest answer that could be read has it, and none is when that is
older than `MAX_AGE`. However many tokens come, the provider is asked once per `COOLDOWN`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from services.errors import NotSignedIn

MAX_AGE = 600.0
"""Seconds after which keys are not trusted any more, unless they were seen again."""

REFRESH_AFTER = 300.0
"""Seconds after which the keys are asked for again, so that one that was revoked is let go of."""

COOLDOWN = 60.0
"""Seconds between two requests, whatever comes of them."""

TIMEOUT = 5.0
"""Seconds that one request may take, all in all."""

ANSWER_LIMIT = 256 * 1024
"""Longest answer that is read, in bytes: some hundred keys."""

_CANNOT = "your sign-in cannot be checked now: the identity provider's keys cannot be read"
_UNKNOWN = "this sign-in cannot be trusted: it is signed with a key that its issuer does not have"
_TYPES = ("RSA", "EC", "OKP")

Key = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Held:
    """What the newest answer that could be read had, by key id, and when it was asked for."""

    keys: Mapping[str, tuple[Key, ...]]
    at: float


class KeySet:
    """Knows an issuer's keys by their id. Safe to use from many threads."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._turn = threading.Lock()
        self._held: _Held | None = None
        self._tried: float | None = None

    def find(self, key_id: str) -> tuple[Key, ...]:
        """Return the keys of this id, at least one. Raises NotSignedIn.

        Whoever is first to need an answer waits for it, at most about `TIMEOUT`, and so does who
        comes with an unknown key meanwhile; those whose key is known do not.
        """
        if self._wants(key_id):
            self._refresh()
        held = self._held
        if held is None or self._clock() - held.at >= MAX_AGE:
            raise NotSignedIn(_CANNOT)
        if key_id not in held.keys:
            raise NotSignedIn(_UNKNOWN)
        return held.keys[key_id]

    def _wants(self, key_id: str) -> bool:
        """Whether the provider is to be asked, and may be."""
        now = self._clock()
        if self._tried is not None and now - self._tried < COOLDOWN:
            return self._turn.locked() and not self._knows(key_id)  # wait for what is under way
        held = self._held
        return held is None or key_id not in held.keys or now - held.at >= REFRESH_AFTER

    def _knows(self, key_id: str) -> bool:
        held = self._held
        return held is not None and key_id in held.keys and self._clock() - held.at < MAX_AGE

    def _refresh(self) -> None:
        with self._turn:
            now = self._clock()
            if self._tried is None or now - self._tried >= COOLDOWN:
                self._tried = now
                keys = _fetch(self._url)
                self._held = self._held if keys is None else _Held(keys, now)


def _fetch(url: str) -> Mapping[str, tuple[Key, ...]] | None:
    """Return the keys by id; None where no answer came that can be read."""
    try:
        return _usable(json.loads(_body(url)))
    except (httpx.HTTPError, httpx.InvalidURL, _Unfit, ValueError, RecursionError):
        return None


class _Unfit(Exception):
    """An answer that is no JWKS."""


def _body(url: str) -> bytes:
    """Read the whole answer within the time: httpx's own limits begin anew with every piece."""
    ends = time.monotonic() + TIMEOUT
    body = bytearray()
    with httpx.stream("GET", url, timeout=TIMEOUT, follow_redirects=False) as response:
        if response.status_code != HTTPStatus.OK:
            raise _Unfit
        for piece in response.iter_bytes():
            body += piece
            if len(body) > ANSWER_LIMIT or time.monotonic() > ends:
                raise _Unfit
    return bytes(body)


def _usable(answer: object) -> Mapping[str, tuple[Key, ...]]:
    """Keep public keys that are meant for signatures; an empty set is an answer too."""
    listed = answer.get("keys") if isinstance(answer, dict) else None
    if not isinstance(listed, list):
        raise _Unfit
    found: dict[str, tuple[Key, ...]] = {}
    for key in listed:
        if isinstance(key, dict) and isinstance(key.get("kid"), str) and _signs(key):
            found[key["kid"]] = (*found.get(key["kid"], ()), key)
    return found


def _signs(key: Key) -> bool:
    operations = key.get("key_ops", ["verify"])
    may = isinstance(operations, list) and "verify" in operations
    return key.get("kty") in _TYPES and key.get("use", "sig") == "sig" and may
