"""What an address of several servers of Redis says."""

from __future__ import annotations

import pytest

from services.settings.redis_address import address_of


def test_a_cluster_is_some_of_its_nodes() -> None:
    found = address_of("rediss+cluster://u:p%40@a:1,[::1]:2,b?ssl_ca_certs=%2Fx")
    assert (found.kind, found.is_tls) == ("cluster", True)
    assert found.places == (("a", 1), ("::1", 2), ("b", 6379))
    assert found.at("c:9") == "rediss://u:p%40@c:9/0?ssl_ca_certs=%2Fx"


def test_sentinels_know_a_name() -> None:
    """Their own user and password are not the server's."""
    found = address_of("redis+sentinel://:p@a,b:2/my%20primary/3?sentinel_password=q&protocol=2")
    assert (found.kind, found.name, found.database) == ("sentinel", "my primary", 3)
    assert found.places == (("a", 26379), ("b", 2))
    assert found.at("c:9") == "redis://:p@c:9/3?protocol=2"
    assert found.options["sentinel_password"] == "q"


@pytest.mark.parametrize("url", ["redis://h:1/2", "rediss://h", "unix:///run/redis.sock"])
def test_one_server_is_left_to_the_driver(url: str) -> None:
    assert address_of(url).kind == "single"
