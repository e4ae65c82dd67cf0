"""Live sessions of several node_ids on one kb_id."""

from __future__ import annotations

import pytest

from services.figures import Measure
from services.isolation.about import plain
from services.isolation.models import CannotTell, Finding, Seen
from services.isolation.rules.live_sessions import RULES
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey
from tests.unit.isolation.fleets_seen import fleet

TENANTS = ("tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob")
USERS = ("tenant:acme:user:a-b", "tenant:acme:user:a_b")
KB = "tenant_acme_corp_user_bob_kato"


def found(seen: Seen) -> list[Finding]:
    return list(RULES[0].find(seen))


def test_sessions_of_two_tenants_on_one_kb_id() -> None:
    """Which node_ids, and how many sessions; whoever has them."""
    (finding,) = found(fleet(*TENANTS, sessions=[*TENANTS, TENANTS[0], "user:zed"]))
    assert (finding.subject, finding.severity) == (KB, Severity.CRITICAL)
    assert finding.tenants == (TenantKey("tenant", "acme-corp"), TenantKey("tenant", "acme_corp"))
    assert plain(finding.evidence) == {
        "node_ids": TENANTS, "number of node_ids": 2, "sessions": 3,
    }  # fmt: skip
    assert finding.what == (
        "3 live sessions of 2 node_ids of tenant/acme-corp and tenant/acme_corp run into one "
        f"memory: {KB}."
    )


def test_sessions_of_two_users_of_one_tenant() -> None:
    (finding,) = found(fleet(*USERS, sessions=USERS))
    assert finding.severity is Severity.HIGH
    assert finding.tenants == (TenantKey("tenant", "acme"),)


def test_what_is_no_such_thing() -> None:
    """Several sessions of one node_id, and node_ids that meet and have no two sessions."""
    assert found(fleet(*TENANTS, sessions=[TENANTS[0]] * 3, patterns={KB: 1})) == []
    assert found(fleet(*TENANTS, sessions=["tenant:acme:user:a", "tenant:acme:user:b"])) == []


def test_sessions_that_were_not_read_are_not_passed_over() -> None:
    with pytest.raises(CannotTell):
        found(fleet(*TENANTS, sessions=TENANTS, unread=[Measure.SESSIONS]))
