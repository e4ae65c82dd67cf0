"""By which authorities TLS connections over httpx are checked."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def trusted() -> ssl.SSLContext:
    """Return the one context of this process: reading the authorities takes 40 ms each time."""
    return httpx.create_ssl_context()
