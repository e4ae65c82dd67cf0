"""Several workers of KATO know different node_ids: what was seen once is known to everybody."""

from __future__ import annotations

from contextlib import ExitStack, closing

import pytest

from services import bootstrap
from services.settings.environment import load_settings
from services.stores.kato import around
from services.tenancy.kb_ids import kb_id_of
from services.tenancy.ownership import ClaimState
from tests.servers.deployment import Deployment
from tests.servers.kato_workers import Worker, kato_of

AT_ONCE, QUIET = around.AT_ONCE, around.QUIET
"""What a deployment of one worker lowers."""
DASHBOARDS, COMMANDS = "tenant:one:user:u", "tenant:two:user:u"


def _point_at(kato: Deployment, patch: pytest.MonkeyPatch) -> None:
    """Configure a deployment whose KATO has several workers."""
    for name, value in kato.environment.items():
        patch.setenv(name, value)
    patch.setattr(around, "AT_ONCE", AT_ONCE)
    patch.setattr(around, "QUIET", QUIET)


def test_where_a_command_and_a_dashboard_see_different_nodes_the_records_decide(
    kato: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each meets another worker; both say the same of every kb_id afterwards."""
    _point_at(kato, monkeypatch)
    with ExitStack() as stack:
        built = []
        for node in (DASHBOARDS, COMMANDS):
            server = stack.enter_context(kato_of([Worker([node])]))
            monkeypatch.setenv("KATO_API_URL", server.url)
            built.append(stack.enter_context(closing(bootstrap.build(load_settings()))))
        dashboard, command = built
        for services in (dashboard, command):
            assert services.usage.collect().kato_problem is None
        for services in (dashboard, command):
            for node in (DASHBOARDS, COMMANDS):
                claim = services.usage.ownership().kb(kb_id_of(node, "kato"))
                assert claim.state is ClaimState.KNOWN
                assert services.usage.ownership().tenant_of(node) in claim.tenants


def test_a_worker_that_hangs_is_said_beside_figures_that_stay(
    kato: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Node_ids that it alone has may be missing, which nobody would see."""
    monkeypatch.setattr(around, "GRACE_SHARE", 1 / 60)
    _point_at(kato, monkeypatch)
    workers = [Worker([DASHBOARDS])] * 6
    with kato_of(workers, hung={1}) as server:
        monkeypatch.setenv("KATO_API_URL", server.url)
        with closing(bootstrap.build(load_settings())) as services:
            problem = services.usage.collect().kato_problem
            assert DASHBOARDS in services.usage.ownership().nodes
    assert "got no answer while others did" in str(problem)
