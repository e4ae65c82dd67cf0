"""What goes wrong with Redis, told once in our own words."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import hiredis
import redis
from redis import exceptions as driver
from redis.sentinel import MasterNotFoundError

from services.errors import (
    StoreDenied,
    StoreError,
    StoreMisconfigured,
    StoreRejected,
    StoreUnavailable,
)

STORE = "redis"


class SlotMoved(StoreUnavailable):
    """A value was being read piece by piece when its slot moved: it has to be read anew."""


_IN_PIPELINE = " of pipeline caused error: "

Fault = tuple[type[StoreError], str]

_DENIED: Fault = (StoreDenied, "it wants another user, password or right")
_LOADING: Fault = (StoreUnavailable, "it is still loading its data")
_CUT_OFF: Fault = (StoreUnavailable, "it is a replica that has lost its primary")
_READ_ONLY: Fault = (
    StoreMisconfigured,
    "it is a read-only replica; KATO writes to a primary, and so has whoever erases",
)
_UNSAVED: Fault = (
    StoreUnavailable,
    "it takes no writes while it cannot save to its disk; its log says why",
)
_FULL: Fault = (StoreUnavailable, "its memory is full, up to its maxmemory")
_ALONE: Fault = (
    StoreUnavailable,
    "it takes no writes while fewer replicas follow it than min-replicas-to-write says",
)
_CLUSTER: Fault = (
    StoreMisconfigured,
    "it is one node of a cluster, with a part of the keys: it is redis+cluster:// in REDIS_URL",
)
_DOWN: Fault = (
    StoreUnavailable,
    "the cluster is down: too many of its nodes are, or nobody serves a slot",
)
_NO_CLUSTER: Fault = (
    StoreMisconfigured,
    "it is a single server, and no node of a cluster: it is redis:// in REDIS_URL",
)
_FOREIGN: Fault = (StoreMisconfigured, "what answers there does not speak Redis's protocol")
_TO_PLAIN = (
    "it speaks no TLS, or its certificate is not trusted; without TLS, it is redis:// in "
    "REDIS_URL, with one s less, and REDIS_TLS=false"
)
_NO_TLS: Fault = (StoreMisconfigured, _TO_PLAIN)
_SLOW: Fault = (StoreUnavailable, "no answer in time")
_NO_PRIMARY: Fault = (
    StoreUnavailable,
    "no Sentinel answers, or none knows a primary of this name that is well",
)
_GONE: Fault = (StoreUnavailable, "the connection was refused or dropped")
_BUSY: Fault = (StoreUnavailable, "it is busy with a script, or has no connection to spare")
_DATABASE: Fault = (StoreMisconfigured, "the database number in its address does not exist there")

_BY_CODE: dict[str, Fault] = {
    **dict.fromkeys(("NOAUTH", "WRONGPASS", "NOPERM", "DENIED"), _DENIED),
    "LOADING": _LOADING,
    "MASTERDOWN": _CUT_OFF,
    "READONLY": _READ_ONLY,
    "MISCONF": _UNSAVED,
    "OOM": _FULL,
    "NOREPLICAS": _ALONE,
    **dict.fromkeys(("MOVED", "ASK", "CROSSSLOT", "TRYAGAIN"), _CLUSTER),
    "CLUSTERDOWN": _DOWN,
    "BUSY": _BUSY,
}
_BY_TEXT: dict[str, Fault] = {
    "ERR DB index": _DATABASE,
    "DB index": _DATABASE,
    "ERR invalid DB": _DATABASE,
    "invalid DB": _DATABASE,
    "ERR max number of clients": _BUSY,
    "ERR This instance has cluster support disabled": _NO_CLUSTER,
}

# The order matters: the first class that fits tells.
_BY_CLASS: tuple[tuple[tuple[type[BaseException], ...], Fault], ...] = (
    (
        (
            driver.AuthenticationError,
            driver.AuthorizationError,
            driver.NoPermissionError,
            driver.AuthenticationWrongNumberOfArgsError,
        ),
        _DENIED,
    ),
    ((driver.BusyLoadingError,), _LOADING),
    ((driver.MasterDownError,), _CUT_OFF),
    ((driver.ReadOnlyError,), _READ_ONLY),
    ((driver.OutOfMemoryError,), _FULL),
    ((driver.AskError, driver.ClusterError, driver.TryAgainError), _CLUSTER),
    ((driver.InvalidResponse, hiredis.ProtocolError), _FOREIGN),
    ((driver.TimeoutError, TimeoutError), _SLOW),
    ((driver.MaxConnectionsError,), _BUSY),
    ((MasterNotFoundError,), _NO_PRIMARY),
    ((driver.ConnectionError, OSError), _GONE),
)


@contextmanager
def translated(operation: str) -> Iterator[None]:
    """Turn whatever redis-py, hiredis or the socket raises into a StoreError."""
    try:
        yield
    except (redis.RedisError, hiredis.HiredisError, OSError) as exc:
        raise translation(exc, operation) from exc


def translation(exc: Exception, operation: str) -> StoreError:
    """Return the StoreError that says what a driver's exception means."""
    if is_about_tls(exc):
        kind, reason = _NO_TLS
        return kind(STORE, operation, reason)
    for classes, (kind, reason) in _BY_CLASS:
        if isinstance(exc, classes):
            return kind(STORE, operation, reason)
    # redis-py tells of an error in a pipeline at the end of a sentence of its own
    return refusal(str(exc).rpartition(_IN_PIPELINE)[2], operation)


def is_about_tls(exc: BaseException | None) -> bool:
    """Whether TLS failed. A Redis without it says nothing to a greeting, and waits for more."""
    while exc is not None:
        if isinstance(exc, ssl.SSLError) or "handshake operation timed out" in str(exc):
            return True
        exc = exc.__cause__ or exc.__context__
    return False


def refusal(answer: str, operation: str) -> StoreError:
    """Return the StoreError that says what an error reply of the server means."""
    by_text = (fault for start, fault in _BY_TEXT.items() if answer.startswith(start))
    fault = _BY_CODE.get(answer.partition(" ")[0]) or next(by_text, None)
    kind, reason = fault or (StoreRejected, "it does not take this command")
    return kind(STORE, operation, reason)
