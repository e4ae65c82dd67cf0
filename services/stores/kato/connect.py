"""One call to KATO's HTTP API: what can go wrong with it, in our own words."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx

from services.errors import (
    SessionGone,
    StoreDenied,
    StoreError,
    StoreMisconfigured,
    StoreRejected,
    StoreUnavailable,
)
from services.sessions.caller import headers_carried
from services.stores.faults import trusted

STORE = "kato"
ANSWER_LIMIT = 8 * 1024 * 1024
"""Longest answer that is read, in bytes; KATO's own stay under 100 KiB."""

_TEXT_LIMIT = 120
_FIELDS_SHOWN = 5

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_DENIED = (401, 403, 407)
_ELSEWHERE = "the address is not that of a KATO"
_PASSING = {
    429: "too many requests",
    502: "the gateway before it got no answer",
    503: "it says that it is not ready",
    504: "the gateway before it gave up waiting",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One request and what to know about it when it fails.

    `operation` names it in errors. `aftermath` is added to the reason when KATO may have acted
    on the request although no good answer came. `accepts` are the statuses that bring an answer.
    """

    method: str
    path: str
    operation: str
    body: Mapping[str, object] | None = None
    aftermath: str = ""
    accepts: frozenset[int] = frozenset({200})

    def misfit(self, reason: str, *, acted: bool = True) -> StoreMisconfigured:
        """Return the error for an answer that KATO would not give."""
        reason = f"{reason}; {_ELSEWHERE}"
        return StoreMisconfigured(STORE, self.operation, self._then(reason) if acted else reason)

    def unavailable(self, reason: str, *, sent: bool = True) -> StoreUnavailable:
        """Return the error for no answer."""
        return StoreUnavailable(STORE, self.operation, self._then(reason) if sent else reason)

    def rejected(self, reason: str, *, acted: bool = False) -> StoreRejected:
        """Return the error for a refusal; `acted` where KATO may have done it in part."""
        return StoreRejected(STORE, self.operation, self._then(reason) if acted else reason)

    def _then(self, reason: str) -> str:
        return f"{reason}; {self.aftermath}" if self.aftermath else reason


def client_at(url: str, *, timeout_seconds: float) -> httpx.Client:
    """Return a client of the KATO at an address, which it reaches on loopback by no proxy.

    Connections are not kept: one that went stale would lose a POST, which is never sent twice.
    Raises StoreMisconfigured for an address that is none.
    """
    try:
        host = urlsplit(url).hostname
        if not host:
            raise StoreMisconfigured(STORE, "connecting", "its address cannot be used: no host")
        client = httpx.Client(
            base_url=url,
            timeout=timeout_seconds,
            limits=httpx.Limits(max_keepalive_connections=0),
            verify=trusted(),
            trust_env=host not in ("127.0.0.1", "::1", "localhost"),
        )
        _ = client.base_url.host  # which is read out of its ASCII form only now
    except (httpx.InvalidURL, ValueError) as exc:
        raise StoreMisconfigured(STORE, "connecting", "its address cannot be used") from exc
    return client


def seconds_of(client: httpx.Client) -> float:
    """Return what a client gives each answer."""
    return client.timeout.read or 10.0


def ask(client: httpx.Client, call: Call, *, seconds: float) -> dict[str, object]:
    """Send one request, once, and return the JSON object it was answered with.

    Takes at most about twice `seconds`. Raises StoreUnavailable when no whole answer came,
    StoreDenied, StoreRejected when KATO refused it, StoreMisconfigured for anything that KATO
    would not answer.
    """
    status, raw = _send(client, call, seconds)
    answer = _parse(raw)
    if status not in call.accepts:
        raise _refusal(call, status, answer)
    if not isinstance(answer, dict):
        raise call.misfit("the answer is not a JSON object")
    return answer


def _send(client: httpx.Client, call: Call, seconds: float) -> tuple[int, bytes]:
    """Return the status and body. A redirect is an answer too: it is not followed."""
    content, headers = _written(call)
    ends = time.monotonic() + seconds
    try:
        with client.stream(
            call.method,
            call.path,
            content=content,
            headers={**headers, **headers_carried()},
            timeout=seconds,
            follow_redirects=False,
        ) as response:
            return response.status_code, _read(response, call, ends)
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise _failure(exc, call, seconds) from exc


def _written(call: Call) -> tuple[bytes | None, dict[str, str]]:
    if call.body is None:
        return None, {}
    try:
        content = json.dumps(call.body, allow_nan=False).encode("ascii")
    except (TypeError, ValueError) as exc:
        raise call.rejected("what was to be sent cannot be written as JSON") from exc
    return content, {"Content-Type": "application/json"}


def _read(response: httpx.Response, call: Call, ends: float) -> bytes:
    """Read the body within the time: httpx's own limits begin anew with every piece."""
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if time.monotonic() > ends:
            raise call.unavailable("its answer did not end in time")
        if len(body) > ANSWER_LIMIT:
            raise call.misfit("the answer is far too long")
    return bytes(body)


def _failure(exc: Exception, call: Call, seconds: float) -> StoreError:
    """Say in our own words what the HTTP client met."""
    if isinstance(exc, httpx.InvalidURL | httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return StoreMisconfigured(STORE, call.operation, "its address cannot be used")
    if _about_tls(exc):
        reason = "no secure connection: its certificate is not trusted, or it does not speak TLS"
        return StoreMisconfigured(STORE, call.operation, reason)
    if isinstance(exc, httpx.DecodingError | httpx.RemoteProtocolError) and not _hung_up(exc):
        return call.misfit("the answer is not HTTP as KATO speaks it")
    sent = not isinstance(exc, _NOT_SENT)
    if isinstance(exc, httpx.TimeoutException):
        return call.unavailable(f"no answer within {seconds:g} s", sent=sent)
    reason = "it dropped the connection" if sent else "nothing answers at its address"
    return call.unavailable(reason, sent=sent)


def _hung_up(exc: Exception) -> bool:
    """Whether the other end closed the connection before its answer was whole."""
    text = str(exc)
    return "disconnected" in text or "closed connection" in text


def _about_tls(exc: BaseException | None) -> bool:
    while exc is not None:
        if isinstance(exc, ssl.SSLError):
            return True
        exc = exc.__cause__ or exc.__context__
    return False


def _parse(raw: bytes) -> object:
    """Read JSON; None for what is none, which no answer of KATO's is."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _refusal(call: Call, status: int, answer: object) -> StoreError:
    if status in _DENIED:
        return StoreDenied(STORE, call.operation, f"access was refused (HTTP {status})")
    if status in _PASSING:
        return call.unavailable(f"{_PASSING[status]} (HTTP {status})")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return call.rejected(f"it failed inside on this request (HTTP {status})", acted=True)
    if not isinstance(answer, dict) or status < HTTPStatus.BAD_REQUEST:
        return call.misfit(f"the answer was HTTP {status}, and not KATO's", acted=False)
    return _refusal_in_json(call, status, answer)


def _refusal_in_json(call: Call, status: int, answer: Mapping[str, object]) -> StoreError:
    if status == HTTPStatus.NOT_FOUND and _names_session(answer):
        return SessionGone(STORE, call.operation, "it has no such session (HTTP 404)")
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        return call.misfit(f"it does not know this call (HTTP {status})", acted=False)
    return call.rejected(_with_fields(status, answer))


def _names_session(answer: Mapping[str, object]) -> bool:
    """Whether a 404 is KATO's own, in either of its shapes."""
    error, detail = answer.get("error"), answer.get("detail")
    coded = isinstance(error, dict) and error.get("code") == "SESSION_NOT_FOUND"
    return coded or (isinstance(detail, str) and detail.startswith("Session "))


def _with_fields(status: int, answer: Mapping[str, object]) -> str:
    said = _fields(answer.get("detail"))
    shown = "; ".join(said[:_FIELDS_SHOWN])
    more = f"; and {len(said) - _FIELDS_SHOWN} more" if len(said) > _FIELDS_SHOWN else ""
    reason = f"it refused what was asked (HTTP {status})"
    return f"{reason}: {shown}{more}" if said else reason


def _fields(detail: object) -> list[str]:
    """Read which fields KATO refused and why, from either shape of its `detail`."""
    if isinstance(detail, list):
        entries = [entry for entry in detail if isinstance(entry, dict)]
        return [f"{_place(entry.get('loc'))} {cut(entry.get('msg'))}" for entry in entries]
    if isinstance(detail, dict) and isinstance(detail.get("validation_errors"), dict):
        return [f"{cut(name)}: {cut(why)}" for name, why in detail["validation_errors"].items()]
    return []


def _place(loc: object) -> str:
    parts = loc if isinstance(loc, list) else []
    return cut(".".join(str(part) for part in parts if part != "body") or "body") + ":"


def cut(value: object) -> str:
    """Make a text of KATO's fit to show: printable, one line, at most 120 characters."""
    text = "".join(char if char.isprintable() else " " for char in str(value))
    return text if len(text) <= _TEXT_LIMIT else text[: _TEXT_LIMIT - 1] + "…"
