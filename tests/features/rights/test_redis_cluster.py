"""What docs/rights.md gives users of a cluster is enough, and no more than it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from services.errors import StoreError
from services.settings.environment import Settings
from services.stores.adapters import Stores
from tests.engines.redis.keys import restore_capture
from tests.features.rights.test_documented import block, look, manage_sessions, purge
from tests.servers.redis_cluster import running
from tests.servers.whole_cluster import WholeCluster

DOES: dict[str, Callable[[Stores], object]] = {
    "Redis: look": look, "Redis: manage sessions": manage_sessions, "Redis: purge": purge,
}  # fmt: skip


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCluster]:
    with running(tmp_path_factory.mktemp("cluster"), "valkey_9") as found:
        client = WholeCluster(found)
        restore_capture(client)
        yield client
        client.close()


@contextmanager
def opened(cluster: WholeCluster, *users: list[str]) -> Iterator[Stores]:
    """As a user that documented lines make on every node."""
    for node in cluster.running.nodes:
        for words in users:
            node.client.execute_command(*words)
    url = cluster.running.url.replace("://", f"://{users[0][2]}:PASSWORD@")
    with closing(Stores(Settings(REDIS_URL=url))) as stores:
        yield stores


def lines_of(heading: str) -> tuple[list[str], list[str]]:
    """What makes a user, and what it is given besides in a cluster."""
    made = block(heading).split()
    besides = (line.split() for line in block("Redis: a cluster").splitlines())
    return made, next(words for words in besides if words[2] == made[2])


@pytest.mark.parametrize("heading", DOES)
def test_each_user_may_do_what_is_said(cluster: WholeCluster, heading: str) -> None:
    with opened(cluster, *lines_of(heading)) as stores:
        DOES[heading](stores)


def test_none_of_it_is_too_many(cluster: WholeCluster) -> None:
    """Every right to look that is given besides is missed; ASKING only where a slot is moved."""
    made, besides = lines_of("Redis: look")
    for right in besides[3:]:
        fewer = [word for word in besides if word != right]
        with opened(cluster, made, fewer) as stores:
            if right == "+asking":
                continue
            with pytest.raises(StoreError):
                look(stores)
