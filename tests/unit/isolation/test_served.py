"""Tenants that several KATOs serve, and what lies where no KATO of theirs reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from services.instances.models import Instance, State
from services.isolation.about import plain
from services.isolation.audit import judge
from services.isolation.models import Finding, Need, RuleState, Seen
from services.isolation.rules.served import RULES
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership
from tests.unit.isolation.fleets_seen import fleet

ACME, HOOLI = TenantKey("tenant", "acme"), TenantKey("tenant", "hooli")
BOB = "tenant:acme:user:bob"
OLD, OWN = "tenant_acme_user_bob_kato", "tenant_acme_user_bob_kato_acme"
AT = datetime(2026, 11, 1, tzinfo=UTC)
ONE = Instance(
    "kato-one", ACME, State.SERVING, "http://one:8000", "kato-acme", "kato", AT, "ann"
)  # fmt: skip
TWO = replace(ONE, name="kato-two")


def found(seen: Seen, rule: int) -> list[Finding]:
    return list(RULES[rule].find(seen))


def known(seen: Seen, *names: str) -> Seen:
    """The same, where the register has these SERVICE_NAMEs of acme."""
    ownership = seen.ownership
    services = {ACME: names}
    return replace(
        seen, ownership=Ownership(ownership.nodes, schemes=ownership.schemes, services=services)
    )  # fmt: skip


def test_a_tenant_of_two_katos() -> None:
    """Medium where both have one memory, high where they do not."""
    (finding,) = found(fleet(BOB, served={ACME: (TWO, ONE), HOOLI: (ONE,)}), 0)
    assert (finding.subject, finding.severity, finding.tenants) == (
        "tenant/acme", Severity.MEDIUM, (ACME,),
    )  # fmt: skip
    assert plain(finding.evidence)["sessions are created at"] == "kato-two"
    assert finding.what == (
        "tenant/acme is served by 2 instances, over one memory: kato-one, kato-two."
    )
    for other in ({"service": "kato"}, {"elsewhere": "eu"}, {"database": "x"}):
        (finding,) = found(fleet(BOB, served={ACME: (replace(TWO, **other), ONE)}), 0)
        assert finding.severity is Severity.HIGH


def test_what_no_kato_of_its_reads() -> None:
    """Of whoever is served under another SERVICE_NAME now, be it that of the one all share."""
    there = fleet(BOB, patterns={OLD: 3, OWN: 1}, served={ACME: (ONE,)})
    (finding,) = found(known(there, "kato-acme"), 1)
    assert (finding.tenants, finding.kb_ids, finding.severity) == ((ACME,), (OLD,), Severity.LOW)
    (finding,) = found(known(replace(there, served={}), "", "kato-acme"), 1)
    assert finding.kb_ids == (OWN,)
    assert "whose SERVICE_NAME is kato," in finding.what
    assert found(known(fleet(BOB, patterns={OWN: 1}), "kato-acme"), 1) == []
    assert found(there, 1) == []


def test_where_nobody_has_a_kato_of_its_own_neither_rule_applies() -> None:
    """So that the score is what it was before there was a register."""
    results = judge(RULES, fleet(BOB), unread={}, absent={Need.INSTANCES}, embedded=False)
    for result in results:
        assert result.state is RuleState.NOT_CONFIGURED
        assert str(result.reason) == "no tenant has a KATO of its own in the register"
