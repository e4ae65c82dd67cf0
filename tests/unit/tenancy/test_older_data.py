"""Whose a kb_id is whose data was there before the first node_id on it was seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.access.holders import claimants
from services.figures import Measure
from services.purge.models import Names, Request, Target
from services.purge.target import select
from services.tenancy.kb_ids import TenantKey
from services.tenancy.names import Confirmation, Origin, Source
from services.tenancy.ownership import ClaimState, Ownership
from services.tenancy.schemes import NamingSchemes

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CORP, CORP_ = TenantKey("tenant", "acme-corp"), TenantKey("tenant", "acme_corp")
BOB, ANN = "tenant:acme-corp:user:bob", "tenant:acme_corp:user:ann"
KB = "tenant_acme_corp_user_bob_kato"
OVER, LATER = Origin(NOW, Source.OVER), Origin(NOW + timedelta(days=1), Source.SESSION)
CAME = Origin(NOW, Source.CAME)
EARLIER = Origin(NOW - timedelta(days=1), Source.IMPORTED, "ann")


def owned(origins: dict[str, Origin], *confirmed: TenantKey) -> Ownership:
    words = [Confirmation(KB, tenant, "ann", NOW, "asked") for tenant in confirmed]
    return Ownership(
        origins, schemes=NamingSchemes.of(), confirmed={word.kb_id: word for word in words}
    )


def test_it_stays_unproven_until_an_admin_says_whose_it_is() -> None:
    """Shared with each known tenant that could have written it; what was seen before it counts."""
    for origins, confirmed, state, tenants in (
        ({BOB: OVER}, (), ClaimState.INFERRED, (CORP,)),
        ({BOB: OVER, ANN: LATER}, (), ClaimState.SHARED, (CORP, CORP_)),
        ({BOB: OVER, ANN: LATER}, (CORP,), ClaimState.CONFIRMED, (CORP,)),
        ({BOB: OVER}, (CORP,), ClaimState.CONFIRMED, (CORP,)),
        ({BOB: OVER}, (CORP_,), ClaimState.SHARED, (CORP, CORP_)),
        ({BOB: OVER, "tenant-acme-corp:user-bob": EARLIER}, (), ClaimState.KNOWN, (CORP,)),
        ({BOB: LATER}, (), ClaimState.KNOWN, (CORP,)),
        ({BOB: CAME}, (), ClaimState.KNOWN, (CORP,)),  # most often it is its own past
        ({BOB: CAME, ANN: LATER}, (), ClaimState.SHARED, (CORP, CORP_)),
        ({BOB: CAME, ANN: LATER}, (CORP,), ClaimState.CONFIRMED, (CORP,)),
    ):
        claim = owned(origins, *confirmed).kb(KB)
        assert (claim.state, claim.tenants) == (state, tenants), (origins, confirmed)
    assert owned({BOB: OVER}).kb(KB).alike
    adopted = owned({BOB: OVER}, CORP).kb(KB)
    assert claimants(adopted) == (CORP,)
    assert adopted.why == "an admin confirmed whose it is"
    assert not owned({"user:zed": OVER}).kb("user_zed_kato").alike


def test_a_purge_leaves_it_out() -> None:
    """Of the tenant, of the node and of the user, until it is confirmed."""
    names = Names(kb_ids={KB: {Measure.PATTERNS: 16}})
    targets = (Target(CORP), Target(CORP, node_id=BOB), Target(CORP, user="bob"),
               Target(user="bob"))  # fmt: skip
    for target in targets:
        for origins in ({BOB: OVER}, {BOB: OVER, ANN: LATER}):
            found = select(Request(target), names, owned(origins))
            assert KB not in found.surface.kb_ids, target
            assert [each.kb_id for each in found.left_out] == [KB]
        assert KB in select(Request(target), names, owned({BOB: OVER}, CORP)).surface.kb_ids
