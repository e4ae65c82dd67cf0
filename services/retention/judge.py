"""Which policy holds for a tenant, and what may go: nothing on hold, shared or inferred. Pure.

Whose a kb_id is, is decided as a purge does: `services.purge.target`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from services.access.viewer import TenantPattern
from services.cards.models import LabelsOf, unlabelled
from services.cards.scope import Scope
from services.cards.specific import MostSpecific
from services.purge.models import LeftKind, Target
from services.purge.target import Doubts
from services.retention.models import (
    BOUNDS,
    Bounds,
    Left,
    LeftOut,
    Matter,
    Policy,
    bound_of,
)
from services.tenancy.claims import ClaimState
from services.tenancy.kb_ids import TenantKey, held_names
from services.tenancy.layout import bytes_of
from services.tenancy.ownership import Ownership

NOT_TOLD = frozenset({b"kato", b"stm", b"patterns", b"symbols", b"tenant"})
"""What keys of no kb_id begin with; a kb_id that is called so cannot be told from them."""

EVERYONE = TenantKey("*", "*")
"""Who stands for everybody where a policy is looked up for what is everybody's."""


class Policies:
    """Policies, asked for the one that holds: of a tenant, a label, a kind, of every tenant.

    Of several labels that one keeps most which is less wrong to follow: what went is gone.
    """

    def __init__(self, policies: Iterable[Policy], labels: LabelsOf = unlabelled) -> None:
        found: dict[str, list[tuple[Scope, Policy]]] = {}
        for each in policies:
            found.setdefault(each.quantity, []).append((each.scope, each))
        self._found = {of: MostSpecific(mine, labels, _least) for of, mine in found.items()}

    def of(self, tenant: TenantKey, quantity: str) -> Policy | None:
        """Return the policy that holds for a tenant; None where none is for it."""
        found = self._found.get(quantity)
        return None if found is None else found.of(tenant)

    def bounding(self, tenant: TenantKey, matter: Matter) -> tuple[Policy, ...]:
        """Return the policies that hold for a tenant and bound something."""
        found = (self.of(tenant, f"{matter}:{bound}") for bound in BOUNDS[matter])
        return tuple(each for each in found if each is not None and each.most is not None)


def _least(policy: Policy) -> float:
    """Order policies by what they keep, the most first."""
    return -math.inf if policy.most is None else -policy.most


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds for one owner: whose it is (None for everybody's), and by which policies."""

    tenant: TenantKey | None
    policies: tuple[Policy, ...]

    @property
    def bounds(self) -> Bounds:
        """How it is bounded."""
        return Bounds(**{bound_of(each.quantity).value: each.most for each in self.policies})

    @property
    def sources(self) -> Mapping[str, str]:
        """Whom the policies that hold are for, by their quantity."""
        return {each.quantity: str(each.scope) for each in self.policies}


Judged = Holding | LeftOut | None
"""None where no policy is about it."""


class Judge:
    """Says of each owner what holds for it, or why it is left as it is.

    `only` are the policies that are to run: others still are more specific where they are.
    `holds` are the tenants on legal hold, `busy` says whether another job has a name, as
    `held_names` makes it.
    """

    def __init__(
        self, policies: Policies, only: Iterable[Policy], ownership: Ownership, *,
        holds: frozenset[TenantKey] = frozenset(), busy: Callable[[str], bool] = lambda _: False,
    ) -> None:  # fmt: skip
        self._policies, self._ownership = policies, ownership
        self._only = frozenset(each.key for each in only)
        self._holds, self._busy = holds, busy
        self.kb = lru_cache(maxsize=None)(self._kb)
        self.node = lru_cache(maxsize=None)(self._node)

    def _kb(self, kb_id: str, matter: Matter) -> Judged:
        claim = self._ownership.kb(kb_id)
        found = [self._bounding(each, matter) for each in claim.tenants]
        if not any(found):
            return None
        why = self._doubt(kb_id, claim.tenants)
        if why is None and self._is_guess(kb_id, claim.tenants, found[0]):
            why = Left.INFERRED
        if why is None and _is_like_others(bytes_of(kb_id)):
            why = Left.NAME
        if why is not None:
            return LeftOut(matter, kb_id, why, (*claim.tenants, *claim.others))
        return self._unless_held(Holding(claim.tenants[0], found[0]), matter, kb_id)

    def _node(self, node_id: str) -> Judged:
        """Judge the sessions of a node_id, which name it themselves."""
        matter, claim = Matter.SESSIONS, self._ownership.node(node_id)
        tenant = claim.tenants[0]
        found = self._bounding(tenant, matter)
        if not found:
            return None
        if claim.others:
            return LeftOut(matter, node_id, Left.SHARED, (tenant, *claim.others))
        kb_id = self._ownership.kb_id_of(node_id)
        return self._unless_held(Holding(tenant, found), matter, node_id, kb_id=kb_id)

    def everybodys(self, matter: Matter) -> Judged:
        """Judge what nothing tells apart: left while anybody at all is on hold."""
        found = self._bounding(EVERYONE, matter)
        if not found:
            return None
        if self._holds:
            return LeftOut(matter, matter.value, Left.HOLD_ELSEWHERE, tuple(sorted(self._holds)))
        return Holding(None, found)

    def _bounding(self, tenant: TenantKey, matter: Matter) -> tuple[Policy, ...]:
        found = self._policies.bounding(tenant, matter)
        return tuple(each for each in found if each.key in self._only)

    def _doubt(self, kb_id: str, tenants: tuple[TenantKey, ...]) -> Left | None:
        judged = Doubts(Target(tenants[0]), self._ownership).about(kb_id)
        if judged is None:
            return Left.INFERRED
        doubt = judged[0]
        if doubt is None:
            return None
        return Left.INFERRED if doubt.kind is LeftKind.INFERRED else Left.SHARED

    def _is_guess(
        self, kb_id: str, tenants: tuple[TenantKey, ...], found: tuple[Policy, ...]
    ) -> bool:
        """Whether a kb_id that only stands for itself is not named by a policy of its own."""
        if self._ownership.kb(kb_id).state is not ClaimState.INFERRED:
            return False
        own = TenantPattern(tenants[0].kind, tenants[0].id)
        return any(each.scope != own for each in found)

    def _unless_held(
        self, holding: Holding, matter: Matter, owner: str, *, kb_id: str = ""
    ) -> Judged:
        tenant = holding.tenant
        if tenant is None:
            return holding
        if tenant in self._holds:
            return LeftOut(matter, owner, Left.HOLD, (tenant,))
        if any(map(self._busy, held_names([tenant], [kb_id or owner]))):
            return LeftOut(matter, owner, Left.BUSY, (tenant,))
        return holding


def _is_like_others(kb_id: bytes) -> bool:
    """Whether its keys are not told from others': a kb_id of KATO's has no colon."""
    return b":" in kb_id or kb_id in NOT_TOLD
