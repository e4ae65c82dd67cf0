"""A tenant moves into another deployment of this dashboard for who is an admin in both."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from unittest.mock import MagicMock, Mock

import pytest

from services.access.gate import Gate
from services.access.viewer import Role, TenantPattern, Viewer
from services.move.access import DeskMove
from services.move.models import MoveRefused
from services.tenancy.kb_ids import TenantKey
from tests.servers.logbooks import sqlite_log

ACME = TenantKey("tenant", "acme")
OTHERS, FAR = "prod-us", "far"


def test_who_is_no_admin_there_is_not_told_of_it_and_moves_nothing_there(tmp_path: Path) -> None:
    """What another file names, as always, is no deployment in which anybody signs in."""
    log = sqlite_log(tmp_path)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    scopes = (frozenset[TenantPattern](), frozenset({TenantPattern("tenant", "acme")}),
              frozenset({TenantPattern("tenant", "other")}),
              frozenset({TenantPattern("*", "*")}))  # fmt: skip
    theirs = [None, *(Viewer("ann", role, scope) for role, scope in product(Role, scopes))]
    for there in theirs:
        inner, plans = MagicMock(), Mock()
        inner.destinations.return_value = (FAR, OTHERS)
        gate = Gate(lambda: Viewer("ann", Role.ADMIN), log.logbook, Mock(), lambda: now)
        desk = DeskMove(
            gate, lambda inner=inner: inner, ownership=Mock(), plans=lambda plans=plans: plans,
            elsewhere=lambda name, there=there: {OTHERS: there}[name],
        )  # fmt: skip
        is_admin = there is not None and there.role is Role.ADMIN
        assert desk.destinations() == ((FAR, OTHERS) if is_admin else (FAR,)), there
        desk.ask(ACME, FAR)
        if is_admin and there is not None and there.sees(ACME):
            desk.ask(ACME, OTHERS)
            continue
        refused = pytest.raises(MoveRefused, match="no deployment is called prod-us here")
        with refused:
            desk.ask(ACME, OTHERS)
        with refused:
            desk.plan(ACME, OTHERS)
        with refused:
            desk.begin(ACME, OTHERS, reason="R-1")
        assert not inner.plan.called, there
        assert not inner.begin.called, there
    log.engine.dispose()
