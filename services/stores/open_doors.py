"""Whether a store lets anyone in who has no password or key, as seen from this machine.

Each door is tried with one harmless read, at the address that is configured and without anything
of what would tell who we are. True is let in, False is turned away; None is an answer that is
neither, so that it could not be tried. No answer at all raises StoreUnavailable.

No proxy of the environment is used: a store that is reached through one only has no answer here,
which `tried` tells as None, because it has told us all the rest.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import hiredis
import httpx
import redis
from qdrant_client import QdrantClient

from services.errors import StoreDenied, StoreMisconfigured, StoreUnavailable
from services.settings.environment import Settings
from services.stores.clickhouse import connect as clickhouse
from services.stores.faults import DROPPED, IN_VAIN, TOO_SLOW, trusted
from services.stores.kato.connect import Call, ask
from services.stores.qdrant import connect as qdrant
from services.stores.qdrant.facts import names_of
from services.stores.redis.errors import is_about_tls
from services.stores.redis.link import Client, Link, conversation, packed

Door = Callable[[], bool | None]
"""Tries one door. Raises StoreUnavailable where nothing answers."""

TRYING = "trying it without a password"

_ANSWER_LIMIT = 8 * 1024 * 1024
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_REFUSED_CODES = frozenset({"192", "193", "194", "195", "516"})  # of ClickHouse
_HEALTH = Call("GET", "/health", TRYING, accepts=frozenset({200, 503}))
_IDENTITY = ("username", "password", "credential_provider", "ssl_certfile", "ssl_keyfile")


def no_door() -> bool | None:
    """Stand for the door of an engine that serves this process alone: None, there is none."""
    return None


def tried(door: Door) -> bool | None:
    """Try the door of a store that has just answered us; None also where it gives no answer."""
    try:
        return door()
    except StoreUnavailable:
        return None


def clickhouse_door(settings: Settings) -> Door:
    """Return what asks ClickHouse for 1, as its default user without a password."""

    def where() -> httpx.URL:
        return httpx.URL(
            scheme="https" if settings.clickhouse_secure else "http",
            host=settings.clickhouse_host or "",
            port=settings.clickhouse_port,
            path="/",
            params={"query": "SELECT 1"},
        )

    def try_it() -> bool | None:
        answer = _knock(clickhouse.STORE, where, settings.timeout_seconds)
        if answer is not None and answer.code in _REFUSED_CODES:
            return False
        return _verdict(answer, answer is not None and answer.body.strip() == b"1")

    return try_it


def qdrant_door(client: QdrantClient, *, seconds: float) -> Door:
    """Return what lists the collections of the Qdrant that a client is of, without its key."""

    def where() -> httpx.URL:
        bare = _bare(client.http.client.host)
        return bare.copy_with(path=bare.path.rstrip("/") + "/collections")

    def try_it() -> bool | None:
        answer = _knock(qdrant.STORE, where, seconds)
        return _verdict(answer, answer is not None and names_of(answer.json()) is not None)

    return try_it


def kato_door(client: httpx.Client, *, seconds: float) -> Door:
    """Return what asks the KATO of a client how it is, without what its address may carry.

    As nothing else is asked of it for the audit, what answers there and is no KATO raises
    StoreMisconfigured, and what fails inside StoreRejected.
    """

    def try_it() -> bool | None:
        with _client(seconds, base_url=_bare(client.base_url)) as stranger:
            try:
                ask(stranger, _HEALTH, seconds=seconds)
            except StoreDenied:
                return False
        return True

    return try_it


def redis_door(client: Client, *, seconds: float) -> Door:
    """Return what tries the door of a server, or of every node of a cluster, replicas too.

    One that lets anyone in is enough, and one that could not be tried leaves it open otherwise.
    """
    if isinstance(client, redis.Redis):
        return _door_of(client, seconds=seconds)

    def try_all() -> bool | None:
        found = [_door_of(node, seconds=seconds)() for node in client.nodes()]
        return True if True in found else None if None in found else False

    return try_all


def _door_of(client: redis.Redis, *, seconds: float) -> Door:
    """Return what sends a PING over a connection of its own that has not signed in.

    It goes where the client does, with its TLS, but shows neither password nor certificate. A
    server that has no PONG for a stranger turns strangers away; of one with which no TLS comes
    about, nothing is known.
    """

    def try_it() -> bool | None:
        try:
            with conversation(
                client, operation=TRYING, seconds=seconds, how=_strange(client)
            ) as link:
                return _let_in(link)
        except StoreMisconfigured as exc:
            if is_about_tls(exc):
                return None
            raise

    return try_it


def _let_in(link: Link) -> bool | None:
    link.send(packed("PING"))
    (reply,) = link.replies(1)
    if not isinstance(reply, hiredis.ReplyError):
        return True if reply == b"PONG" else None
    error = link.error(reply)
    if isinstance(error, StoreUnavailable):  # loading, or too busy to say
        raise error
    return False


def _strange(client: redis.Redis) -> Mapping[str, Any]:
    """Return how to connect as the client does, showing nothing of us and saying nothing."""
    ours = client.connection_pool.connection_kwargs
    shown = {name: value for name, value in ours.items() if name not in _IDENTITY}
    return {**shown, "db": 0, "client_name": None, "driver_info": None}


@dataclass(frozen=True, slots=True)
class _Answer:
    """`code` is the error's number, where ClickHouse names one."""

    status: int
    code: str | None
    body: bytes

    def json(self) -> object:
        """Read the body; None where it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


def _verdict(answer: _Answer | None, is_proof: bool) -> bool | None:
    if answer is None:
        return None
    if answer.status == HTTPStatus.OK:
        return True if is_proof else None
    return False if answer.status in _REFUSED else None


def _knock(store: str, where: Callable[[], httpx.URL], seconds: float) -> _Answer | None:
    """Return the answer to one GET; None for one that is not sound, or an address that is none.

    Raises StoreUnavailable.
    """
    ends = time.monotonic() + seconds
    try:
        with _client(seconds) as client, client.stream("GET", where()) as response:
            code = response.headers.get("X-ClickHouse-Exception-Code")
            body = _body(store, response, ends)
    except httpx.TransportError as exc:
        raise StoreUnavailable(store, TRYING, _silence(exc)) from exc
    except (httpx.DecodingError, httpx.InvalidURL, UnicodeError):  # which IDNA's errors are
        return None
    return None if body is None else _Answer(response.status_code, code, body)


def _body(store: str, response: httpx.Response, ends: float) -> bytes | None:
    """Read a body within the time; None for one that is too long."""
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if time.monotonic() > ends:
            raise StoreUnavailable(store, TRYING, TOO_SLOW)
        if len(body) > _ANSWER_LIMIT:
            return None
    return bytes(body)


def _silence(exc: httpx.TransportError) -> str:
    if isinstance(exc, httpx.TimeoutException):
        return TOO_SLOW
    return IN_VAIN if isinstance(exc, httpx.ConnectError) else DROPPED


def _client(seconds: float, *, base_url: httpx.URL | str = "") -> httpx.Client:
    """Return a client that uses no proxy, no .netrc, and follows no redirect."""
    return httpx.Client(
        base_url=base_url, timeout=seconds, verify=trusted(), trust_env=False,
        follow_redirects=False,
    )  # fmt: skip


def _bare(address: httpx.URL | str) -> httpx.URL:
    """Return an address without user, password and query."""
    url = httpx.URL(address)
    return url.copy_with(userinfo=b"", query=None, fragment=None)
