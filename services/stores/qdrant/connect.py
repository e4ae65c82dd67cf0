"""How to reach Qdrant, and what its driver's errors mean."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from math import ceil
from typing import Any, Protocol, TypeVar, cast

import httpx
from qdrant_client import QdrantClient
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from services.errors import (
    StoreDenied,
    StoreMisconfigured,
    StoreRejected,
    StoreUnavailable,
)
from services.settings.environment import Settings
from services.stores.faults import DROPPED, IN_VAIN, OVERLOADED, REFUSED, TOO_SLOW, Verdict, trusted

STORE = "qdrant"
NOT_QDRANT = "what answers at that address is not Qdrant"

_DENIED = frozenset({401, 403, 407})
_OVERLOADED = frozenset({408, 429, *range(500, 600)})


class Closable(Protocol):
    """What has connections of its own."""

    def close(self) -> None:
        """Close them."""


Beside = TypeVar("Beside", bound=Closable)


class Late:
    """A client that is made when it is first used: making one takes 50 ms, and few are needed."""

    def __init__(self, make: Callable[[], QdrantClient], settings: Settings) -> None:
        self._make = make
        self._settings = settings
        self._turn = threading.Lock()
        self._made: QdrantClient | None = None
        self._beside: Closable | None = None

    def beside(self, make: Callable[[Settings], Beside]) -> Beside:
        """Return what goes with this client by the same settings: made once, closed with it."""
        with self._turn:
            if self._beside is None:
                self._beside = make(self._settings)
            return cast("Beside", self._beside)

    def __getattr__(self, name: str) -> Any:
        with self._turn:
            if self._made is None:
                self._made = self._make()
        return getattr(self._made, name)

    def close(self) -> None:
        """Close the client, if there is one, and what goes with it."""
        for each in (self._made, self._beside):
            if each is not None:
                each.close()


_patience: ContextVar[float | None] = ContextVar("_patience", default=None)


@contextmanager
def patient(seconds: float | None) -> Iterator[None]:
    """Give each request that is made within so many seconds; None leaves the client's timeout."""
    before = _patience.set(seconds)
    try:
        yield
    finally:
        _patience.reset(before)


def _in_time(request: httpx.Request, send: Callable[[httpx.Request], httpx.Response]) -> Any:
    seconds = _patience.get()
    if seconds is not None:
        request.extensions["timeout"] = httpx.Timeout(seconds).as_dict()
    return send(request)


def client_of(settings: Settings, *, at: str | None = None) -> QdrantClient:
    """Return a client of the configured Qdrant, or of its peer at an address; no request is made.

    The timeout is `timeout_seconds`, rounded up to whole seconds.
    """
    # The key goes into a header, because the driver warns of every key that is sent without TLS,
    # which is how KATO's own compose network does it.
    key = settings.qdrant_api_key
    client = partial(
        _made,
        port=settings.qdrant_port,
        timeout=ceil(settings.timeout_seconds),
        headers={"api-key": key.get_secret_value()} if key else None,
        check_compatibility=False,
        verify=trusted(),
    )
    url = (
        at
        if at is not None or settings.qdrant_url is None
        else (settings.qdrant_url.get_secret_value())
    )
    if url is not None:
        return _late(partial(client, url=url), settings)
    made = partial(client, host=settings.qdrant_host, https=settings.qdrant_https)
    return _late(made, settings)


def _made(**options: Any) -> QdrantClient:
    client = QdrantClient(**options)
    client.http.client.add_middleware(_in_time)
    return client


def _late(make: Callable[[], QdrantClient], settings: Settings) -> QdrantClient:
    return cast("QdrantClient", Late(make, settings))


def judge(exc: Exception) -> Verdict | None:
    """Say what an error out of the driver means; None for what does not come from the store."""
    match exc:
        case UnexpectedResponse():
            return _by_status(exc)
        case ResourceExhaustedResponse():
            return StoreUnavailable, OVERLOADED
        case ResponseHandlingException(source=httpx.TransportError() as source):
            return _by_transport(source)
        case ResponseHandlingException() | ValueError():
            return StoreMisconfigured, NOT_QDRANT
        case RuntimeError():  # the embedded engine, closed or changing under our hands
            return StoreUnavailable, "the embedded engine is busy or closed"
    return None


def _by_status(exc: UnexpectedResponse) -> Verdict:
    status = exc.status_code or 0
    if status in _DENIED:
        return StoreDenied, REFUSED
    if status in _OVERLOADED:
        return StoreUnavailable, OVERLOADED
    if _speaks_qdrant(exc):
        return StoreRejected, f"HTTP status {status}"
    return StoreMisconfigured, f"{NOT_QDRANT}: HTTP status {status}"


def _speaks_qdrant(exc: UnexpectedResponse) -> bool:
    """Whether a refusal is worded as Qdrant words its own."""
    try:
        body = exc.structured()
    except ValueError:
        return False
    return isinstance(body, dict) and isinstance(body.get("status"), dict)


def _by_transport(exc: httpx.TransportError) -> Verdict:
    if isinstance(exc, httpx.TimeoutException):
        return StoreUnavailable, TOO_SLOW
    if not isinstance(exc, httpx.ConnectError):
        return StoreUnavailable, DROPPED
    cause: BaseException | None = exc
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None:
        return StoreMisconfigured, "no TLS connection could be made with it"
    return StoreUnavailable, IN_VAIN
