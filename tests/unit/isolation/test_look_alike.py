"""Tenants whose names look alike."""

from __future__ import annotations

import pytest

from services.figures import Measure
from services.isolation.about import plain
from services.isolation.models import CannotTell, Finding, Seen
from services.isolation.rules.look_alike import RULES
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey
from tests.unit.isolation.fleets_seen import fleet


def found(seen: Seen) -> list[Finding]:
    return list(RULES[0].find(seen))


def test_pairs_are_named() -> None:
    """Those that were seen, and those that are only read out of a kb_id; each group once."""
    read = {"tenant_Acme_user_x_kato": 1, "tenant_caf\u00e9_user_x_kato": 1}
    seen = fleet("tenant:acme:user:a", "tenant:acme :user:b", "org:acme:dept:d:user:e",
                 "tenant:zed:user:z", "tenant:cafe\u0301:user:c", patterns=read)  # fmt: skip
    acme, cafe = found(seen)
    assert (acme.subject, acme.severity) == ("tenant/acme", Severity.MEDIUM)
    assert acme.tenants == tuple(TenantKey("tenant", n) for n in ("Acme", "acme", "acme "))
    assert plain(acme.evidence)["number of tenants"] == 3
    assert acme.what == (
        "tenant/Acme and tenant/acme and tenant/acme  are different tenants that look alike."
    )
    assert cafe.tenants == tuple(TenantKey("tenant", n) for n in ("cafe\u0301", "caf\u00e9"))


def test_one_tenant_alone_is_no_finding() -> None:
    assert found(fleet("tenant:acme:user:a", "tenant:acme:user:A", "org:acme:dept:d:user:e")) == []


def test_names_that_could_not_be_read_are_not_passed_over() -> None:
    with pytest.raises(CannotTell):
        found(fleet("tenant:acme:user:a", unread=[Measure.VECTORS]))
