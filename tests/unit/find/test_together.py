"""Several words: what fits them all, at one place of one tenant, and never less sure than that."""

from __future__ import annotations

from hypothesis import given, strategies as st

from services.find.models import Certainty, Match, Place
from services.find.together import fitting_all
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import ClaimState

ORDER = list(Certainty)
TENANTS = st.sampled_from([None, TenantKey("tenant", "a"), TenantKey("tenant", "b")])
PLACES = st.sampled_from([None, Place("p"), Place("q"), Place("q", is_kb=False)])
MATCHES = st.builds(
    Match, st.sampled_from(["user", "node_id"]), st.sampled_from("xyz"), st.sampled_from(Certainty),
    TENANTS, PLACES, st.just(ClaimState.KNOWN), st.just(""),
)  # fmt: skip
SETS = st.lists(st.lists(MATCHES, max_size=6), max_size=4)


def fits(one: Match, other: Match) -> bool:
    """As `fitting_all` promises it, said anew."""
    if one.tenant != other.tenant:
        return False
    if one.tenant is None and one.place is None:
        return other.place is None and one.found == other.found
    return other.place in {one.place, None} if one.tenant is not None else other.place == one.place


@given(SETS)
def test_what_fits_every_word_is_found_once(sets: list[list[Match]]) -> None:
    """Just the names of which each word has a match that fits, however the words stand."""
    told = {
        (match.found, match.tenant, match.place)
        for at, matches in enumerate(sets)
        for match in matches
        if all(any(fits(match, each) for each in s) for i, s in enumerate(sets) if i != at)
    }
    found = fitting_all(sets)
    keys = [(match.found, match.tenant, match.place) for match in found]
    assert len(keys) == len(set(keys))
    assert set(keys) == told
    turned = {(match.found, match.tenant, match.place) for match in fitting_all(sets[::-1])}
    assert turned == told


@given(SETS)
def test_together_is_as_sure_as_the_unsurest_word(sets: list[list[Match]]) -> None:
    for match in fitting_all(sets):
        for matches in sets:
            best = min(ORDER.index(m.certainty) for m in matches
                       if fits(match, m) or fits(m, match))  # fmt: skip
            assert ORDER.index(match.certainty) >= best
