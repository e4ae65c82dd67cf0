"""The token of whoever asks, on its way to KATO and nowhere else. Pure.

It goes with the calls of one block, in its thread: what runs in the background has no caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from services.errors import NotSignedIn

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*\Z")  # as a bearer token is written
_carried: ContextVar[str] = ContextVar("token", default="")


@contextmanager
def carrying(token: str) -> Iterator[None]:
    """Send a token along with every call to KATO in this block; an empty one sends none.

    Raises NotSignedIn for one that cannot be written into a header.
    """
    if token and not _TOKEN.match(token):
        raise NotSignedIn("the token of this sign-in cannot be passed on to KATO")
    before = _carried.set(token)
    try:
        yield
    finally:
        _carried.reset(before)


def headers_carried() -> dict[str, str]:
    """Return the headers that say who asks; none outside of such a block."""
    token = _carried.get()
    return {"Authorization": f"Bearer {token}"} if token else {}
