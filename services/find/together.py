"""What fits several words at once, by what fits each of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from services.find.models import Certainty, Match, Place
from services.tenancy.kb_ids import TenantKey

_ORDER = list(Certainty)


def fitting_all(found: Sequence[Iterable[Match]]) -> tuple[Match, ...]:
    """Return what fits every word, by what fits each: one match a name, as sure as its unsurest.

    Two words fit together where they fit the same place of the same tenant. A word that fits a
    tenant as a whole fits every place of it.
    """
    sets = [tuple(matches) for matches in found]
    covers = [_surest(matches) for matches in sets]
    kept: dict[tuple[str, TenantKey | None, Place | None], Match] = {}
    for at, matches in enumerate(sets):
        others = covers[:at] + covers[at + 1 :]
        for match in matches:
            fits = [_fit(match, cover) for cover in others]
            told = [each for each in fits if each is not None]
            if len(told) == len(fits):
                sure = max((match.certainty, *told), key=_ORDER.index)
                key = match.found, match.tenant, match.place
                kept.setdefault(key, replace(match, certainty=sure))
    return tuple(kept.values())


_Spot = tuple[TenantKey | None, Place | None, str]


def _spot(match: Match) -> _Spot:
    """Return where a match stands; what has neither tenant nor place stands for itself."""
    alone = match.tenant is None and match.place is None
    return match.tenant, match.place, match.found if alone else ""


def _surest(matches: Iterable[Match]) -> dict[_Spot, Certainty]:
    """Return the surest fit at each spot."""
    found: dict[_Spot, Certainty] = {}
    for match in sorted(matches, key=lambda match: _ORDER.index(match.certainty)):
        found.setdefault(_spot(match), match.certainty)
    return found


def _fit(match: Match, cover: Mapping[_Spot, Certainty]) -> Certainty | None:
    """Return how surely another word fits where a match stands; None where it does not."""
    spots = [_spot(match)]
    if match.tenant is not None:
        spots.append((match.tenant, None, ""))
    return next((cover[spot] for spot in spots if spot in cover), None)
