"""How to reach Redis: one server, the primary that Sentinels know, or a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.driver_info import DriverInfo
from redis.retry import Retry
from redis.sentinel import Sentinel

from services.errors import SettingsError
from services.settings.environment import Settings
from services.stores.redis.link import Client

if TYPE_CHECKING:
    from services.settings.redis_address import RedisAddress

_PLACE = ("host", "port", "connection_class")
_DRIVER = DriverInfo(lib_version=redis.__version__)
"""What connections say of the driver, which each of them would look up in its package's files."""


def client_of(settings: Settings) -> Client:
    """Build a client of REDIS_URL in which every wait is bounded by the settings' timeout.

    What the address says of other options does not hold. Raises SettingsError for an address with
    an option that there is not.
    """
    url = settings.redis_url.get_secret_value() if settings.redis_url else ""
    if settings.redis_tls and url.startswith(("redis://", "redis+")):
        url = f"rediss{url.removeprefix('redis')}"
    try:
        if "+" in url.partition("://")[0]:
            return _of_several(url, settings.timeout_seconds)
        client = redis.Redis.from_url(url, driver_info=_DRIVER)
        _check(client)
    except (TypeError, ValueError, redis.RedisError):
        reason = "an option after its ? has a value that it cannot have, or belongs to rediss://"
        raise SettingsError("REDIS_URL", reason) from None
    client.connection_pool.connection_kwargs.update(_bounded(settings.timeout_seconds))
    return client


def _bounded(seconds: float) -> dict[str, Any]:
    return {
        "client_name": None,  # to say one takes a right; `link.conversation` asks for it politely
        "decode_responses": False,
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": seconds,
        "socket_timeout": seconds,
    }


def _check(client: redis.Redis) -> None:
    """Make a connection, which reaches for nothing yet: else a wrong option shows at first use."""
    pool = client.connection_pool
    pool.connection_class(**pool.connection_kwargs)


def _of_several(url: str, seconds: float) -> Client:
    from services.settings.redis_address import address_of

    address = address_of(url)
    if address.kind == "cluster":
        return _cluster(address, seconds)
    client = _by_sentinels(address, seconds)
    _check(client)
    return client


def _cluster(address: RedisAddress, seconds: float) -> Client:
    from services.stores.redis.cluster.client import Cluster
    from services.stores.redis.cluster.topology import Address

    def make(node: Address) -> redis.Redis:
        client = redis.Redis.from_url(address.at(str(node)), driver_info=_DRIVER)
        client.connection_pool.connection_kwargs.update(_bounded(seconds))
        return client

    seeds = [Address(*place) for place in address.places]
    _check(make(seeds[0]))
    return Cluster(seeds, make, patience=seconds)


def _by_sentinels(address: RedisAddress, seconds: float) -> redis.Redis:
    """Return a client that asks the Sentinels for the primary at each new connection.

    They are signed in to with options of their own, as they have users of their own.
    """
    read: Any = parse_url(address.at("sentinel"))  # type: ignore[no-untyped-call]
    options = {name: value for name, value in read.items() if name not in _PLACE}
    shared = {name: value for name, value in options.items() if name.startswith("ssl_")}
    own = {**shared, **_signing_in(address.options), **_bounded(seconds), "ssl": address.is_tls}
    sentinels: Any = Sentinel(address.places, sentinel_kwargs=own)  # type: ignore[no-untyped-call]
    kept = {**options, **_bounded(seconds), "driver_info": _DRIVER, "ssl": address.is_tls}
    found: redis.Redis = sentinels.master_for(address.name, **kept)
    return found


def _signing_in(options: Mapping[str, str]) -> dict[str, str]:
    names = {"sentinel_username": "username", "sentinel_password": "password"}
    return {names[name]: value for name, value in options.items() if name in names}
