"""Who grew and who shrank: the changes of all add up to the fleet's."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

from hypothesis import given, strategies as st

from services.history.models import FLEET, NOBODY, SHARED, Figure, Figures, Holder, OwnerKind
from services.history.movers import movers
from services.history.read import Then

BEGAN, ENDED = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
TENANTS = [Holder(OwnerKind.TENANT, f"tenant/{name}") for name in "abcd"]


def then(at: datetime, patterns: dict[Holder, int]) -> Then:
    """Return a moment at which these had so many patterns, and the fleet all of them."""
    figures: dict[Holder, Figures] = {
        holder: {"patterns": Figure(count)} for holder, count in patterns.items() if count
    }
    figures[FLEET] = {"patterns": Figure(sum(patterns.values()))}
    return Then(at, figures, {"patterns": ""})


_moments = st.dictionaries(st.sampled_from([*TENANTS, SHARED, NOBODY]), st.integers(0, 2**63))


@given(_moments, _moments)
def test_the_changes_of_all_are_the_fleets(
    before: dict[Holder, int], after: dict[Holder, int]
) -> None:
    """Whoever has another figure is told once, the largest change first; nobody else is."""
    found = movers(then(BEGAN, before), then(ENDED, after), "patterns")
    changes = {move.holder: move.change for move in found.moves}
    assert changes == {
        holder: change
        for holder in {*before, *after}
        if (change := after.get(holder, 0) - before.get(holder, 0))
    }
    assert found.fleet is not None
    assert found.fleet.change == sum(changes.values())
    sizes = [abs(move.change) for move in found.moves]
    assert sizes == sorted(sizes, reverse=True)


def test_new_and_gone_have_their_words_and_no_share_of_nothing() -> None:
    a, b, c, _ = TENANTS
    found = movers(then(BEGAN, {a: 4, b: 9}), then(ENDED, {a: 5, c: 2}), "patterns")
    assert [(each.holder, each.share, each.is_new, each.is_gone) for each in found.moves] == [
        (b, -1, False, True), (c, None, True, False), (a, Fraction(1, 4), False, False),
    ]  # fmt: skip
