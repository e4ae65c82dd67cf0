"""A destination whose file names users with the rights of docs/rights.md, and none beyond."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from services.bootstrap import Services
from services.move.models import Outcome
from tests.features.move.conftest import OTHER
from tests.features.move.doing import LATE, LEARNT, copied, cut_over
from tests.features.restore.test_restore import ACME
from tests.features.rights.test_documented import DOCS, block, grants_of
from tests.servers.clickhouse_http import LimitedUser, clickhouse_http
from tests.servers.deployment import SECRET, Deployment

WRITING = re.findall(r"\+[a-z]+", DOCS.partition("## Moving to it")[2].partition("## `")[0])
"""What writing takes of Redis besides what a purge takes, as the documentation has it."""


@pytest.fixture
def limited(
    other: Deployment, chdb_path: str, move_to: str, tmp_path: Path
) -> Iterator[redis.Redis]:  # fmt: skip
    """The destination's Redis, whose file names who may do what moving to it takes."""
    assert WRITING
    keys, home = other.targets.redis, other.targets.database
    words = [*block("Redis: purge").split(), *WRITING]
    keys.execute_command(*words)
    user = words[2]
    grants = grants_of("ClickHouse: purge", home)
    server = clickhouse_http(chdb_path, password=SECRET, limits=LimitedUser(tuple(grants)))
    file, port = tmp_path / "other.env", other.redis.port
    with server as limiting:
        lines = [
            file.read_text("utf-8"), f"CLICKHOUSE_PORT={limiting.port}",
            f"REDIS_URL=redis://{user}:PASSWORD@127.0.0.1:{port}/0",
        ]  # fmt: skip
        file.write_text("\n".join(lines), "utf-8")
        yield keys
    keys.acl_deluser(user)


def test_a_tenant_moves_by_the_rights_that_are_documented(
    services: Services, kato: Deployment, other: Deployment, limited: redis.Redis
) -> None:
    """Also where the rest takes a part of it away there again, and writes it anew."""
    user = block("Redis: purge").split()[2]
    limited.execute_command("ACL", "SETUSER", user, "-unlink")
    (told,) = services.move.plan(ACME, OTHER).in_the_way
    assert "unlink" in told.lower()
    limited.execute_command("ACL", "SETUSER", user, "+unlink")
    job, keys = copied(services), kato.targets.redis
    keys.set(LATE, 1)
    keys.incr(next(keys.scan_iter(match=LEARNT, count=1000)))
    done = cut_over(services, job)
    assert done.outcome == Outcome.MOVED, done.problem
    assert other.targets.redis.get(LATE) == b"1"
