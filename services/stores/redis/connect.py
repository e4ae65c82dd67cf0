"""How to reach Redis."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.driver_info import DriverInfo
from redis.retry import Retry

from services.errors import SettingsError
from services.settings.environment import Settings

_DRIVER = DriverInfo(lib_version=redis.__version__)
"""What connections say of the driver, which each of them would look up in its package's files."""


def client_of(settings: Settings) -> redis.Redis:
    """Build a client of REDIS_URL in which every wait is bounded by the settings' timeout.

    What the address says of other options does not hold. Raises SettingsError for an address with
    an option that there is not.
    """
    url = settings.redis_url.get_secret_value() if settings.redis_url else ""
    if settings.redis_tls and url.startswith("redis://"):
        url = f"rediss://{url.removeprefix('redis://')}"
    try:
        client = redis.Redis.from_url(url, driver_info=_DRIVER)
        _check(client)
    except (TypeError, ValueError, redis.RedisError):
        reason = "an option after its ? has a value that it cannot have, or belongs to rediss://"
        raise SettingsError("REDIS_URL", reason) from None
    client.connection_pool.connection_kwargs.update(
        client_name=None,  # to say one takes a right; `link.conversation` asks for it politely
        decode_responses=False,
        protocol=2,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=settings.timeout_seconds,
        socket_timeout=settings.timeout_seconds,
    )
    return client


def _check(client: redis.Redis) -> None:
    """Make a connection, which reaches for nothing yet: else a wrong option shows at first use."""
    pool = client.connection_pool
    pool.connection_class(**pool.connection_kwargs)
