"""Dashboards under a few faults drawn from a seed; `python -m bench.dashboards` has many more."""

from __future__ import annotations

import random
from pathlib import Path

from tests.servers.dashboard_faults import Faults
from tests.servers.dashboards import dashboards
from tests.servers.postgres import Postgres


def test_after_each_fault_one_collects_and_nobody_else_has_written(
    valkey_url: str, postgres_server: Postgres, tmp_path: Path
) -> None:
    url = postgres_server.new_database()
    environment = {"REDIS_URL": valkey_url, "KATO_TENANTS_REFRESH_SECONDS": "1"}
    with dashboards(tmp_path, url, environment, lease=1.5, beat=0.2) as many:
        for _ in Faults(many, postgres_server, random.Random(17)).befall(3):
            pass
    postgres_server.drop(url)
