"""A deployment of the capture that answers the same in every run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from services.usage.collect import UsageService
from services.usage.refresh import Collector
from tests.golden.clock import held_still
from tests.golden.steady_redis import SteadyRedis
from tests.pages.conftest import (  # noqa: F401  fixtures
    _bills_are_waited_for,
    _installed_once,
    _no_leftovers,
    _on_this_machine,
    open_page,
    put,
    send,
    services,
    sign_in,
)
from tests.servers.deployment import Deployment
from tests.servers.valkey import new_valkey

_DAY = 86_400.0


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[SteadyRedis]:
    """A Valkey that gives its keys in one order, with the same sizes each time."""
    with new_valkey(**{"hash-seed": "golden"}) as server, SteadyRedis(server.port) as steady:
        yield steady


@pytest.fixture
def clickhouse(clickhouse_client: Client) -> Iterator[Client]:
    """A client of the real engine, in a database of one name."""
    client = clickhouse_client
    client.command("CREATE DATABASE golden")
    client.database = "golden"
    yield client
    client.database = "default"
    client.command("DROP DATABASE golden SYNC")


@pytest.fixture
def still(kato: Deployment, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A world that stands still, with the settings of a dashboard of the capture's deployment."""
    for variable, value in kato.environment.items():
        monkeypatch.setenv(variable, value)
    real = Collector.__init__

    def by_hand(self: Collector, usage: UsageService, **options: Any) -> None:
        real(self, usage, **{**options, "interval": _DAY})

    monkeypatch.setattr(Collector, "__init__", by_hand)  # a busy machine takes over a minute
    with held_still(monkeypatch):
        yield
