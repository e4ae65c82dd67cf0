"""Each engine has one client in the process, whatever is asked of it."""

from __future__ import annotations

import gc
from collections import Counter
from contextlib import closing
from operator import attrgetter
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import urllib3
from qdrant_client import QdrantClient

from services import bootstrap
from services.errors import StoreNotConfigured
from services.made_once import made_once
from services.purge.models import Request, Target
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.stores.clickhouse import connect as clickhouse
from services.stores.kato import connect as kato_connect
from services.stores.writers import TenantWriters
from services.tenancy.kb_ids import TenantKey


def made_in(group: type, prefix: str = "") -> list[str]:
    """The adapters of a group of them."""
    return [prefix + name for name, made in vars(group).items() if isinstance(made, made_once)]


ADAPTERS = [
    *(name for name in made_in(Stores) if name != "writers"), *made_in(TenantWriters, "writers."),
]  # fmt: skip


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many clients of each engine were made by this product."""
    made = Counter[str]()

    def counting(engine: str, make: Any) -> Any:
        def counted(*args: Any, **options: Any) -> Any:
            made[engine] += 1
            return make(*args, **options)

        return counted

    monkeypatch.setattr(clickhouse, "PoolManager", counting("clickhouse", urllib3.PoolManager))
    monkeypatch.setattr(redis.Redis, "__init__", counting("redis", redis.Redis.__init__))
    monkeypatch.setattr(QdrantClient, "__init__", counting("qdrant", QdrantClient.__init__))
    monkeypatch.setattr(kato_connect, "client_at", counting("kato", kato_connect.client_at))
    return made


def test_a_dashboard_makes_one_client_of_each(kato_settings: Settings, made: Counter[str]) -> None:
    """For its figures, an audit, a look, a plan and everything else that it may do."""
    made.clear()  # of what the deployment is made of
    with closing(bootstrap.build(kato_settings)) as services:
        snapshot = services.usage.collect()
        assert services.isolation.audit(snapshot)
        assert services.finding.find("acme", snapshot).hits
        assert services.purge.plan(Request(Target(TenantKey("tenant", "acme"))))
        assert all(check.health for check in services.health.check())
    assert made == {"clickhouse": 1, "redis": 1, "qdrant": 1, "kato": 1}


def test_all_adapters_share_them(made: Counter[str]) -> None:
    settings = Settings(
        CLICKHOUSE_HOST="c", REDIS_URL="redis://r", QDRANT_HOST="q", KATO_API_URL="http://k"
    )
    with closing(Stores(settings)) as stores:
        adapters = [attrgetter(name)(stores) for name in ADAPTERS]
        assert stores.engines.qdrant.http
        assert [attrgetter(name)(stores) for name in ADAPTERS] == adapters
    assert made == {"clickhouse": 1, "redis": 1, "qdrant": 1, "kato": 1}


@pytest.mark.parametrize("name", ADAPTERS)
def test_not_configured_is_said_in_one_way(name: str) -> None:
    """By every adapter, of whatever it is asked."""
    with closing(Stores(Settings())) as stores, pytest.raises(StoreNotConfigured) as caught:
        attrgetter(name)(stores).anything("at all")
    assert caught.value.operation == "connecting"
    assert caught.value.reason.startswith("set ")


def test_what_was_opened_is_closed() -> None:
    stores = Stores(Settings(KATO_API_URL="http://k"))
    stores.close()
    assert isinstance(stores.engines.kato, httpx.Client)
    assert stores.engines.kato.is_closed


@pytest.mark.parametrize(("before", "after"), [(700, 10_000), (50_000, 50_000), (0, 0)])
def test_python_looks_for_cycles_as_rarely_as_the_process_had_it(
    tmp_path: Path, before: int, after: int
) -> None:
    """Every library in it goes by that: it is made rarer, and what was turned off stays off."""
    usual = gc.get_threshold()
    settings = Settings(KATO_TENANTS_DATA=tmp_path, REDIS_URL="redis://127.0.0.1:9/0")
    try:
        gc.set_threshold(before)
        with closing(bootstrap.build(settings)):
            assert gc.get_threshold() == (after, *usual[1:])
    finally:
        gc.set_threshold(*usual)
