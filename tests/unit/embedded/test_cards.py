"""The sample fleet's cards are of tenants that it has, by the names that their sessions have."""

from __future__ import annotations

from services.embedded.sample.cards import EDITS, HELD
from services.embedded.sample.tenants import nodes
from services.tenancy.schemes import NamingSchemes


def test_each_is_of_a_tenant_that_is_there() -> None:
    """And one of them is on hold, of whom there is data."""
    schemes = NamingSchemes.of()
    fleet = nodes(seed=7, tenants=24, largest=500, service="kato")
    seen = (node for node in fleet if node.live)
    there = {read.tenant for node in seen if (read := schemes.read(node.node_id)) is not None}
    assert {edit.tenant for edit in EDITS} <= there
    assert HELD in {edit.tenant for edit in EDITS}
    assert len({edit.tenant for edit in EDITS}) == len(EDITS)
