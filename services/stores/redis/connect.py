"""How to reach Redis."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.errors import StoreMisconfigured
from services.settings.environment import Settings
from services.stores.redis.errors import STORE


def client_of(settings: Settings) -> redis.Redis:
    """Build a client of REDIS_URL in which every wait is bounded by the settings' timeout.

    What the address says of other options does not hold. Raises StoreMisconfigured for an address
    that cannot be read.
    """
    url = settings.redis_url.get_secret_value() if settings.redis_url else ""
    if settings.redis_tls and url.startswith("redis://"):
        url = f"rediss://{url.removeprefix('redis://')}"
    try:
        client = redis.Redis.from_url(url)
    except ValueError:
        raise StoreMisconfigured(STORE, "connecting", "REDIS_URL cannot be read") from None
    client.connection_pool.connection_kwargs.update(
        client_name="kato-tenants",
        decode_responses=False,
        protocol=2,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=settings.timeout_seconds,
        socket_timeout=settings.timeout_seconds,
    )
    return client
