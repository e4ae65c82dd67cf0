"""Who owns what, as far as a viewer who is confined to tenants may know. Pure."""

from __future__ import annotations

from services.access.holders import claimants, holders_of_kb
from services.access.viewer import Sight, Viewer
from services.tenancy.ownership import Claim, ClaimState, Ownership

HELD_WITH_OTHERS = Claim(
    ClaimState.SHARED, (), "tenants that are not in scope hold it, or may hold it, too"
)
"""The answer for what a tenant in scope does not hold alone: shared, and it names nobody."""

NOT_IN_SCOPE = Claim(ClaimState.UNATTRIBUTED, (), "it is not of a tenant in scope")
"""The answer for everything else, whether it is there or not."""


class ConfinedOwnership(Ownership):
    """Answers by every node_id that was ever seen, and names only tenants in scope.

    So a kb_id that somebody else holds too never passes for a tenant's alone: with claimants out
    of scope the answer is `HELD_WITH_OTHERS` or `NOT_IN_SCOPE`, whose `tenants` are empty, which
    to the gate is nobody's. `nodes`, `nodes_by_kb` and `tenants` are those in scope alone: what
    is not there may still be. `read_node` and `tenant_of` only read the text that they are given.
    """

    def __init__(self, whole: Ownership, viewer: Viewer) -> None:
        nodes, sight = visible_nodes(whole, viewer), Sight(viewer)
        super().__init__(
            {node: whole.origins[node] for node in nodes} if whole.origins else nodes,
            schemes=whole.schemes, service=whole.service,
            confirmed={
                kb_id: word for kb_id, word in whole.confirmed.items()
                if sight.sees_each(holders_of_kb(kb_id, whole))
            },
        )  # fmt: skip
        self._whole, self._sight = whole, sight

    def node(self, node_id: str) -> Claim:
        """Whose the data is that names this node_id itself, where that may be known."""
        return self._confined(self._whole.node(node_id))

    def kb(self, kb_id: str) -> Claim:
        """Whose the data under a kb_id is, where that may be known."""
        return self._confined(self._whole.kb(kb_id))

    def named(self, tenant_id: str) -> Claim:
        """Whose data carries a tenant's raw id, where that may be known."""
        return self._confined(self._whole.named(tenant_id))

    def _confined(self, claim: Claim) -> Claim:
        if self._sight.sees_each(claimants(claim)):
            return claim
        return HELD_WITH_OTHERS if any(map(self._sight.sees, claim.tenants)) else NOT_IN_SCOPE


def confined_ownership(whole: Ownership, viewer: Viewer) -> Ownership:
    """Return what a viewer's pages may ask: the same object for one who sees all.

    Costs a look at every kb_id of a seen node_id: keep it for as long as `whole` and the scope
    stay. Use cases and the gate ask the whole.
    """
    return whole if viewer.sees_all else ConfinedOwnership(whole, viewer)


def visible_nodes(ownership: Ownership, viewer: Viewer) -> frozenset[str]:
    """Return the node_ids whose kb_id has no claimant out of scope."""
    if viewer.sees_all:
        return ownership.nodes
    sight = Sight(viewer)
    return frozenset(
        node
        for kb_id, nodes in ownership.nodes_by_kb.items()
        if sight.sees_each(holders_of_kb(kb_id, ownership))
        for node in nodes
    )
