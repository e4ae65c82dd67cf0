"""A cluster for this process's tests of Redis, started by the first that needs one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.redis_cluster import running
from tests.servers.whole_cluster import WholeCluster


@pytest.fixture(scope="session")
def three_primaries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCluster]:
    """Three primaries of Valkey, each with a third of the slots."""
    with running(tmp_path_factory.mktemp("cluster"), "valkey_9") as found:
        client = WholeCluster(found)
        yield client
        client.close()


@pytest.fixture
def cluster(three_primaries: WholeCluster) -> WholeCluster:
    """The same, empty."""
    three_primaries.flushall()
    return three_primaries
