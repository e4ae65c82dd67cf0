"""What a viewer who is confined to tenants sees of an answer of Find. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from services.access.holders import holders_of_kb
from services.access.viewer import Viewer
from services.figures import Usage
from services.find.models import CONCEALED, SESSION, Answer, Looked, Match, Place, TenantHit
from services.tenancy.ownership import ClaimState, Ownership

_UNTOLD = Usage(None, None, None, None)


def confined_answer(answer: Answer, viewer: Viewer, ownership: Ownership) -> Answer:
    """Return what a viewer may see of an answer: the same object for one who sees all.

    A session or node_id of a tenant in scope is shown even where others hold its kb_id too, and
    then without its place; the tenant's figures are *unknown* there, as some of them would be
    the others'. Nobody's are left out, and so is every count of the fleet. What could not be
    looked at stays.
    """
    if viewer.sees_all:
        return answer
    names = _Names(viewer, ownership)
    hits = (names.hit(each) for each in answer.hits if viewer.sees(each.tenant))
    found = tuple(hit for hit in hits if hit is not None)
    return Answer(answer.question, found, (), tuple(map(_looked, answer.looked)), 0)


def _looked(look: Looked) -> Looked:
    reason = look.reason and look.reason.nameless()
    return Looked(look.store, look.what, reason, look.at, look.absent)


@dataclass(frozen=True, slots=True)
class _Names:
    """Which names in an answer a viewer may see."""

    viewer: Viewer
    ownership: Ownership

    def hit(self, hit: TenantHit) -> TenantHit | None:
        """Return what is visible of a tenant that has what was looked for."""
        matches = tuple(found for match in hit.matches if (found := self._match(match)))
        if not matches:
            return None
        places = tuple(place for place in hit.places if self._place(place))
        shared = tuple(name for name in hit.shared if self._place(Place(name)))
        usage = hit.usage if len(places) == len(hit.places) else _UNTOLD
        at = {place: usage for place, usage in hit.at.items() if place in places}
        return TenantHit(hit.tenant, hit.state, matches, places, shared, usage, at)

    def _match(self, match: Match) -> Match | None:
        if match.tenant is None or not self.viewer.sees_each((match.tenant, *match.others)):
            return None
        if match.place is None or self._place(match.place):
            return match
        if match.what != SESSION and match.found not in self.ownership.nodes:
            return None
        return Match(
            match.what, match.found, match.certainty, match.tenant, None, ClaimState.SHARED,
            CONCEALED, match.others,
        )  # fmt: skip

    def _place(self, place: Place) -> bool:
        if place.is_kb:
            return self.viewer.sees_each(holders_of_kb(place.name, self.ownership))
        named = self.ownership.named(place.name.removeprefix("tenant:"))
        return self.viewer.sees_each(named.tenants)
