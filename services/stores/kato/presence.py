"""Whether KATO's process is there, asked over several new connections at once.

KATO runs several workers, one of which may hang while its siblings answer: a single answer says
little. Only a refusal of every connection says that nobody listens; a name that does not resolve,
a proxy in between or no answer in time says nothing of the kind.
"""

from __future__ import annotations

import socket
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from errno import EADDRNOTAVAIL, EAFNOSUPPORT, ECONNREFUSED
from typing import Any

import httpx

from services.errors import StoreError
from services.purge.ports import KatoState, Presence
from services.stores.kato.connect import Call, ask

CONNECTIONS = 5
"""How many are asked; KATO's own deployment starts four workers."""

SECONDS = 2.0
"""How long each may take."""

_SPARE_SECONDS = 0.5
_MOST_ADDRESSES = 4
# an unhealthy KATO may say so with a 503
_HEALTH = Call("GET", "/health", "asking how it is", accepts=frozenset({200, 503}))


@dataclass(frozen=True, slots=True)
class _Worker:
    """One that answered, and when it began, where it told."""

    began: datetime | None


_REFUSED = object()


def presence_over(client: httpx.Client) -> Presence:
    """Ask how KATO is over new connections. Takes at most some 7 s, and raises nothing."""
    answers = _answers(client)
    workers = [answer for answer in answers if isinstance(answer, _Worker)]
    if len(workers) == len(answers):
        return Presence(KatoState.RUNNING, _oldest(workers))
    if all(answer is _REFUSED for answer in answers) and _nobody_listens(client):
        return Presence(KatoState.STOPPED)
    return Presence(KatoState.UNSTEADY, _oldest(workers))


def _answers(client: httpx.Client) -> list[object]:
    """Ask in as many threads at once; None for what is neither an answer nor a refusal.

    A thread that does not end in time is left behind: it ends by its own timeouts.
    """
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(_asked(client)), daemon=True)
        for _ in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    ends = time.monotonic() + 2 * SECONDS + _SPARE_SECONDS
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    return [*found, *[None] * CONNECTIONS][:CONNECTIONS]


def _asked(client: httpx.Client) -> object:
    try:
        answer = ask(client, _HEALTH, seconds=SECONDS)
    except StoreError as exc:
        return _REFUSED if _is_refusal(exc) else None
    if not isinstance(answer.get("status"), str):
        return None  # whatever answers there, KATO says how it is
    return _Worker(_began(answer.get("uptime_seconds")))


def _is_refusal(exc: BaseException | None) -> bool:
    while exc is not None:
        if isinstance(exc, ConnectionRefusedError):
            return True
        exc = exc.__cause__ or exc.__context__
    return False


def _began(uptime: object) -> datetime | None:
    """Reckon when a worker began; None for an uptime that cannot be one."""
    if not isinstance(uptime, int | float) or isinstance(uptime, bool):
        return None
    try:
        return datetime.now(UTC) - timedelta(seconds=uptime) if uptime >= 0 else None
    except (OverflowError, ValueError):
        return None


def _oldest(workers: Sequence[_Worker]) -> datetime | None:
    """Return when the first of them began; None where one does not tell, or there is none."""
    told = [worker.began for worker in workers if worker.began is not None]
    return min(told) if told and len(told) == len(workers) else None


def _nobody_listens(client: httpx.Client) -> bool:
    """Look behind the HTTP client: whether every address of KATO's refuses, and no proxy does."""
    url = client.base_url
    if client.trust_env and _is_proxied(url.scheme, url.host):
        return False
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return bool(found) and all(_refuses(each[0], each[4]) for each in found[:_MOST_ADDRESSES])


def _is_proxied(scheme: str, host: str) -> bool:
    proxies = urllib.request.getproxies()
    return bool({scheme, "all"} & proxies.keys()) and not urllib.request.proxy_bypass(host)


def _refuses(family: int, address: Any) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(_SPARE_SECONDS)
            probe.connect(address)
    except OSError as exc:
        # an address of a kind that this machine does not have is nobody's either
        return exc.errno in (ECONNREFUSED, EAFNOSUPPORT, EADDRNOTAVAIL)
    return False
