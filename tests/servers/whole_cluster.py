"""redis-py's client of a cluster for tests, which adapters take as what the product has of it.

Where that client asks a single node, it asks every primary here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import redis

from tests.servers.redis_cluster import RunningCluster
from tests.servers.sockets import LOOPBACK


class WholeCluster(redis.RedisCluster):
    """Writes and reads for tests; what the product asks goes its own way."""

    def __init__(self, running: RunningCluster) -> None:
        super().__init__(host=LOOPBACK, port=running.primaries[0].port, socket_timeout=20)
        self.running = running
        self.conversation = running.cluster.conversation
        self.nodes = running.cluster.nodes

    def _each(self) -> list[redis.Redis]:
        return [node.client for node in self.running.primaries]

    def mset(self, mapping: Mapping[Any, Any]) -> None:
        pipe = self.pipeline(transaction=False)
        for key, value in mapping.items():
            pipe.set(key, value)
        pipe.execute()

    def mget(self, *keys: Any) -> list[Any]:
        names = keys[0] if isinstance(keys[0], list | tuple) else keys
        return [self.get(name) for name in names]

    def keys(self, pattern: str = "*") -> list[bytes]:
        return [key for each in self._each() for key in each.keys(pattern)]

    def scan_iter(self, *given: Any, **more: Any) -> list[bytes]:
        return [key for each in self._each() for key in each.scan_iter(*given, **more)]

    def dbsize(self) -> int:
        return sum(each.dbsize() for each in self._each())

    def flushall(self) -> None:
        self.running.flush()

    def eval(self, script: str, numkeys: int) -> list[Any]:
        return [one for each in self._each() for one in each.eval(script, numkeys)]

    def config_resetstat(self) -> None:
        for each in self._each():
            each.config_resetstat()

    def info(self, section: str) -> dict[str, Any]:
        assert section == "commandstats"
        found: Counter[str] = Counter()
        for each in self._each():
            found.update({name: told["calls"] for name, told in each.info(section).items()})
        return {name: {"calls": calls} for name, calls in found.items()}
