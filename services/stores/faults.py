"""Where a driver's error becomes one of ours, once, in our own words."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import httpx

from services.errors import KatoTenantsError, StoreError

Verdict = tuple[type[StoreError], str]
"""What a driver's error means: which of our errors it is, and the reason in our own words."""

IN_VAIN = "no connection: nothing listens there, or its name does not resolve"
TOO_SLOW = "it took longer than the timeout"
DROPPED = "the connection broke before the answer was complete"
OVERLOADED = "it is overloaded or failing inside"
REFUSED = "it refused our credentials or rights"


@contextmanager
def guarded(
    store: str, operation: str, judge: Callable[[Exception], Verdict | None]
) -> Iterator[None]:
    """Raise what `judge` says a driver's error means, from that error.

    What `judge` returns None for passes as it is; so do errors that are ours already. Put
    nothing but calls of the driver inside.
    """
    try:
        yield
    except KatoTenantsError:
        raise
    except Exception as exc:
        verdict = judge(exc)
        if verdict is None:
            raise
        kind, reason = verdict
        raise kind(store, operation, reason) from exc


@cache
def trusted() -> ssl.SSLContext:
    """Return the one context of this process: reading the authorities takes 40 ms each time."""
    return httpx.create_ssl_context()
