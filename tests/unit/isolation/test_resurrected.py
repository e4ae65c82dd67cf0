"""Purged data that came back, read after it was erased."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.figures import Measure
from services.isolation.about import plain
from services.isolation.models import CannotTell, Deed, DeedKind, Finding, Seen
from services.isolation.rules.resurrected import RULES
from services.isolation.severity import Severity
from services.purge.job import Tombstone
from services.tenancy.kb_ids import TenantKey, kb_id_of
from tests.unit.isolation.fleets_seen import NOW, fleet

ACME = TenantKey("tenant", "acme")
NODE = "tenant:acme:user:dana"
KB = kb_id_of(NODE)
HOUR_AGO = NOW - timedelta(hours=1)


def found(seen: Seen) -> list[Finding]:
    (rule,) = RULES
    assert rule.code == "resurrected.kb-id"
    return list(rule.find(seen))


def stone(
    kb_id: str = KB, tenant: str = "tenant/acme", *, at: timedelta = timedelta()
) -> Tombstone:
    return Tombstone(kb_id, tenant, "j1", HOUR_AGO + at)


def test_a_purged_kb_id_that_has_data_again() -> None:
    """What came back, since when it should be gone, and by which job."""
    (finding,) = found(fleet(NODE, patterns={KB: 4}, keys={KB: 9}, tombstones=[stone()]))
    assert finding.code == "resurrected.kb-id"
    assert finding.subject == KB
    assert finding.severity is Severity.HIGH
    assert finding.tenants == (ACME,)
    assert finding.kb_ids == (KB,)
    assert plain(finding.evidence) == {
        "erased at": "2026-03-01 11:00 UTC", "erased by job": "j1", "erased for": "tenant/acme",
        "patterns": 4, "keys": 9, "vectors": 0, "sessions": 0,
    }  # fmt: skip
    assert finding.what == (
        f"{KB} of tenant/acme has data again that was purged on 2026-03-01 11:00 UTC."
    )
    assert finding.deeds == (
        Deed(DeedKind.PURGE_TENANT, "tenant/acme"), Deed(DeedKind.SESSIONS, KB),
    )  # fmt: skip


@pytest.mark.parametrize(
    "seen",
    [
        fleet(NODE, patterns={KB: 4}),
        fleet(NODE, tombstones=[stone()]),
        fleet(NODE, patterns={"tenant_globex_user_hank_kato": 4}, tombstones=[stone()]),
        fleet(NODE, patterns={KB: 4}, tombstones=[stone(at=timedelta(minutes=59, seconds=55))]),
        fleet(unread=list(Measure)),
    ],
    ids=["never purged", "gone", "another's", "read before it was erased", "nothing was purged"],
)
def test_what_did_not_come_back(seen: Seen) -> None:
    assert found(seen) == []


def test_a_store_that_is_down_may_have_it() -> None:
    """Not looking is not a proof that it is gone."""
    with pytest.raises(CannotTell, match="keys did not answer"):
        found(fleet(NODE, tombstones=[stone()], unread=[Measure.KEYS]))
    assert found(fleet(NODE, tombstones=[stone()], absent=[Measure.VECTORS])) == []


@pytest.mark.parametrize(
    "target", ["the user dana", f"the node_id {NODE} of tenant/acme", "the user x of tenant/other"]
)
def test_a_purge_of_less_than_a_tenant_names_who_holds_it_now(target: str) -> None:
    """Its own words are no tenant's name."""
    (finding,) = found(fleet(NODE, patterns={KB: 4}, tombstones=[stone(tenant=target)]))
    assert finding.tenants == (ACME,)
    assert plain(finding.evidence)["erased for"] == target


def test_a_kb_id_that_another_holds_now_is_of_both() -> None:
    (finding,) = found(fleet(NODE, patterns={KB: 4}, tombstones=[stone(tenant="org/bigco")]))
    assert finding.tenants == (TenantKey("org", "bigco"), ACME)
