"""Roll-ups are exact, and those of roll-ups are that of the whole."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, strategies as st

from services.history.rollup import Look, Rollup, Sample, merged, reason_in, rolled_up

END = 40

times = st.integers(0, END)
samples = st.lists(st.tuples(times, st.integers(0, 2**62)), unique_by=lambda s: s[0]).map(sorted)
cuts = st.lists(times, min_size=2, unique=True).map(sorted)
reasons = st.sampled_from(["", "", "clickhouse did not answer"])


@st.composite
def looks(draw: st.DrawFn) -> list[Look]:
    """Spans that follow one another; some touch, and between others nobody looked."""
    ends = draw(st.lists(times, unique=True).map(sorted))
    spans = [Look(a, b, draw(reasons)) for a, b in pairwise(ends)]
    return [look for look in spans if draw(st.booleans())]


def second_by_second(
    samples: list[Sample], looks: list[Look], began: int, ended: int, before: int
) -> Rollup | None:
    """Work out what is to come out, a second at a time."""
    known = []
    for at in range(began, ended):
        if any(look.began <= at < look.ended and not look.reason for look in looks):
            earlier = [value for when, value in samples if began <= when <= at]
            known.append(earlier[-1] if earlier else before)
    if not known:
        return None
    return Rollup(known[0], known[-1], min(known), max(known), sum(known), len(known))


@given(samples, looks(), times, times, st.integers(0, 2**62))
def test_it_is_what_every_second_says(
    samples: list[Sample], looks: list[Look], one: int, other: int, before: int
) -> None:
    began, ended = sorted((one, other))
    inside = [sample for sample in samples if began <= sample[0] < ended]
    found = rolled_up(inside, looks, began, ended, before=before)
    assert found == second_by_second(inside, looks, began, ended, before)
    if found is not None:
        assert found.least <= found.mean <= found.most
        assert found.mean * found.known == found.integral


@given(samples, looks(), cuts, st.integers(0, 2**62))
def test_a_rollup_of_rollups_is_that_of_the_whole(
    samples: list[Sample], looks: list[Look], cuts: list[int], before: int
) -> None:
    pieces, value = [], before
    for began, ended in pairwise(cuts):
        some = [sample for sample in samples if began <= sample[0] < ended]
        pieces.append(rolled_up(some, looks, began, ended, before=value))
        value = some[-1][1] if some else value
    inside = [sample for sample in samples if cuts[0] <= sample[0] < cuts[-1]]
    assert merged(pieces) == rolled_up(inside, looks, cuts[0], cuts[-1], before=before)


def test_a_figure_is_not_carried_through_a_time_in_which_it_was_not_known() -> None:
    """Neither into a gap, nor as the value at its end; what is told is the last reason of it."""
    known, failed = Look(0, 10), Look(10, 20, "redis did not answer")
    assert rolled_up([(5, 7)], [known, failed, Look(20, 30)], 0, 30, before=3) == Rollup(
        3, 7, 3, 7, 3 * 5 + 7 * 5 + 7 * 10, 20
    )
    assert rolled_up([], [known, failed], 10, 20, before=7) is None
    assert rolled_up([], [], 0, 10, before=7) is None
    assert reason_in([known, failed, Look(20, 30)], 0, 30) == "redis did not answer"
    assert reason_in([known, failed], 0, 10) == ""
