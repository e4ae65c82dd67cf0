"""Data that was there before the first node_id on its kb_id was seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.figures import Measure
from services.isolation.about import plain
from services.isolation.models import CannotTell, Finding, Seen
from services.isolation.rules.older_data import RULES
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey
from services.tenancy.names import Confirmation, Origin, Source
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from tests.unit.isolation.fleets_seen import NOW, fleet

DASH, UNDER = TenantKey("tenant", "acme-corp"), TenantKey("tenant", "acme_corp")
BOB, ANN = "tenant:acme-corp:user:bob", "tenant:acme_corp:user:ann"
KB = "tenant_acme_corp_user_bob_kato"
HELD = {KB: 16}
OVER = Origin(NOW, Source.OVER)


def found(seen: Seen) -> list[Finding]:
    return list(RULES[0].find(seen))


def known(seen: Seen, origins: dict[str, Origin], *confirmed: TenantKey) -> Seen:
    """The same fleet, with what is known of its node_ids."""
    words = [Confirmation(KB, tenant, "ann", NOW, "asked") for tenant in confirmed]
    ownership = Ownership(
        origins, schemes=NamingSchemes.of(), confirmed={word.kb_id: word for word in words}
    )
    return replace(seen, ownership=ownership)


def test_a_session_was_created_on_older_data() -> None:
    """High, and who else could have written it is named; an admin's word ends it."""
    seen = fleet(BOB, patterns=HELD)
    (finding,) = found(known(seen, {BOB: OVER}))
    assert (finding.subject, finding.severity, finding.tenants) == (KB, Severity.HIGH, (DASH,))
    assert finding.what == f"tenant/acme-corp came to data under {KB} that was there before."
    assert plain(finding.evidence)["patterns"] == 16
    (both,) = found(known(seen, {BOB: OVER, ANN: Origin(NOW, Source.IMPORTED)}))
    assert both.tenants == (DASH, UNDER)
    assert "and tenant/acme_corp could have written it" in both.what
    assert found(known(seen, {BOB: OVER}, DASH)) == []


def test_a_client_came_to_what_another_known_tenant_could_have_written() -> None:
    """By the time of the first pattern; nothing where nobody else could, or it came first."""
    seen = fleet(BOB, patterns=HELD)
    (usage,) = seen.snapshot.tenants
    older = replace(usage, parts=(replace(usage.parts[0], first_write=NOW - timedelta(days=9)),))
    seen = replace(seen, snapshot=replace(seen.snapshot, tenants=(older,)))
    late, early = Origin(NOW, Source.SESSION), Origin(NOW - timedelta(days=10), Source.IMPORTED)
    (finding,) = found(known(seen, {BOB: late, ANN: late}))
    assert (finding.severity, finding.tenants) == (Severity.MEDIUM, (DASH, UNDER))
    assert found(known(seen, {BOB: late})) == found(known(seen, {BOB: early, ANN: late})) == []


def test_a_session_is_about_to_come_to_an_idle_tenants_data() -> None:
    """High where several known tenants could, medium where one could and others may read alike."""
    for nodes, severity in (([ANN], Severity.MEDIUM), ([ANN, BOB[:-3] + "zed"], Severity.HIGH)):
        (finding,) = found(fleet(*nodes, patterns=HELD))
        assert (finding.subject, finding.severity) == (KB, severity)
        assert "would come to data" in finding.what
    sure = fleet("tenant:acme:user:ann", patterns={"tenant_acme_user_bob_kato": 1})
    assert found(sure) == found(fleet(patterns=HELD)) == found(fleet(ANN)) == []


def test_what_could_not_be_read_is_not_passed_over() -> None:
    with pytest.raises(CannotTell):
        found(fleet(ANN, patterns=HELD, unread=[Measure.KEYS]))
