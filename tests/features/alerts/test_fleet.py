"""A whole deployment that alerts by itself: from its stores to a receiver, naming no user."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from pydantic import SecretStr

from services import bootstrap
from services.bootstrap import Services
from services.settings.environment import Settings
from tests.features.alerts.test_delivery import SECRET
from tests.servers.deployment import Deployment
from tests.servers.faults import Answer, HttpServer

WAIT = 240.0


class Receiver:
    """Takes messages, and waits until some condition was told of."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.came = threading.Condition()

    def answer(self, request: Any) -> Answer:
        with self.came:
            self.got.append(request.json())
            self.came.notify_all()
        return Answer()

    def alerts(self) -> dict[str, dict[str, Any]]:
        """What was told last of each alert."""
        return {each["id"]: each for message in self.got for each in message["alerts"]}

    def told(self, *conditions: str) -> None:
        """Wait until all these were told of."""
        with self.came:
            assert self.came.wait_for(
                lambda: {*conditions} <= {e["condition"] for e in self.alerts().values()}, WAIT
            ), self.got


@pytest.fixture
def everyone() -> Receiver:
    return Receiver()


@pytest.fixture
def services(
    kato: Deployment, kato_settings: Settings, everyone: Receiver
) -> Iterator[tuple[Services, Receiver]]:
    acme = Receiver()
    with HttpServer(everyone.answer) as first, HttpServer(acme.answer) as second:
        routes = (
            f'[ops]\nwebhook = "{first.url}"\nsecret = "{SECRET}"\n'
            f'[globex]\nwebhook = "{second.url}"\nsecret = "{SECRET}"\nscope = ["tenant/globex"]'
        )
        more = {"alert_routes": SecretStr(routes), "alert_store_minutes": 0.0}
        with closing(bootstrap.build(kato_settings.model_copy(update=more))) as built:
            built.start()
            yield built, acme


def test_what_the_fleet_shows_arrives(
    services: tuple[Services, Receiver], everyone: Receiver, kato: Deployment
) -> None:
    """Findings, and a store that goes down; whoever is confined hears of the store alone."""
    built, globex = services
    everyone.told("finding")
    texts = str(everyone.got)
    assert "tenant/acme-corp" in texts
    for content in ("bob", "alice", "_kato", "user:", "stm:"):  # users, kb_ids, node_ids, keys
        assert content not in texts
    kato.fail("redis", "down")
    built.collector.refresh()
    everyone.told("finding", "store_unknown")
    globex.told("store_unknown")
    assert {each["condition"] for each in globex.alerts().values()} == {"store_unknown"}
